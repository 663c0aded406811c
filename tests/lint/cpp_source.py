# SPDX-License-Identifier: BSL-1.0
"""C++ files as the lint scripts see them: lines without comments and, where asked, without literals."""

import pathlib
import re

SUFFIXES = {".hpp", ".cpp", ".h", ".cc", ".ipp", ".inl", ".S"}

# Numbers come first, so that a digit separator does not open a character literal.
_TOKEN = re.compile(
    r"""(?P<number>(?<!\w)\d(?:'?[\w.])*)
      | (?P<comment>//(?:\\\n|[^\n])* | /\*.*?\*/)
      | (?P<raw>R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)")
      | (?P<literal>"(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*')""",
    re.VERBOSE | re.DOTALL)
_INCLUDE = re.compile(r"^\s*#\s*include\s*([<\"])([^>\"]+)[>\"]")


def files(root, folders):
    """Paths of all C++ files below root/folder, relative to root, in a fixed order."""
    root = pathlib.Path(root)
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                yield path.relative_to(root)


def lines(text, keep_literals=False):
    """The lines of text with each comment, and unless told otherwise each literal, blanked; line numbers stay."""

    def blank(match):
        if match["number"] or (keep_literals and not match["comment"]):
            return match[0]
        filler = " " if match["comment"] else '""'
        return filler + "\n" * match[0].count("\n")

    return _TOKEN.sub(blank, text).split("\n")


def includes(text):
    """(line number, '<' or '"', name) of each include directive."""
    for number, line in enumerate(lines(text, keep_literals=True), 1):
        match = _INCLUDE.match(line)
        if match:
            yield number, match[1], match[2]
