#!/usr/bin/env python3
"""Compares what a library exports with a list, and the list with the headers: check_exports.py LIBRARY LIST INCLUDE.

All three have to name the same functions. Whoever adds one to the API adds it to the list; whoever takes one away
breaks programs, and the list is where a reader sees it.
"""

import pathlib
import re
import subprocess
import sys

DECLARATION = re.compile(r"\bLEASELOCK_API\b[^;{]*?\b(\w+)\s*\(", re.DOTALL)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def exported(library: str) -> set[str]:
    """Names of all dynamic symbols of any kind, the version's own node (kind A) aside."""
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True, capture_output=True).stdout
    symbols = [line.split() for line in lines.splitlines()]
    return {symbol[-1].split("@")[0] for symbol in symbols if symbol[-2] != "A"}


def declared(include: pathlib.Path) -> set[str]:
    names = set()
    for header in include.rglob("*.h"):
        text = COMMENT.sub("", header.read_text(encoding="utf-8"))
        names |= set(DECLARATION.findall(re.sub(r"^\s*#.*$|\bLEASELOCK_MUST_CHECK\b", "", text, flags=re.MULTILINE)))
    return names


def difference(what: str, names: set[str], listed: set[str]) -> list[str]:
    return [f"{what}, but not listed: {name}" for name in sorted(names - listed)] + [
        f"listed, but not {what}: {name}" for name in sorted(listed - names)
    ]


def main() -> int:
    library, path, include = sys.argv[1:]
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    complaints = [] if lines == sorted(set(lines)) else [f"{path} is not sorted, or has a line twice"]
    complaints += difference("exported", exported(library), set(lines))
    complaints += difference("declared", declared(pathlib.Path(include)), set(lines))
    print("\n".join(complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
