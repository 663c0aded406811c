# SPDX-License-Identifier: BSL-1.0
"""What is run: shapes, sizes, rows of the table, and the targets that weft is held to."""

import dataclasses

# Arguments of the programs; quick ones show that a shape runs.
SIZES = {
    "yield": {"count": 1_000_000},
    "spawn_join_batch": {"count": 10_000, "repeats": 30},
    "spawn_join_one": {"count": 300_000},
    "wakeup": {"count": 500_000},
    "sleep": {"count": 10_000, "repeats": 10, "min-us": 10_000, "max-us": 100_000},
    "skynet": {"count": 1_000_000},
    "parked": {"count": 1_000_000},
    "echo": {"seconds": 3},
}
QUICK = {
    "yield": {"count": 50_000},
    "spawn_join_batch": {"count": 1_000, "repeats": 10},
    "spawn_join_one": {"count": 10_000},
    "wakeup": {"count": 20_000},
    "sleep": {"count": 1_000, "repeats": 2, "min-us": 10_000, "max-us": 100_000},
    "skynet": {"count": 10_000},
    "parked": {"count": 10_000},
    "echo": {"seconds": 1},
}
# A thread costs a hundred fibers.
THREAD_SIZES = {
    "spawn_join_batch": {"count": 100, "repeats": 20},
    "spawn_join_one": {"count": 2_000},
    "wakeup": {"count": 20_000},
}
SHAPES = list(SIZES)

# Metrics of which more is better.
RATES = {"requests/s"}


@dataclasses.dataclass(frozen=True)
class Row:
    shape: str
    workers: int
    sizes: dict
    connections: int = 0  # echo alone

    @property
    def label(self):
        return f"echo {self.connections} connections" if self.connections else self.shape

    def sizes_for(self, peer):
        return THREAD_SIZES[self.shape] if peer == "bare" and self.shape in THREAD_SIZES else self.sizes


def rows(shapes, workers, connections, quick):
    sizes = QUICK if quick else SIZES
    for shape in shapes:
        for clients in connections if shape == "echo" else [0]:
            for count in workers:
                yield Row(shape, count, sizes[shape], clients)


@dataclasses.dataclass(frozen=True)
class Target:
    """weft's metric against a limit: a multiple of a peer's metric, of the best peer's, or a number of its own."""

    shape: str
    metric: str
    relation: str  # "<=", "<" or ">="
    limit: float
    against: str = ""  # a peer, "every peer", or nothing
    workers: int = 0  # 0: with any number
    connections: int = 0

    def concerns(self, row, metric):
        return (
            (self.shape, self.metric) == (row.shape, metric)
            and self.workers in (0, row.workers)
            and self.connections == row.connections
        )

    @property
    def label(self):
        if self.against == "every peer":
            return f"{self.relation} every peer"
        return f"{self.relation} {self.limit:g}" + (f"x {self.against}" if self.against else "")

    def met(self, figure, reference):
        limit = self.limit * reference
        return {"<=": figure <= limit, "<": figure < limit, ">=": figure >= limit}[self.relation]


TARGETS = [
    Target("yield", "ns", "<=", 0.2, "go"),
    Target("yield", "ns", "<", 1.0, "every peer"),
    Target("spawn_join_batch", "ns", "<=", 0.2, "go"),
    Target("skynet", "ms", "<=", 0.5, "tokio"),
    Target("parked", "bytes", "<=", 4500),
    Target("echo", "requests/s", ">=", 0.95, "bare", workers=1, connections=50),
]
