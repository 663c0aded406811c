# SPDX-License-Identifier: BSL-1.0
"""The programs: where each lies, what it can do, and how the two that Meson does not build are built."""

import dataclasses
import os
import pathlib
import shutil
import subprocess

from comparison import plan, serving

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "peers"
ALL = set(plan.SHAPES)
SERVERS = set(plan.SERVERS)
BARE = {"spawn_join_batch", "spawn_join_one", "wakeup", "mutex_uncontended", "mutex_contended", *SERVERS - plan.TLS - {"idle"}}
STREAMS = ("chan_spsc", "chan_mpsc", "chan_mpmc")
NO_UNBOUNDED = frozenset((shape, "unbounded") for shape in STREAMS)
WITHOUT_TLS = "without TLS"  # in a version
NO_BATCHES = frozenset({("udp_echo", 32)})


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str
    program: pathlib.Path
    shapes: frozenset
    fiber_bytes: int  # what a fiber of plan.COUNT_FIBERS takes at most, roughly
    lacks: frozenset = frozenset()  # rows of its shapes that it cannot do: shape and capacity, or batch

    def can(self, row):
        # But for servers, the threads of bare are as many as the shape has tasks: one row of them is enough.
        one_row = self.name == "bare" and row.shape not in SERVERS
        lacking = any((row.shape, row.sizes.get(name)) in self.lacks for name in ("capacity", "batch"))
        return row.shape in self.shapes and not lacking and (row.workers == 2 or not one_row)


def find_and_build(build):
    """Says what is there in which version and what is not; weft comes first."""
    folder = build / "bench"
    peers = [
        Peer("weft", folder / "weft_peer", frozenset(ALL), 5_000),
        Peer("go", folder / "go_peer", frozenset(ALL), 4_000, NO_UNBOUNDED | NO_BATCHES),
        Peer("tokio", folder / "tokio/release/weft_tokio_peer", frozenset(ALL - {"chan_mpmc"}), 1_000,
             frozenset((shape, 0) for shape in STREAMS) | NO_BATCHES),
        Peer("boost_fiber", folder / "boost_fiber_peer", frozenset(ALL - SERVERS - {"select2", "select4"}), 12_000,
             NO_UNBOUNDED),
        Peer("bare", folder / "bare_peer", frozenset(BARE), 0),
    ]
    why_not = {
        "weft": not_built_by_meson(peers[0]),
        "go": build_go(peers[1].program),
        "tokio": build_tokio(folder / "tokio"),
        "boost_fiber": not_built_by_meson(peers[3], ": Meson found no Boost.Fiber (libboost-fiber-dev)"),
        "bare": not_built_by_meson(peers[4]),
    }
    no_clients = shapes_without_clients(folder / "load")
    found = []
    for peer in peers:
        trouble = why_not[peer.name]
        text = f"skipped, {trouble}" if trouble else version(peer.name, peer.program)
        print(f"{peer.name:12} {text}", flush=True)
        if not trouble:
            lacks = no_clients | (plan.TLS if WITHOUT_TLS in text else set())
            found.append(dataclasses.replace(peer, shapes=peer.shapes - lacks))
    return found


def shapes_without_clients(load):
    """Those of a server that nobody can measure; says why."""
    if not load.is_file():
        print(f"{'load':12} skipped, {load} is not built")
        return SERVERS
    text = version("load", load)
    if WITHOUT_TLS not in text and (trouble := serving.why_no_certificate()):
        text += f", {WITHOUT_TLS}: {trouble}"
    print(f"{'load':12} {text}", flush=True)
    return plan.TLS if WITHOUT_TLS in text else set()


def version(name, program):
    try:
        run = subprocess.run([program, "version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as trouble:
        return f"does not start: {trouble}"
    return run.stdout.partition(f"version {name} ")[2].strip() or "says no version"


def not_built_by_meson(peer, hint=""):
    return "" if peer.program.is_file() else f"{peer.program} is not built{hint}"


def build_go(program):
    command = ["go", "build", "-buildvcs=false", "-o", program, "."]
    return build_with(command, SOURCES / "go", {"GOTOOLCHAIN": "local"})


def build_tokio(target):
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--target-dir", target]
    return build_with(command, SOURCES / "tokio", {})


def build_with(command, source, variables):
    """What prevented it, or nothing."""
    tool = command[0]
    if shutil.which(tool) is None:
        return f"there is no {tool}"
    try:
        subprocess.run(
            command, cwd=source, env={**os.environ, **variables}, check=True, capture_output=True, text=True, timeout=600)
    except subprocess.CalledProcessError as failure:
        lines = failure.stderr.strip().splitlines() or ["it says nothing"]
        return f"{tool} fails: {next((line for line in lines if 'error' in line), lines[-1])}"
    except (OSError, subprocess.TimeoutExpired) as failure:
        return f"{tool} fails: {failure}"
    return ""
