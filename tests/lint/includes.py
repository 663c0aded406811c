#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Keeps the folders apart: channel -> runtime <- net, and what is private stays private.

    includes.py ROOT          checks the include directives; prints file:line: what is wrong
    includes.py --self-test   shows that each rule fires on a planted file and that a clean tree passes
"""

import pathlib
import re
import sys
import tempfile

import cpp_source

# Each folder and those whose public headers it may include.
MAY_SEE = {"runtime": {"runtime"}, "channel": {"channel", "runtime"}, "net": {"net", "runtime"}}
# The one public header whose users have Boost.
FOR_BOOST = "net/include/weft/net/beast.hpp"


def exists_below(root, folder, name):
    return (root / folder / name).is_file()


def owner_of_public(root, name):
    return next((folder for folder in MAY_SEE if exists_below(root, f"{folder}/include", name)), None)


def private_owner(root, name):
    return next((folder for folder in MAY_SEE if exists_below(root, folder, name)), None)


def include_trouble(root, path, quote, name):
    """What is wrong with this include in this file, or None."""
    folder = path.parts[0]
    library = folder in MAY_SEE
    public = library and path.parts[1] == "include"

    if ".." in pathlib.PurePosixPath(name).parts:
        return f"{name}: name it from the folder's root, without '..'"
    if public and name.startswith("boost/") and path.as_posix() != FOR_BOOST:
        return f"{name}: no Boost header in a public header"

    if name.startswith("weft/"):
        owner = owner_of_public(root, name)
        if owner is None:
            return f"{name}: no such public header"
        if library and owner not in MAY_SEE[folder]:
            return f"{name}: {folder} must not include {owner}"
        if "detail" in pathlib.PurePosixPath(name).parts and owner != folder:
            return f"{name}: detail headers are for {owner} alone"
        return None

    owner = private_owner(root, name)
    if quote == "<" and owner is None:
        return None
    if quote == '"' and not public and (root / path.parent / name).is_file():
        return None
    if owner is None:
        return f"{name}: not found from {folder}"
    if not library:
        return f"{name}: private to {owner}, not for {folder}"
    if public:
        return f"{name}: a public header includes no private one"
    if owner != folder and not exists_below(root, folder, name):
        return f"{name}: private to {owner}"
    return None


def violations(root):
    for path in cpp_source.files(root, [*MAY_SEE, "examples"]):
        text = (root / path).read_text()
        for number, quote, name in cpp_source.includes(text):
            trouble = include_trouble(root, path, quote, name)
            if trouble:
                yield path, number, trouble
        if path.parts[1] == "include":
            lines = cpp_source.lines(text)
            for number, line in enumerate(lines, 1):
                if re.match(r"\s*#\s*define\b", line):
                    yield path, number, "no macro in a public header"
            if not any(re.match(r"\s*#\s*pragma\s+once\b", line) for line in lines):
                yield path, 1, "no #pragma once"


CLEAN = {
    "runtime/include/weft/run.hpp": "#pragma once\n#include <vector>\n#include <weft/detail/entry.hpp>\n// #define X\n",
    "runtime/include/weft/detail/entry.hpp": "#pragma once\n",
    "runtime/fiber/stack.hpp": "#pragma once\n#include <boost/context/detail/fcontext.hpp>\n",
    "runtime/fiber/stack.cpp": '#include "fiber/stack.hpp"\n#include <weft/run.hpp>\n',
    "channel/include/weft/channel.hpp": "#pragma once\n#include <weft/run.hpp>\n",
    "net/include/weft/net/tcp.hpp": "#pragma once\n#include <weft/run.hpp>\n",
    "net/include/weft/net/beast.hpp": "#pragma once\n#include <boost/asio/buffer.hpp>\n",
    "net/poller/epoll.hpp": "#pragma once\n",
    "net/poller/epoll.cpp": '#include "poller/epoll.hpp"\n#include <weft/net/tcp.hpp>\n#include <sys/epoll.h>\n',
    "examples/hello.cpp": "#include <weft/run.hpp>\n#include <weft/channel.hpp>\n#include <cstdio>\n",
}
# A file, a line put at its end, and the words the report must have.
PLANTED = [
    ("runtime/fiber/stack.cpp", "#include <weft/channel.hpp>", "runtime must not include channel"),
    ("runtime/fiber/stack.cpp", "#include <weft/net/tcp.hpp>", "runtime must not include net"),
    ("net/poller/epoll.cpp", "#include <weft/channel.hpp>", "net must not include channel"),
    ("channel/include/weft/channel.hpp", "#include <weft/net/tcp.hpp>", "channel must not include net"),
    ("net/poller/epoll.cpp", '#include "fiber/stack.hpp"', "private to runtime"),
    ("net/poller/epoll.cpp", "#include <fiber/stack.hpp>", "private to runtime"),
    ("net/poller/epoll.cpp", '#include "../../runtime/fiber/stack.hpp"', "without '..'"),
    ("net/poller/epoll.cpp", "#include <weft/detail/entry.hpp>", "for runtime alone"),
    ("net/poller/epoll.cpp", '#include "poller/kqueue.hpp"', "not found from net"),
    ("runtime/include/weft/run.hpp", "#include <weft/rum.hpp>", "no such public header"),
    ("runtime/include/weft/run.hpp", '#include "fiber/stack.hpp"', "includes no private one"),
    ("runtime/include/weft/run.hpp", "#include <fiber/stack.hpp>", "includes no private one"),
    ("runtime/include/weft/run.hpp", "# include <boost/context/fiber.hpp>", "no Boost header"),
    ("runtime/include/weft/run.hpp", "#define WEFT_X 1", "no macro"),
    ("examples/hello.cpp", '#include "fiber/stack.hpp"', "private to runtime, not for examples"),
    ("examples/hello.cpp", "#include <weft/detail/entry.hpp>", "for runtime alone"),
]


def self_test():
    failures = 0

    def expect(change, words):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {**CLEAN, **change}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            reports = [f"{path}:{number}: {trouble}" for path, number, trouble in violations(root)]
        if len(reports) != (1 if words else 0) or not all(words in report for report in reports):
            print(f"expected {words or 'no report'} for {change}, got {reports}")
            return 1
        return 0

    failures += expect({}, "")
    for name, line, words in PLANTED:
        failures += expect({name: CLEAN[name] + line + "\n"}, words)
    failures += expect({"net/include/weft/net/udp.hpp": "#include <weft/run.hpp>\n"}, "no #pragma once")
    return failures


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    found = 0
    source_root = pathlib.Path(sys.argv[1])
    for path, number, trouble in violations(source_root):
        print(f"{path}:{number}: {trouble}")
        found += 1
    sys.exit(1 if found else 0)
