"""PostgreSQL for the tests of both tools: databases, sessions, and what is in a database."""

from __future__ import annotations

import contextlib
import difflib
import os
import pathlib
import re
import secrets
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import golang

VARIABLE = "LEASELOCK_TEST_POSTGRESQL"  # of tests/postgresql/server.py
PSQL = os.environ.get(VARIABLE + "_PSQL", "psql")
PG_DUMP = str(pathlib.Path(PSQL).with_name("pg_dump"))
PATIENCE = 60


def until(what: str, holds: Callable[[], object]) -> None:
    """Polls; the tests wait for nothing else."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE} s"
        time.sleep(0.02)


class Session:
    """A psql that stays, with what it holds."""

    END = "-- end --"

    def __init__(self, url: str) -> None:
        self.url = url
        command = [PSQL, "-qXAt", "-v", "ON_ERROR_STOP=1", url]
        self.psql = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = int(self.ask("SELECT pg_backend_pid()"))

    def ask(self, statement: str) -> str:
        assert self.psql.stdin and self.psql.stdout
        self.psql.stdin.write(f"{statement};\n\\echo '{self.END}'\n")
        lines: list[str] = []
        for line in self.psql.stdout:
            if line.rstrip() == self.END:
                return "\n".join(lines)
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"psql ended in: {statement}")

    def close(self) -> None:
        self.psql.communicate()


@contextlib.contextmanager
def session(url: str) -> Iterator[Session]:
    opened = Session(url)
    try:
        yield opened
    finally:
        opened.close()


def administer(statement: str) -> None:
    subprocess.run([PSQL, "-qX", "-v", "ON_ERROR_STOP=1", os.environ[VARIABLE], "-c", statement], check=True)


@contextlib.contextmanager
def database(setup: str = "") -> Iterator[str]:
    """A new one; its URL is one that both tools read."""
    name = f"leaselock_interop_{secrets.token_hex(6)}"
    administer(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        url = re.sub(r"/[^/?]*\?", f"/{name}?", golang.url(os.environ[VARIABLE]), count=1)
        subprocess.run([PSQL, "-qX", "-v", "ON_ERROR_STOP=1", url, "-c", setup], check=True)
        yield url
    finally:
        administer(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def role(name: str) -> Iterator[None]:
    """One that may log in."""
    administer(f"CREATE ROLE {name} LOGIN")
    try:
        yield
    finally:
        administer(f"DROP ROLE {name}")


def name_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def key(name: str, schema: str, table: str) -> int:
    """golang-migrate's: a library says the database's name, the command puts a slash before it."""
    return zlib.crc32("\0".join([schema, table, name]).encode()) * 1486364155 % 2**32


def picture(url: str) -> str:
    """All definitions and rows of a database, the rows sorted: what was rolled back leaves room for others."""
    dump = subprocess.run([PG_DUMP, "--no-owner", url], check=True, capture_output=True, text=True).stdout
    dump = re.sub(r"^\\(un)?restrict .*$", "", dump, flags=re.M)  # another word in each dump
    rows = re.compile(r"^(COPY .*;\n)((?:.*\n)*?)(?=\\\.$)", re.M)
    return rows.sub(lambda copy: copy[1] + "".join(sorted(copy[2].splitlines(keepends=True))), dump)


def same(expected: str, url: str, context: object) -> None:
    with ThreadPoolExecutor() as pool:
        alone, both = [text.splitlines() for text in pool.map(picture, (expected, url))]
    difference = difflib.unified_diff(alone, both, "golang-migrate alone", "both", lineterm="")
    assert alone == both, "\n".join([str(context), *difference])
