# SPDX-License-Identifier: BSL-1.0
"""Runs one row of the table: every peer once a round, so that what drifts on the machine meets all of them alike."""

import re
import subprocess
import sys
import time

from comparison import machine, plan, serving

# A run this long says enough: it is not repeated.
LONG_S = 10


class Failure(Exception):
    pass


def measure(row, peers, repeats, build, notes):
    """{peer: {metric: best value}}; a peer that failed has None, one that lacks the shape is absent."""
    waiting = {}
    best = {}
    for peer in peers:
        if peer.can(row):
            waiting[peer.name] = peer
            best[peer.name] = {}
    if row.shape in plan.ONCE:
        repeats = 1
    for turn in range(repeats):
        names = list(waiting)
        first = turn % len(names) if names else 0
        for name in names[first:] + names[:first]:
            progress(f"{row.label}, workers={row.workers}, {turn + 1}/{repeats}: {name}")
            start = time.monotonic()
            try:
                figures = run(waiting[name], row, build)
            except (Failure, serving.Failure, OSError) as failure:
                notes.append(f"failed: {name}, {row.label}, workers={row.workers}: {failure}")
                best[name] = None
                del waiting[name]
                continue
            keep_best(best[name], figures)
            if time.monotonic() - start > LONG_S:
                del waiting[name]
    progress("")
    return row, best


def keep_best(best, figures):
    for metric, value in figures.items():
        better = max if metric in plan.RATES else min
        best[metric] = better(best.get(metric, value), value)


def run(peer, row, build):
    if row.shape in plan.SERVERS:
        return serve(peer, row, build / "bench/load")
    sizes = row.sizes_for(peer.name)
    if row.shape in plan.COUNT_FIBERS and sizes["count"] * peer.fiber_bytes > machine.memory_available():
        raise Failure("it would need more memory than there is")
    command = [peer.program, row.shape, "--workers", str(row.workers)]
    for name, value in sizes.items():
        command += [f"--{name}", str(value)]
    return parse(output(command, row), row, peer.name)


def serve(peer, row, load):
    server, clients = serving.start(peer.program, row)
    try:
        text = output([load, *clients], row)
        if server.poll() is not None:
            raise Failure("the server died under load")
    finally:
        serving.stop(server)
    return parse(text, row, "load")


def output(command, row):
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=row.limit_s)
    except subprocess.TimeoutExpired:
        raise Failure(f"not done after {row.limit_s} s") from None
    if ended.returncode != 0:
        words = ended.stderr.strip().splitlines()
        raise Failure(f"status {ended.returncode}{', ' + words[-1] if words else ''}")
    return ended.stdout


def parse(text, row, name):
    wanted = rf"^result {row.shape} {name} workers=\d+((?: \S+=\S+)+)$"
    line = re.search(wanted, text, re.MULTILINE)
    if line is None:
        raise Failure("no result line")
    return {metric: float(value) for metric, value in (word.split("=") for word in line[1].split())}


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
