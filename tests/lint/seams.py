#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Keeps nondeterminism behind the seams.

Whatever can differ from run to run - a clock, a system call, a random number, an order of addresses - is reached
through runtime/backend/ only, because simulation replaces what is there and nothing else.

    seams.py ROOT          checks runtime/, channel/ and net/; prints file:line: rule
    seams.py --self-test   shows that each rule fires on a planted line and stays silent on its look-alike
"""

import pathlib
import re
import sys

import cpp_source

FOLDERS = ["runtime", "channel", "net"]
ALLOWED = ["runtime/backend/", "runtime/include/weft/backend/"]

# A name that stands for the system call wherever it is called without a qualifier.
_UNAMBIGUOUS = """
    clock_gettime clock_nanosleep gettimeofday nanosleep usleep
    accept4 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 kevent kqueue
    eventfd timerfd_create timerfd_settime signalfd pidfd_open
    getsockname getpeername getsockopt setsockopt recvfrom recvmsg recvmmsg sendto sendmsg sendmmsg sendfile splice
    pread preadv pwrite pwritev readv writev openat fopen
    mmap munmap mremap madvise process_madvise mprotect
    getrandom getentropy syscall
""".split()
# A word of daily use: the system call is meant where it is qualified with :: alone.
_AMBIGUOUS = """
    accept bind close connect dup dup2 dup3 fcntl ioctl listen open pipe pipe2 poll ppoll read recv select send shutdown
    sleep socket socketpair time write
""".split()

_NOT_QUALIFIED = r"(?<![\w.:])(?<!->)"
_GLOBAL = r"(?<![\w>])::\s*"
_POINTER = r"[^<>,]*(?:<[^<>]*>)?[^<>,]*\*\s*(?:const\s*)?"

RULES = [
    ("clock", re.compile(r"_clock\s*::\s*now\b")),
    ("clock", re.compile(r"=\s*(?:::)?\s*(?:std\s*::\s*)?(?:chrono\s*::\s*)?(?:steady|system|high_resolution)_clock\s*;")),
    ("clock", re.compile(r"\b(?:__rdtscp?|_rdtsc|__builtin_ia32_rdtscp?|__builtin_readcyclecounter)\b")),
    ("clock", re.compile(r"\bthis_thread\s*::\s*sleep_(?:for|until)\b")),
    ("system call", re.compile(rf"(?:{_NOT_QUALIFIED}|{_GLOBAL})(?:{'|'.join(_UNAMBIGUOUS)})\s*\(")),
    ("system call", re.compile(rf"{_GLOBAL}(?:{'|'.join(_AMBIGUOUS)})\s*\(")),
    ("random", re.compile(rf"(?:{_NOT_QUALIFIED}|{_GLOBAL}|\bstd\s*::\s*)s?rand(?:_r)?\s*\(")),
    ("random", re.compile(rf"(?:{_NOT_QUALIFIED}|{_GLOBAL})(?:[delnmj]rand48|arc4random\w*|__builtin_ia32_rdrand\w*)\s*\(")),
    ("random", re.compile(r"\brandom_device\b")),
    ("order of addresses", re.compile(rf"\bstd\s*::\s*(?:hash|less|greater|less_equal|greater_equal)\s*<\s*{_POINTER}>")),
    ("order of addresses",
     re.compile(rf"\bstd\s*::\s*(?:unordered_)?(?:multi)?(?:map|set)\s*<\s*{_POINTER}[,>]")),
    ("order of addresses", re.compile(rf"\bstd\s*::\s*priority_queue\s*<\s*{_POINTER}>")),
]


def violations(text):
    for number, line in enumerate(cpp_source.lines(text), 1):
        for name, pattern in RULES:
            if pattern.search(line):
                yield number, name, line.strip()
                break


def check(root):
    found = 0
    for path in cpp_source.files(root, FOLDERS):
        if any(path.as_posix().startswith(allowed) for allowed in ALLOWED):
            continue
        for number, name, line in violations((root / path).read_text()):
            print(f"{path}:{number}: {name} outside runtime/backend/: {line}")
            found += 1
    return found


PLANTED = [
    ("auto t = std::chrono::steady_clock::now();", "auto t = clock::now();"),
    ("using ticks = std::chrono::steady_clock;", "using ticks = std::chrono::steady_clock::duration;"),
    ("auto t = __rdtsc();", "auto t = rdtsc_unused;"),
    ("std::this_thread::sleep_for(1s);", "weft::sleep(1s);"),
    ("clock_gettime(CLOCK_MONOTONIC, &ts);", "sys.clock_gettime(CLOCK_MONOTONIC, &ts);"),
    ("void* p = ::mmap(nullptr, n, 0, 0, -1, 0);", "void* p = sys::mmap(nullptr, n, 0, 0, -1, 0);"),
    ("if (mprotect(p, n, 0) != 0)", "if (backend->mprotect(p, n, 0) != 0)"),
    ("return syscall(SYS_futex, a);", "// syscall(SYS_futex, a)"),
    ("n = epoll_wait(fd, e, 8, -1);", 'name = "epoll_wait(fd)";'),
    ("getrandom(p, n, 0);", "seed = rng.getrandom(p, n, 0);"),
    ("n = ::read(fd, p, n);", "n = sys::read(fd, p, n);"),
    ("n = ::recv(fd, p, n, 0);", "n = channel.recv();"),
    ("fd = ::accept4(l, a, s, f);", "fd = sys_.accept4(l, a, s, f);"),
    ("if (::connect(fd, a, s) < 0)", "auto s = tcp_stream::connect(a);"),
    ("int i = rand();", "int i = operand();"),
    ("int i = std::rand();", "int i = rng.rand();"),
    ("double d = drand48();", "double d = rng.drand48();"),
    ("std::random_device d;", "std::mt19937 d(seed);"),
    ("std::size_t h = std::hash<waiter*>()(w);", "std::size_t h = std::hash<fiber_id>()(id);"),
    ("std::set<waiter*> all;", "std::set<fiber_id> all;"),
    ("std::map<const fiber*, int> all;", "std::map<int, fiber*> all;"),
    ("std::unordered_map<void*, int> all;", "std::unordered_map<int, void*> all;"),
    ("std::set<std::vector<int>*> all;", "std::set<std::vector<int>> all;"),
    ("std::priority_queue<timer*> all;", "std::priority_queue<deadline> all;"),
    ("auto n = 1'000; ::close(fd); auto m = 2'000;", "auto n = 1'000; stream.close(); auto m = 2'000;"),
]


def self_test():
    failures = 0
    fired = set()
    for bad, good in PLANTED:
        hits = list(violations(f"/* a\n   comment */\n{bad}\n"))
        if [number for number, _, _ in hits] != [3]:
            print(f"no rule fires, or on the wrong line: {bad}")
            failures += 1
        for index, (_, pattern) in enumerate(RULES):
            if pattern.search(bad):
                fired.add(index)
        for _, name, _ in violations(good):
            print(f"rule '{name}' fires without cause: {good}")
            failures += 1
    for index in set(range(len(RULES))) - fired:
        print(f"nothing planted for the rule {RULES[index][1].pattern}")
        failures += 1
    return failures


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    sys.exit(1 if check(pathlib.Path(sys.argv[1])) else 0)
