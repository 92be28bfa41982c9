#!/usr/bin/env python3
"""Fails where an include points the wrong way: check_includes.py [ROOT].

The layers and what each may see are those of CONTRIBUTING. With --self-test every rule is broken on purpose, in a copy
of nothing but one file, and has to be found with its file and line.
"""

import pathlib
import re
import sys
import tempfile
from collections.abc import Iterator

PUBLIC = ("leaselock.h", "leaselock/")
SYS = ("leaselock/sys/",)
SOURCES = "libleaselock/src"
CLIENTS = {"sqlite3.h": "engines/sqlite", "libpq-fe.h": "engines/postgresql", "postgres_ext.h": "engines/postgresql"}
INCLUDE = re.compile(r'^\s*[#%]\s*(?:include|import)\s*([<"])([^>"]+)[>"]')


def allowed(path: pathlib.PurePosixPath) -> tuple[tuple[str, ...], bool]:
    """What a file may include between quotes, by prefix, and whether that goes for leaselock/sys/ as well."""
    name = str(path)
    if name.startswith("libleaselock/include/"):
        return PUBLIC, "/sys/" in name
    if name.startswith("swig/"):
        return PUBLIC + ("handles_", "migrations", "support.h", "lua/support.h"), True
    layer = path.relative_to(SOURCES).parts
    if layer[0] == "engines":
        return PUBLIC + ("util/", f"engines/{layer[1]}/"), True
    return {
        "cli": (PUBLIC + ("cli/",), False),
        "core": (PUBLIC + ("util/", "migrate/", "core/", "engines.def"), True),
        "migrate": (PUBLIC + ("util/", "migrate/"), True),
        "util": (PUBLIC + ("util/",), True),
    }[layer[0]]


def objection(path: pathlib.PurePosixPath, bracket: str, header: str) -> str | None:
    """Why this include may not be, or None."""
    client = CLIENTS.get(header)
    if client and not str(path).startswith(f"{SOURCES}/{client}/"):
        return f"{header} belongs to {client} alone"
    prefixes, sees_sys = allowed(path)
    ours = bracket == '"' or header.startswith(PUBLIC)
    if not ours:
        return None
    if client is None and (".." in header or not header.startswith(prefixes)):
        return f"{header} is out of sight; this layer sees {', '.join(prefixes)}"
    if header.startswith(SYS) and not sees_sys:
        return f"{header} is for engines and tests"
    return None


def sources(root: pathlib.Path) -> Iterator[pathlib.Path]:
    for folder in ("libleaselock/include", SOURCES, "swig"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".c", ".h", ".i", ".def"}:
                yield path


def check(root: pathlib.Path) -> list[str]:
    complaints = []
    for path in sources(root):
        name = pathlib.PurePosixPath(path.relative_to(root).as_posix())
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            why = objection(name, *found.groups()) if found else None
            if why:
                complaints.append(f"{name}:{number}: {why}")
    return complaints


# One file each, the include in its second line, and whether that is right.
TRIALS = [
    ("libleaselock/src/util/x.c", '"leaselock/sys/engine.h"', True),
    ("libleaselock/src/util/x.c", '"core/lock.h"', False),
    ("libleaselock/src/util/x.c", '"migrate/runner.h"', False),
    ("libleaselock/src/util/x.c", "<sqlite3.h>", False),
    ("libleaselock/src/migrate/x.c", '"util/error.h"', True),
    ("libleaselock/src/migrate/x.c", '"core/lock.h"', False),
    ("libleaselock/src/migrate/x.c", '"engines/sqlite/sqlite.h"', False),
    ("libleaselock/src/core/x.c", '"migrate/runner.h"', True),
    ("libleaselock/src/core/x.c", '"engines/memory/memory.h"', False),
    ("libleaselock/src/core/x.c", "<sqlite3.h>", False),
    ("libleaselock/src/core/x.c", '"sqlite3.h"', False),
    ("libleaselock/src/core/x.c", '"../engines/sqlite/sqlite.h"', False),
    ("libleaselock/src/engines/sqlite/x.c", '"engines/sqlite/sqlite.h"', True),
    ("libleaselock/src/engines/sqlite/x.c", "<sqlite3.h>", True),
    ("libleaselock/src/engines/sqlite/x.c", "<libpq-fe.h>", False),
    ("libleaselock/src/engines/sqlite/x.c", '"engines/memory/x.h"', False),
    ("libleaselock/src/engines/sqlite/x.c", '"core/lock.h"', False),
    ("libleaselock/src/engines/sqlite/x.c", '"migrate/runner.h"', False),
    ("libleaselock/src/cli/x.c", '"leaselock/lock.h"', True),
    ("libleaselock/src/cli/x.c", '"leaselock/sys/probes.h"', False),
    ("libleaselock/src/cli/x.c", "<leaselock/sys/probes.h>", False),
    ("libleaselock/src/cli/x.c", '"util/error.h"', False),
    ("libleaselock/src/cli/x.c", '"core/lock.h"', False),
    ("libleaselock/include/leaselock/x.h", '"leaselock/common.h"', True),
    ("libleaselock/include/leaselock/x.h", '"leaselock/sys/engine.h"', False),
    ("libleaselock/include/leaselock/sys/x.h", '"leaselock/sys/engine.h"', True),
    ("libleaselock/include/leaselock/sys/x.h", '"util/error.h"', False),
    ("libleaselock/include/leaselock/x.h", "<sqlite3.h>", False),
    ("swig/x.i", '"leaselock/sys/probes.h"', True),
    ("swig/x.i", '"core/lock.h"', False),
    ("swig/lua/x.c", '"util/error.h"', False),
]


def self_test() -> list[str]:
    complaints = []
    for name, include, is_right in TRIALS:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True)
            path.write_text(f"/* first line */\n#include {include}\n", encoding="utf-8")
            found = check(pathlib.Path(folder))
        if is_right and found:
            complaints.append(f"{name} may include {include}, but: {found[0]}")
        if not is_right and not (len(found) == 1 and found[0].startswith(f"{name}:2: ")):
            complaints.append(f"{name} including {include} was not found, or not with file and line: {found}")
    return complaints


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        complaints = self_test()
    else:
        complaints = check(pathlib.Path(sys.argv[1]))
    print("\n".join(complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
