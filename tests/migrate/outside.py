"""What the tests of migrations do to a database from outside, and see of it, whatever engine it has."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import schemas
from session import Session


class Outside(Protocol):
    syntax_error: str  # what the engine says of CREATE TABEL
    sqlstate: str | None  # and its code for that
    alone: str  # a statement that cannot run in a transaction
    long: str  # one that ends when the gate is opened
    endless: str  # one that is to be cancelled

    def ask(self, statement: str) -> list[str]:
        """The rows of its answer, with | between the columns."""

    def tables(self) -> list[str]: ...

    def is_inside(self) -> bool:
        """Whether a run is inside `long` or `endless`."""

    def open_gate(self) -> None:
        """Lets a run that is inside `long` go on."""

    def somebody_at_work(self) -> contextlib.AbstractContextManager[str]:
        """Another runner has the lock; gives the process that a message calls it by."""

    def close(self) -> None: ...


class Sqlite:
    syntax_error = 'near "TABEL": syntax error'
    sqlstate: str | None = None
    alone = "VACUUM;"
    long = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 20000000) SELECT count(*) FROM n;"
    endless = (
        "CREATE TABLE endless AS"
        " WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n;"
    )

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connections: list[sqlite3.Connection] = []

    def connect(self, patience: float = 60) -> sqlite3.Connection:
        self.connections.append(sqlite3.connect(self.path, isolation_level=None, timeout=patience))
        return self.connections[-1]

    def ask(self, statement: str) -> list[str]:
        connection = self.connections[0] if self.connections else self.connect()
        return ["|".join(map(str, row)) for row in connection.execute(statement)]

    def tables(self) -> list[str]:
        return self.ask("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")

    def is_inside(self) -> bool:
        """Whether the write lock is somebody's for longer than a moment."""
        if not self.path.exists():
            return False
        connection = self.connect(patience=0.2)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        finally:
            self.connections.pop().close()
        return False

    def open_gate(self) -> None:
        """It ends by itself."""

    @contextlib.contextmanager
    def somebody_at_work(self) -> Iterator[str]:
        connection = self.connect()
        connection.execute("BEGIN IMMEDIATE")
        yield str(os.getpid())
        connection.execute("ROLLBACK")

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


class Postgresql:
    """The gate is an advisory lock: nothing has to take long, and what waits can be cancelled."""

    syntax_error = 'syntax error at or near "TABEL"'
    sqlstate: str | None = "42601"
    alone = "VACUUM schema_migrations;"

    def __init__(self, url: str) -> None:
        self.gate = f"7, {secrets.randbits(31)}"
        self.long = self.endless = f"SELECT pg_advisory_xact_lock({self.gate});"
        self.ask = Session(schemas.psql(url))
        (self.schema,) = self.ask(f"SELECT current_schema() FROM pg_advisory_lock({self.gate})")

    def tables(self) -> list[str]:
        return self.ask("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")

    def is_inside(self) -> bool:
        waiting = f"NOT granted AND locktype = 'advisory' AND (classid, objid) = ({self.gate})"
        return self.ask(f"SELECT count(*) FROM pg_locks WHERE {waiting}") == ["1"]

    def open_gate(self) -> None:
        self.ask(f"SELECT pg_advisory_unlock({self.gate})")

    @contextlib.contextmanager
    def somebody_at_work(self) -> Iterator[str]:
        """A golang-migrate, by the key that it computes."""
        (answer,) = self.ask("SELECT current_database(), pg_backend_pid()")
        database, process = answer.split("|")
        key = zlib.crc32("\0".join([self.schema, "schema_migrations", database]).encode()) * 1486364155 % 2**32
        self.ask(f"SELECT pg_advisory_lock({key})")
        yield process
        self.ask(f"SELECT pg_advisory_unlock({key})")

    def close(self) -> None:
        """Leaves no table behind that a later run would warn of, in another schema."""
        self.ask("SET lock_timeout = '10s'; SET client_min_messages = warning; SELECT pg_advisory_unlock_all()")
        self.ask(f"DROP SCHEMA {self.schema} CASCADE")
        self.ask.close()


def outside(url: str) -> Outside:
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite":
        return Sqlite(Path(rest.removeprefix("//")))
    return Postgresql(url)
