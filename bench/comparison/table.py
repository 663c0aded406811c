# SPDX-License-Identifier: BSL-1.0
"""The table: a line a shape, number of workers and metric; a column a peer; ratios and targets."""

from comparison import plan

# What fibers are measured against, not a runtime among others.
FLOOR = "bare"


def show(results, peers):
    ran = {peer for _, best in results for peer in best}
    peers = [peer for peer in peers if peer in ran]
    others = [peer for peer in peers if peer != "weft"]
    lines = [["shape", "W", "metric", *peers, *(f"weft/{peer}" for peer in others), "weft/best", "targets"]]
    verdicts = []
    for row, best in results:
        for metric in metrics_of(best):
            figures = {peer: None if of is None else of.get(metric) for peer, of in best.items()}
            judged = [judge(target, figures) for target in plan.TARGETS if target.concerns(row, metric)]
            verdicts += [verdict for _, verdict in judged]
            lines.append([
                row.label,
                str(row.workers),
                metric,
                *(cell(figures, peer) for peer in peers),
                *(ratio(figures, figures.get(peer)) for peer in others),
                ratio(figures, best_of(figures, metric)),
                ", ".join(text for text, _ in judged),
            ])
    print_aligned(lines)
    print(f"\ntargets: {verdicts.count('met')} met, {verdicts.count('missed')} missed, "
          f"{verdicts.count('open')} without a figure to compare with")


def metrics_of(best):
    """In the order of the first peer that ran; where all failed, one line says so."""
    return next((list(of) for of in best.values() if of), ["-"] if best else [])


def best_of(figures, metric):
    values = [value for peer, value in figures.items() if peer not in ("weft", FLOOR) and value is not None]
    if not values:
        return None
    return max(values) if metric in plan.RATES else min(values)


def judge(target, figures):
    weft = figures.get("weft")
    reference = 1.0
    if target.against == "every peer":
        reference = best_of(figures, target.metric)
    elif target.against:
        reference = figures.get(target.against)
    if "weft" in figures and weft is None:
        verdict = "missed"
    elif weft is None or reference is None:
        verdict = "open"
    else:
        verdict = "met" if target.met(weft, reference) else "missed"
    return f"{target.label}: {verdict}", verdict


def cell(figures, peer):
    if peer not in figures:
        return "-"
    value = figures[peer]
    return "failed" if value is None else number(value)


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(figures, reference):
    weft = figures.get("weft")
    return f"{weft / reference:.2f}" if weft is not None and reference else "-"


def print_aligned(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    left = {0, 2, len(widths) - 1}
    for line in lines:
        cells = [text.ljust(width) if column in left else text.rjust(width)
                 for column, (text, width) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())
