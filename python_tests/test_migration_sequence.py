"""The engine's rules: golang-migrate's own sequence (migrate_test.go), versions 1ud 3u 4ud 5d 7ud, as data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from outside import Outside

import leaselock
from leaselock import MigrationKind, Migrations

NAMES = ["1_a.up", "1_a.down", "3_b.up", "4_c.up", "4_c.down", "5_d.down", "7_e.up", "7_e.down"]
DONE, NO_CHANGE, SHORT = MigrationKind.DONE, MigrationKind.NO_CHANGE, MigrationKind.SHORT
NOT_THERE = None

# call, argument, how it ends, how many steps are missing, which bodies it runs, the version afterwards
Call = tuple[str, "int | None", "MigrationKind | None", int, str, "int | None"]
GOTO: list[Call] = [
    ("goto", 0, NOT_THERE, 0, "", None),
    ("goto", 2, NOT_THERE, 0, "", None),
    ("goto", 6, NOT_THERE, 0, "", None),
    ("goto", 8, NOT_THERE, 0, "", None),
    ("goto", 1, DONE, 0, "+1", 1),
    ("goto", 3, DONE, 0, "+3", 3),
    ("goto", 4, DONE, 0, "+4", 4),
    ("goto", 5, DONE, 0, "", 5),
    ("goto", 7, DONE, 0, "+7", 7),
    ("goto", 6, NOT_THERE, 0, "", 7),
    ("goto", 5, DONE, 0, "-7", 5),
    ("goto", 4, DONE, 0, "-5", 4),
    ("goto", 3, DONE, 0, "-4", 3),
    ("goto", 1, DONE, 0, "", 1),
    ("goto", 1, NO_CHANGE, 0, "", 1),
    ("goto", 7, DONE, 0, "+3 +4 +7", 7),
    ("goto", 1, DONE, 0, "-7 -5 -4", 1),
    ("goto", 1, NO_CHANGE, 0, "", 1),
]
STEPS: list[Call] = [
    ("steps", 0, NO_CHANGE, 0, "", None),
    ("steps", -1, NOT_THERE, 0, "", None),
    ("steps", 1, DONE, 0, "+1", 1),
    ("steps", 1, DONE, 0, "+3", 3),
    ("steps", 1, DONE, 0, "+4", 4),
    ("steps", 1, DONE, 0, "", 5),
    ("steps", 1, DONE, 0, "+7", 7),
    ("steps", 1, NOT_THERE, 0, "", 7),
    ("steps", -1, DONE, 0, "-7", 5),
    ("steps", -1, DONE, 0, "-5", 4),
    ("steps", -1, DONE, 0, "-4", 3),
    ("steps", -1, DONE, 0, "", 1),
    ("steps", -1, DONE, 0, "-1", None),
    ("steps", 4, DONE, 0, "+1 +3 +4", 5),
    ("steps", 2, SHORT, 1, "+7", 7),
    ("steps", -4, DONE, 0, "-7 -5 -4", 1),
    ("steps", -2, SHORT, 1, "-1", None),
    ("steps", 2**63 - 1, SHORT, 2**63 - 6, "+1 +3 +4 +7", 7),
]
UP_AND_DOWN: list[Call] = [
    ("up", None, DONE, 0, "+1 +3 +4 +7", 7),
    ("up", None, NO_CHANGE, 0, "", 7),
    ("down", None, DONE, 0, "-7 -5 -4 -1", None),
    ("down", None, NO_CHANGE, 0, "", None),
]


def body(name: str) -> str:
    return f"INSERT INTO ran SELECT count(*), '{'+' if name.endswith('.up') else '-'}{name[0]}' FROM ran;"


def source(kind: str, folder: Path) -> leaselock.MigrationSource:
    files = {f"{name}.sql": body(name) for name in NAMES}
    if kind == "mapping":
        return files
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


RAN = "SELECT what FROM ran ORDER BY at"


@pytest.fixture(autouse=True)
def table_of_what_ran(database: Outside) -> None:
    database.ask("CREATE TABLE ran (at int, what text)")


@pytest.fixture
def kind() -> str:
    """Of the source, for tests that do not ask for both."""
    return "mapping"


@pytest.fixture
def migrations(kind: str, shared_url: str, tmp_path: Path) -> Iterator[Migrations]:
    with leaselock.migrations(shared_url, source(kind, tmp_path / "migrations")) as migrations:
        yield migrations


def check(migrations: Migrations, database: Outside, call: Call, before: int | None) -> None:
    method, argument, kind, missing, ran, after = call
    arguments: list[Any] = [] if argument is None else [argument]
    if kind is NOT_THERE:
        with pytest.raises(leaselock.NoMigration):
            getattr(migrations, method)(*arguments)
    else:
        result = getattr(migrations, method)(*arguments)
        assert (result.kind, result.missing) == (kind, missing)
        assert leaselock.migration_succeeded(result) is result.succeeded is (kind is not SHORT)
        assert (result.from_version, result.to_version) == (before, after)
        bodies = [f"{'+' if step.is_up else '-'}{step.version}" for step in result.applied if step.file]
        assert " ".join(bodies) == ran
    assert " ".join(database.ask(RAN)) == ran
    assert (migrations.version(), migrations.dirty()) == (after, False)
    database.ask("DELETE FROM ran")


@pytest.mark.parametrize("kind", ["directory", "mapping"])
@pytest.mark.parametrize("calls", [GOTO, STEPS, UP_AND_DOWN], ids=["goto", "steps", "up and down"])
def test_golang_migrates_own_sequence(
    calls: list[Call], migrations: Migrations, database: Outside
) -> None:
    before = None
    for call in calls:
        check(migrations, database, call, before)
        before = call[-1]


@pytest.mark.parametrize("version, rows", [(1, ["1"]), (0, ["0"]), (2**63 - 1, [f"{2**63 - 1}"]), (None, [])])
def test_what_force_writes(
    version: int | None, rows: list[str], migrations: Migrations, database: Outside
) -> None:
    migrations.force(4)
    result = migrations.force(version)
    assert (result.kind, result.from_version, result.to_version, result.applied) == (DONE, 4, version, ())
    assert database.ask("SELECT version FROM schema_migrations WHERE NOT dirty") == rows
    assert migrations.version() == version


# what golang-migrate's drivers write (database/testing/testing.go), and how it is read
ROWS: list[tuple[int, bool, int | None]] = [(1, True, 1), (2, False, 2), (0, False, 0), (-1, True, None)]


@pytest.mark.parametrize("version, dirty, read", ROWS)
def test_rows_of_golang_migrate(
    version: int, dirty: bool, read: int | None, migrations: Migrations, database: Outside
) -> None:
    migrations.force(1)
    database.ask(f"UPDATE schema_migrations SET version = {version}, dirty = {dirty}")
    assert (migrations.version(), migrations.dirty()) == (read, dirty)
    assert (migrations.status().version, migrations.status().dirty) == (read, dirty)


RUNS: list[tuple[str, tuple[int, ...]]] = [("up", ()), ("down", ()), ("steps", (1,)), ("steps", (-1,)), ("goto", (3,))]


@pytest.mark.parametrize("method, arguments", RUNS)
def test_no_run_begins_on_a_dirty_database(
    method: str, arguments: tuple[int, ...], shared_url: str, database: Outside
) -> None:
    with leaselock.migrations(shared_url, {f"{name}.sql": body(name) for name in NAMES}, wait=0.001) as migrations:
        migrations.force(4)
        database.ask("UPDATE schema_migrations SET dirty = true")
        with pytest.raises(leaselock.Dirty, match="dirty at version 4"):
            getattr(migrations, method)(*arguments)
        assert (migrations.version(), migrations.dirty()) == (4, True)
        assert migrations.steps(0).kind is NO_CHANGE  # golang-migrate does not even look
        result = migrations.force(4)
        assert (result.kind, migrations.dirty()) == (DONE, False)
    assert database.ask(RAN) == []


@pytest.mark.parametrize("method, arguments", [*RUNS, ("goto", (6,))])
def test_no_run_begins_at_a_version_that_no_file_has(
    method: str, arguments: tuple[int, ...], migrations: Migrations, database: Outside
) -> None:
    migrations.force(6)
    with pytest.raises(leaselock.UnknownVersion, match="version 6"):
        getattr(migrations, method)(*arguments)
    assert migrations.version() == 6
    assert database.ask(RAN) == []


@pytest.mark.parametrize("method, number", [("force", -2), ("goto", -1), ("force", -(2**63)), ("goto", -(2**63))])
def test_numbers_that_are_no_versions(method: str, number: int, migrations: Migrations) -> None:
    migrations.force(1)
    with pytest.raises(leaselock.InvalidArgument):
        getattr(migrations, method)(number)
    assert migrations.version() == 1


@pytest.mark.parametrize("method", ["force", "goto", "steps"])
@pytest.mark.parametrize("number, error", [(2**63, ValueError), (1.0, TypeError), ("1", TypeError), (True, TypeError)])
def test_numbers_that_are_none(method: str, number: object, error: type[Exception], migrations: Migrations) -> None:
    with pytest.raises(error):
        getattr(migrations, method)(number)


def test_no_step_is_no_look(migrations: Migrations) -> None:
    migrations.force(4)
    result = migrations.steps(0)
    assert (result.kind, result.from_version, result.to_version) == (NO_CHANGE, None, None)


def test_an_empty_source(shared_url: str) -> None:
    with leaselock.migrations(shared_url, {}) as migrations:
        with pytest.raises(leaselock.NoMigration):
            migrations.up()
        with pytest.raises(leaselock.NoMigration):
            migrations.steps(1)
        with pytest.raises(leaselock.NoMigration):
            migrations.goto(1)
        assert migrations.down().kind is NO_CHANGE
