#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Counts the last `meson test` run of a build folder, each GoogleTest test as one: prints "PASSED FAILED".

A program that failed without a failed test in its report (crash, time limit, sanitizer, leak at exit) is one failure.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree

build = pathlib.Path(sys.argv[1])
passed = failed = 0
log = build / "meson-logs" / "testlog.json"

for line in log.read_text().splitlines() if log.exists() else []:
    program = json.loads(line)
    report = build / (program["name"].split(" / ")[-1] + ".xml")
    bad_before = failed
    good = 0
    try:
        cases = xml.etree.ElementTree.parse(report).findall(".//testcase")
    except (OSError, xml.etree.ElementTree.ParseError):
        good = 1 if program["result"] in ("OK", "EXPECTEDFAIL") else 0
        cases = []
    for case in cases:
        if case.find("failure") is not None:
            failed += 1
        elif case.get("status") == "run" and case.get("result") != "skipped":
            good += 1
    passed += good
    if failed == bad_before and program["result"] not in ("OK", "EXPECTEDFAIL", "SKIP"):
        failed += 1

print(passed, failed)
