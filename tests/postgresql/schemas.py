#!/usr/bin/env python3
"""For each test a schema of its own, which is a database to everything that opens its URL, on the server of server.py:

    schemas.py COUNT        makes so many, and prints their URLs
"""

import functools
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator

from server import VARIABLE

AT_ONCE = 100  # a psql for each would take longer than most tests


def psql(url: str | None = None) -> list[str]:
    """On the database, or on the URL, as the superuser; with answers that are not decorated, and no sanitizer in it."""
    program = os.environ.get(VARIABLE + "_PSQL", "psql")
    return ["env", "-u", "LD_PRELOAD", program, "-qXAt", "-v", "ON_ERROR_STOP=1", url or os.environ[VARIABLE]]


def ask(question: str) -> str:
    """The lines of the answer to a query."""
    return subprocess.run(psql(), input=question, check=True, stdout=subprocess.PIPE, text=True).stdout


@functools.cache
def new_schemas() -> Iterator[str]:
    def endless() -> Iterator[str]:
        while True:
            names = [f"test_{secrets.token_hex(6)}" for _ in range(AT_ONCE)]
            made = "".join(f"CREATE SCHEMA {name};" for name in names)
            subprocess.run(psql(), input=made, check=True, text=True)
            yield from names

    return endless()


def new_url() -> str:
    """The URL of a schema that nobody has used. By the search_path, which leases and migrations both go by."""
    url = os.environ[VARIABLE]
    return f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{next(new_schemas())}"


if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        print(new_url())
