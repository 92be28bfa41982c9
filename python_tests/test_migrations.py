"""Runs of migrations: failures with their place, stops, Ctrl-C, other threads and other runners."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import DEADLINE, eventually, in_fork, thread
from outside import Outside

import leaselock
from leaselock import MigrationKind, Migrations, MigrationState

FILES = {
    "1_first.up.sql": "CREATE TABLE first (i int);",
    "1_first.down.sql": "DROP TABLE first;",
    "2_second.up.sql": "CREATE TABLE second (i int);",
}


@pytest.fixture
def migrations(shared_url: str) -> Iterator[Migrations]:
    with leaselock.migrations(shared_url, FILES) as migrations:
        yield migrations


@pytest.fixture
def endless(shared_url: str, database: Outside) -> Iterator[Migrations]:
    """Migrations of which the second runs until it is cancelled."""
    with leaselock.migrations(shared_url, FILES | {"2_second.up.sql": database.endless}) as migrations:
        migrations.steps(1)
        yield migrations


def test_a_failure_tells_where(shared_url: str, database: Outside) -> None:
    files = {
        "1_a.up.sql": "CREATE TABLE a (x int);",
        "2_é.up.sql": "CREATE TABLE b (x int);\n/* é */ CREATE TABEL c (x int);\n",
    }
    with leaselock.migrations(shared_url, files) as migrations:
        with pytest.raises(leaselock.MigrationFailed) as failed:
            migrations.up()
        assert migrations.version() == 1
    error = pickle.loads(pickle.dumps(failed.value))
    assert (error.file, error.line, error.column) == ("2_é.up.sql", 2, 16)
    assert error.statement == "/* é */ CREATE TABEL c (x int);"
    assert database.syntax_error in str(error) and "\n" not in str(error)
    assert error.sqlstate == database.sqlstate
    assert database.tables() == ["a", "schema_migrations"]


def test_a_file_that_is_none(shared_url: str, tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/1_a.up.sql").write_bytes(b"SELECT 1;\0")
    with leaselock.migrations(shared_url, tmp_path / "migrations") as migrations:
        with pytest.raises(leaselock.BadMigration) as bad:
            migrations.up()
    assert bad.value.file == "1_a.up.sql"


@pytest.mark.parametrize("body", ["SELECT 1;\0", b"SELECT 1;\0", "\ud800", 7, None])
def test_bodies_that_are_none(body: object, shared_url: str) -> None:
    with pytest.raises((leaselock.BadMigration, leaselock.InvalidArgument, TypeError)):
        leaselock.migrations(shared_url, {"1_a.up.sql": body})  # type: ignore[dict-item]


def test_a_dirty_database(shared_url: str, database: Outside, migrations: Migrations) -> None:
    migrations.steps(1)
    database.ask("UPDATE schema_migrations SET dirty = true")
    with leaselock.migrations(shared_url, FILES, wait=0.01) as impatient, pytest.raises(leaselock.Dirty):
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
        (2, "second", MigrationState.PENDING, True, False),
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


def test_a_table_of_another_name(shared_url: str, database: Outside) -> None:
    with leaselock.migrations(shared_url, FILES, table="versions") as migrations:
        migrations.steps(1)
        assert database.tables() == ["first", "versions"]
        assert migrations.drop().kind is MigrationKind.DONE
        assert migrations.version() is None
    assert database.tables() == []


def test_stop_now_from_another_thread(endless: Migrations, database: Outside) -> None:
    def stop() -> None:
        eventually(database.is_inside)
        endless.stop(now=True)

    with thread(stop):
        result = endless.up()
    assert (result.kind, result.applied, result.succeeded) == (MigrationKind.STOPPED, (), False)
    assert (endless.version(), endless.dirty()) == (1, False)


def test_what_is_cancelled_outside_of_a_transaction_is_dirty(shared_url: str, database: Outside) -> None:
    files = FILES | {"2_second.up.sql": f"-- leaselock: no-transaction\n{database.endless}"}
    with leaselock.migrations(shared_url, files, wait=DEADLINE) as migrations:
        assert migrations.steps(1).dirty is False

        def stop() -> None:
            eventually(database.is_inside)
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


def test_ctrl_c_inside_a_long_statement(endless: Migrations, database: Outside) -> None:
    pressed: list[float] = []

    def press() -> None:
        eventually(database.is_inside)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    with thread(press), pytest.raises(KeyboardInterrupt):
        endless.up()
    assert time.monotonic() - pressed[0] < DEADLINE / 3
    assert (endless.version(), endless.dirty()) == (1, False)


def test_other_threads_run_meanwhile(endless: Migrations, database: Outside) -> None:
    counted: list[int] = []

    def count() -> None:
        eventually(database.is_inside)
        counted.extend(range(1000))
        endless.stop(now=True)

    with thread(count):
        endless.up()
    assert len(counted) == 1000  # without the GIL nobody could have stopped it


def test_somebody_else_is_at_work(shared_url: str, database: Outside) -> None:
    with leaselock.migrations(shared_url, FILES, wait=0.1) as migrations, database.somebody_at_work():
        with pytest.raises(leaselock.Unavailable):
            migrations.steps(1)
        assert migrations.version() is None


def test_two_runners_apply_each_once(shared_url: str) -> None:
    files = {f"{i}_a.up.sql": f"CREATE TABLE t{i} (x int);" for i in range(1, 30)}
    applied: list[int] = []
    start = threading.Barrier(4)

    def run() -> None:
        with leaselock.migrations(shared_url, files, wait=DEADLINE) as migrations:
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


def test_a_close_that_fails_hides_no_error_of_the_block(migrations: Migrations) -> None:
    def leave() -> str:
        try:
            with migrations:  # no close is a child's
                raise KeyError("its own")
        except Exception as error:
            return f"{error!r}, {getattr(error, '__notes__', error.__context__)}"

    told = in_fork(leave)
    assert told.startswith("KeyError('its own'), ") and "forked" in told


def test_one_that_is_dropped_unclosed_is_warned_of(shared_url: str) -> None:
    with pytest.warns(ResourceWarning, match="unclosed <leaselock.Migrations>"):
        leaselock.migrations(shared_url, FILES)


@pytest.mark.parametrize("source", ["no/such/folder", Path("no/such/folder")])
def test_no_such_folder(source: leaselock.MigrationSource, shared_url: str) -> None:
    with pytest.raises(FileNotFoundError):
        leaselock.migrations(shared_url, source)
