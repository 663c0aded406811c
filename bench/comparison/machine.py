# SPDX-License-Identifier: BSL-1.0
"""Where a table was made: machine, commit, compiler."""

import json
import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def description(build):
    return "\n".join([
        f"machine      {processor()}, {len(os.sched_getaffinity(0))} CPUs, {memory_total() / 2**30:.0f} GiB, "
        f"{platform.system()} {platform.release()}, load average {os.getloadavg()[0]:.2f}",
        f"commit       {commit()}",
        f"C++          {compiler(build)}",
    ])


def processor():
    match = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match[1] if match else platform.machine()


def memory_total():
    return memory("MemTotal")


def memory_available():
    return memory("MemAvailable")


def memory(field):
    return int(re.search(rf"^{field}:\s*(\d+) kB", pathlib.Path("/proc/meminfo").read_text(), re.MULTILINE)[1]) * 1024


def commit():
    described = output("git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=10")
    return described or "none"


def compiler(build):
    """The first C++ compiler that Meson uses there, and its build type."""
    targets = json.loads((build / "meson-info/intro-targets.json").read_text())
    sources = [source for target in targets for source in target["target_sources"]]
    command = next((source["compiler"] for source in sources if source.get("language") == "cpp"), [])
    said = output(*command, "--version") if command else ""
    options = json.loads((build / "meson-info/intro-buildoptions.json").read_text())
    build_type = next(option["value"] for option in options if option["name"] == "buildtype")
    return f"{said.partition(chr(10))[0] or 'unknown'}, {build_type}"


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
