#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs an example and compares what it prints with what a file says.

    run_example.py PROGRAM EXPECTED
    run_example.py --self-test      shows that wrong output is told from right one

The program has to exit with 0 and to print the lines of EXPECTED. The first line of EXPECTED may say otherwise:
    # any order   the lines may come in any order
    # counts      each further line is LEAST-MOST PATTERN: so many lines match the whole pattern, and each matches just one
"""

import difflib
import pathlib
import re
import signal
import subprocess
import sys

HANG_LIMIT_S = 50  # below that of the test


def trouble(expected, printed):
    """What is wrong with the lines printed; empty if nothing is."""
    if expected[:1] == ["# counts"]:
        return list(wrong_counts(expected[1:], printed))
    if expected[:1] == ["# any order"]:
        expected, printed = sorted(expected[1:]), sorted(printed)
    return list(difflib.unified_diff(expected, printed, "expected", "printed", lineterm=""))


def wrong_counts(rules, printed):
    counts = {rule: 0 for rule in rules}
    for line in printed:
        matching = [rule for rule in rules if re.fullmatch(rule.split(" ", 1)[1], line)]
        for rule in matching:
            counts[rule] += 1
        if len(matching) != 1:
            yield f"matches {len(matching)} patterns: {line}"
    for rule, count in counts.items():
        least, most = map(int, rule.split(" ", 1)[0].split("-"))
        if not least <= count <= most:
            yield f"{count} lines instead of {rule}"


def run(program):
    with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as running:
        try:
            return running.communicate(timeout=HANG_LIMIT_S)[0], running.returncode
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGQUIT)  # prints its fibers to stderr
            try:
                running.wait(timeout=5)
            except subprocess.TimeoutExpired:
                running.kill()
            return running.communicate()[0], f"none after {HANG_LIMIT_S} s"


def self_test():
    cases = [  # what is expected, what is right, what is wrong; | between lines
        ("a|b", "a|b", "b|a"),
        ("a|b", "a|b", "a|b|c"),
        ("# any order|a|b", "b|a", "a|b|b"),
        ("# any order|a|b", "a|b", "a"),
        ("# counts|1-2 a+|0-1 b", "aa|a", "aa|a|a"),
        ("# counts|1-2 a+|0-1 b", "a|b", "b"),
        ("# counts|1-2 a+|0-1 b", "b|a", "a|ab"),
    ]
    failures = 0
    for expected, right, wrong in cases:
        if trouble(expected.split("|"), right.split("|")) or not trouble(expected.split("|"), wrong.split("|")):
            print(f"{expected}: {right} is right, {wrong} is not")
            failures += 1
    return failures


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    output, status = run(sys.argv[1])
    wrong = trouble(pathlib.Path(sys.argv[2]).read_text().splitlines(), output.splitlines())
    if status != 0:
        wrong.append(f"exit status: {status}")
    for each in wrong:
        print(each)
    sys.exit(1 if wrong else 0)
