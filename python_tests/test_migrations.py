"""Runs of migrations: failures with their place, stops, Ctrl-C, other threads and other runners."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import DEADLINE, eventually, in_fork, thread, write_locked

import leaselock
from leaselock import MigrationKind, Migrations, MigrationState

# runs for minutes, unless it is cancelled
ENDLESS = """INSERT INTO done WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000000)
SELECT max(i) FROM n;"""
FILES = {"1_first.up.sql": "CREATE TABLE done (i);", "1_first.down.sql": "DROP TABLE done;", "2_long.up.sql": ENDLESS}


@pytest.fixture
def migrations(file_url: str) -> Iterator[Migrations]:
    with leaselock.migrations(file_url, FILES) as migrations:
        yield migrations


def schema(file: Path) -> set[str]:
    connection = sqlite3.connect(file)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    finally:
        connection.close()


def wait_until_writing(file: Path) -> None:
    """Until somebody has the write lock for longer than a moment."""

    def locked() -> bool:
        connection = sqlite3.connect(file, timeout=0.2, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        finally:
            connection.close()
        return False

    eventually(locked)


def test_a_failure_tells_where(file: Path, file_url: str) -> None:
    files = {"1_a.up.sql": "CREATE TABLE a (x);", "2_é.up.sql": "CREATE TABLE b (x);\n/* é */ CREATE TABEL c (x);\n"}
    with leaselock.migrations(file_url, files) as migrations:
        with pytest.raises(leaselock.MigrationFailed) as failed:
            migrations.up()
        assert migrations.version() == 1
    error = pickle.loads(pickle.dumps(failed.value))
    assert (error.file, error.line, error.column) == ("2_é.up.sql", 2, 16)
    assert error.statement == "/* é */ CREATE TABEL c (x);"
    assert 'near "TABEL": syntax error' in str(error) and "\n" not in str(error)
    assert schema(file) == {"schema_migrations", "version_unique", "a"}


def test_a_file_that_is_none(file: Path, file_url: str, tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/1_a.up.sql").write_bytes(b"SELECT 1;\0")
    with leaselock.migrations(file_url, tmp_path / "migrations") as migrations:
        with pytest.raises(leaselock.BadMigration) as bad:
            migrations.up()
    assert bad.value.file == "1_a.up.sql"


@pytest.mark.parametrize("body", ["SELECT 1;\0", b"SELECT 1;\0", "\ud800", 7, None])
def test_bodies_that_are_none(body: object, file_url: str) -> None:
    with pytest.raises((leaselock.BadMigration, leaselock.InvalidArgument, TypeError)):
        leaselock.migrations(file_url, {"1_a.up.sql": body})  # type: ignore[dict-item]


def test_a_dirty_database(file: Path, migrations: Migrations) -> None:
    migrations.steps(1)
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("UPDATE schema_migrations SET dirty = 1")
    connection.close()
    with leaselock.migrations(f"sqlite:{file}", FILES, wait=0.01) as impatient, pytest.raises(leaselock.Dirty):
        impatient.down()
    listing = migrations.status()
    assert (listing.version, listing.dirty, migrations.dirty()) == (1, True, True)
    migrations.force(1)
    assert migrations.down().to_version is None


def test_status(migrations: Migrations) -> None:
    assert migrations.status().version is None
    migrations.steps(1)
    listing = migrations.status()
    assert [(e.version, e.title, e.state, e.has_up, e.has_down) for e in listing.migrations] == [
        (1, "first", MigrationState.APPLIED, True, True),
        (2, "long", MigrationState.PENDING, True, False),
    ]
    assert [entry.version for entry in listing.pending] == [2]
    migrations.force(3)
    assert migrations.status().migrations[-1].state is MigrationState.MISSING
    with pytest.raises(leaselock.UnknownVersion):
        migrations.up()


def test_results_cannot_be_changed(migrations: Migrations) -> None:
    result, listing = migrations.steps(1), migrations.status()
    for thing, name in (result, "kind"), (result.applied[0], "version"), (listing, "dirty"):
        with pytest.raises(AttributeError):
            setattr(thing, name, None)
    step = result.applied[0]
    assert (step.version, step.title, step.file, step.is_up) == (1, "first", "1_first.up.sql", True)
    assert step.duration >= 0
    assert not leaselock.migration_succeeded(None)


def test_a_table_of_another_name(file: Path, file_url: str) -> None:
    with leaselock.migrations(file_url, FILES, table="versions") as migrations:
        migrations.steps(1)
        assert migrations.drop().kind is MigrationKind.DONE
        assert migrations.version() is None
    assert schema(file) == set()


def test_stop_now_from_another_thread(file: Path, migrations: Migrations) -> None:
    migrations.steps(1)

    def stop() -> None:
        wait_until_writing(file)
        migrations.stop(now=True)

    with thread(stop):
        result = migrations.up()
    assert (result.kind, result.applied, result.succeeded) == (MigrationKind.STOPPED, (), False)
    assert (migrations.version(), migrations.dirty()) == (1, False)


def test_what_is_cancelled_outside_of_a_transaction_is_dirty(file: Path, file_url: str) -> None:
    files = {"1_first.up.sql": "CREATE TABLE done (i);", "2_long.up.sql": f"-- leaselock: no-transaction\n{ENDLESS}"}
    with leaselock.migrations(file_url, files, wait=DEADLINE) as migrations:
        assert migrations.steps(1).dirty is False

        def stop() -> None:
            wait_until_writing(file)
            migrations.stop(now=True)

        with thread(stop):
            result = migrations.up()
        assert (result.kind, result.applied, result.dirty) == (MigrationKind.STOPPED, (), True)
        assert (result.from_version, result.to_version) == (1, 2)
        assert (migrations.version(), migrations.dirty()) == (2, True)


def test_a_stop_before_a_run_is_for_the_next_one(migrations: Migrations) -> None:
    migrations.stop()
    assert migrations.up().kind is MigrationKind.STOPPED
    assert migrations.version() is None
    assert migrations.steps(1).kind is MigrationKind.DONE


def test_ctrl_c_inside_a_long_statement(file: Path, migrations: Migrations) -> None:
    migrations.steps(1)
    pressed: list[float] = []

    def press() -> None:
        wait_until_writing(file)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    with thread(press), pytest.raises(KeyboardInterrupt):
        migrations.up()
    assert time.monotonic() - pressed[0] < DEADLINE / 3
    assert (migrations.version(), migrations.dirty()) == (1, False)


def test_other_threads_run_meanwhile(file: Path, migrations: Migrations) -> None:
    migrations.steps(1)
    counted: list[int] = []

    def count() -> None:
        wait_until_writing(file)
        counted.extend(range(1000))
        migrations.stop(now=True)

    with thread(count):
        migrations.up()
    assert len(counted) == 1000  # without the GIL nobody could have stopped it


def test_the_write_lock_is_somebody_elses(file: Path, file_url: str) -> None:
    with leaselock.migrations(file_url, FILES, wait=0.1) as migrations, write_locked(file):
        with pytest.raises(leaselock.Unavailable):
            migrations.steps(1)


def test_two_runners_apply_each_once(file_url: str) -> None:
    files = {f"{i}_a.up.sql": f"CREATE TABLE t{i} (x);" for i in range(1, 30)}
    applied: list[int] = []
    start = threading.Barrier(4)

    def run() -> None:
        with leaselock.migrations(file_url, files, wait=DEADLINE) as migrations:
            start.wait(DEADLINE)
            result = migrations.up()
        assert result.succeeded and result.to_version == 29
        applied.extend(step.version for step in result.applied)

    with thread(run), thread(run), thread(run), thread(run):
        pass
    assert sorted(applied) == list(range(1, 30))


def test_a_closed_one(migrations: Migrations) -> None:
    migrations.close()
    migrations.close()
    assert migrations.closed and repr(migrations) == "<leaselock.Migrations, closed>"
    with pytest.raises(leaselock.Closed):
        migrations.up()


def test_a_forked_one(migrations: Migrations) -> None:
    def use() -> str:
        try:
            migrations.up()
        except leaselock.Forked as error:
            return error.name
        return "went on"

    assert in_fork(use) == "FORKED"


def test_one_that_is_dropped_unclosed_is_warned_of(file_url: str) -> None:
    with pytest.warns(ResourceWarning, match="unclosed <leaselock.Migrations>"):
        leaselock.migrations(file_url, FILES)


@pytest.mark.parametrize("source", ["no/such/folder", Path("no/such/folder")])
def test_no_such_folder(source: leaselock.MigrationSource, file_url: str) -> None:
    with pytest.raises(FileNotFoundError):
        leaselock.migrations(file_url, source)
