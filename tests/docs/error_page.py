"""docs/errors.md has a row for every status of error.def, with its Python class, and none for anything else."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
table = (ROOT / "libleaselock/include/leaselock/error.def").read_text()
page = (ROOT / "docs/errors.md").read_text()

defined = {(row[0], row[1]) for row in re.findall(r'^LEASELOCK_ERROR\((\w+), -\d+, ".*", (\w+)\)', table, re.M)}
explained = set(re.findall(r"^\| ([A-Z_]+) \| (\w+) \|", page, re.M))
for name, exception in sorted(defined ^ explained):
    where = "not in docs/errors.md" if (name, exception) in defined else "not in error.def"
    print(f"{name} ({exception}): {where}")
print(f"{len(defined & explained)} passed, {len(defined ^ explained)} failed")
sys.exit(0 if defined == explained and defined else 1)
