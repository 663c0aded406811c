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
    "echo": {"seconds": 2},
    "tls_echo": {"connections": 50, "seconds": 1},
    "udp_echo": {"connections": 50, "seconds": 1},
    "connect": {"connections": 50, "seconds": 1},
    "idle": {},
    "chan_seq": {"count": 2_000_000},
    "chan_pingpong": {"count": 1_000_000},
    "chan_spsc": {"count": 2_000_000},
    "chan_mpsc": {"count": 2_000_000},
    "chan_mpmc": {"count": 2_000_000},
    "select2": {"count": 1_000_000},
    "select4": {"count": 1_000_000},
    "skynet_channels": {"count": 1_000_000},
    "sieve": {"count": 2_000},
    "mutex_uncontended": {"count": 20_000_000},
    "mutex_contended": {"count": 8_000_000},
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
    "tls_echo": {"connections": 50, "seconds": 1},
    "udp_echo": {"connections": 50, "seconds": 1},
    "connect": {"connections": 50, "seconds": 1},
    "idle": {},
    "chan_seq": {"count": 20_000},
    "chan_pingpong": {"count": 10_000},
    "chan_spsc": {"count": 20_000},
    "chan_mpsc": {"count": 20_000},
    "chan_mpmc": {"count": 20_000},
    "select2": {"count": 20_000},
    "select4": {"count": 20_000},
    "skynet_channels": {"count": 10_000},
    "sieve": {"count": 200},
    "mutex_uncontended": {"count": 200_000},
    "mutex_contended": {"count": 100_000},
}
# A thread costs a hundred fibers.
THREAD_SIZES = {
    "spawn_join_batch": {"count": 100, "repeats": 20},
    "spawn_join_one": {"count": 2_000},
    "wakeup": {"count": 20_000},
}
# Two threads of Boost.Fiber that steal from each other take up to 20 us to pass an item on: a tenth of the items is enough.
STEALING_TENTH = {"chan_pingpong", "chan_spsc", "chan_mpsc", "chan_mpmc"}
SHAPES = list(SIZES)
# Shapes of a server, and what it does in them. Its clients are bench/load.
SERVERS = {"echo": "echo", "tls_echo": "tls_echo", "udp_echo": "udp_echo", "connect": "echo", "idle": "echo"}
TLS = {"tls_echo"}
# What comes out the same each time.
ONCE = {"idle"}
# Names that stand for several shapes.
GROUPS = {
    "channels": [shape for shape in SHAPES if shape.startswith(("chan_", "select"))] + ["skynet_channels", "sieve"],
    "net": list(SERVERS),
    "mutex": [shape for shape in SHAPES if shape.startswith("mutex_")],
}

# Shapes that may have so many fibers at once as their count says.
COUNT_FIBERS = {"parked", "skynet", "skynet_channels"}

CAPACITIES = [{"capacity": capacity} for capacity in (0, 1, 128, "unbounded")]
# Further arguments of the programs, which tell a shape's rows apart.
VARIANTS = {
    "chan_seq": [{"capacity": 128}],
    "chan_spsc": [
        *(variant | {"payload": "int"} for variant in CAPACITIES),
        *({"capacity": 128, "payload": payload} for payload in (64, "unique")),
    ],
    "chan_mpsc": CAPACITIES,
    "chan_mpmc": CAPACITIES,
    "select2": [{"capacity": 0}, {"capacity": 128}],
    "select4": [{"capacity": 0}, {"capacity": 128}],
    "udp_echo": [{"batch": 1}, {"batch": 32}],
    "idle": [{"connections": 10_000}, {"connections": 18_000}],
}
# Items go through a channel of that capacity so many times as fast as from hand to hand: so many times more of them do.
BUFFERED_FACTOR = {128: 4, "unbounded": 4}

# Seconds after which a program has failed: those that take about one where they work, and the rest.
SHORT_LIMIT_S = 20
LIMIT_S = 60
SHORT = {*GROUPS["channels"], *GROUPS["mutex"]} - {"skynet_channels"}

# Metrics of which more is better.
RATES = {"requests/s", "connections/s"}


@dataclasses.dataclass(frozen=True)
class Row:
    shape: str
    workers: int
    sizes: dict
    variant: dict  # those of the sizes that tell it from the shape's other rows

    @property
    def label(self):
        return " ".join([self.shape, ", ".join(f"{name} {value}" for name, value in self.variant.items())]).strip()

    @property
    def limit_s(self):
        return SHORT_LIMIT_S if self.shape in SHORT else LIMIT_S

    def sizes_for(self, peer):
        if peer == "bare":
            return THREAD_SIZES.get(self.shape, self.sizes)
        if peer == "boost_fiber" and self.workers > 1 and self.shape in STEALING_TENTH:
            return {**self.sizes, "count": self.sizes["count"] // 10}
        return self.sizes


def shapes_named(names):
    """A group's name stands for its shapes."""
    return [shape for name in names for shape in GROUPS.get(name, [name])]


def rows(shapes, workers, connections, quick):
    sizes = QUICK if quick else SIZES
    for shape in shapes:
        for variant in variants(shape, connections):
            for count in workers:
                yield Row(shape, count, with_variant(sizes[shape], variant), variant)


def variants(shape, connections):
    if shape == "echo":
        return [{"connections": clients} for clients in connections]
    return VARIANTS.get(shape, [{}])


def with_variant(sizes, variant):
    arguments = {**sizes, **variant}
    if "capacity" in variant:
        arguments["count"] *= BUFFERED_FACTOR.get(variant["capacity"], 1)
    return arguments


@dataclasses.dataclass(frozen=True)
class Target:
    """weft's metric against a limit: a multiple of a peer's metric, of the best peer's, or a number of its own."""

    shape: str
    metric: str
    relation: str  # "<=", "<" or ">="
    limit: float
    against: str = ""  # a peer, "every peer", or nothing
    workers: int = 0  # 0: with any number
    variant: dict = dataclasses.field(default_factory=dict)

    def concerns(self, row, metric):
        return (
            (self.shape, self.metric) == (row.shape, metric)
            and self.workers in (0, row.workers)
            and self.variant == row.variant
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
    *(Target("echo", metric, relation, limit, against, variant={"connections": connections})
      for connections in (50, 1000)
      for metric, relation, limit, against in (
          ("requests/s", ">=", 0.97, "bare"),
          ("requests/s", ">=", 1.0, "every peer"),
          ("p99_us", "<=", 1.0, "every peer"),
      )),
    Target("tls_echo", "requests/s", ">=", 1.2, "go"),
    Target("idle", "bytes", "<=", 10_000, variant={"connections": 18_000}),
    Target("chan_pingpong", "ns", "<=", 0.25, "go", workers=1),
    Target("chan_pingpong", "ns", "<=", 0.35, "go", workers=2),
    Target("chan_spsc", "ns", "<=", 0.5, "go", workers=1, variant={"capacity": 128, "payload": "int"}),
    Target("chan_spsc", "ns", "<=", 0.6, "go", workers=2, variant={"capacity": 128, "payload": "int"}),
    Target("chan_mpmc", "ns", "<=", 0.7, "go", variant={"capacity": 128}),
    Target("select2", "ns", "<=", 0.4, "go", variant={"capacity": 0}),
    Target("select2", "ns", "<=", 0.5, "go", variant={"capacity": 128}),
    Target("select4", "ns", "<=", 0.4, "go", variant={"capacity": 0}),
    Target("select4", "ns", "<=", 0.5, "go", variant={"capacity": 128}),
    Target("skynet_channels", "ms", "<=", 0.3, "go"),
    Target("skynet_channels", "peak_mb", "<", 1.0, "go"),
    Target("mutex_uncontended", "ns", "<=", 1.0, "go"),
]
