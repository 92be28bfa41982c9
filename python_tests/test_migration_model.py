"""Random directories and random operations, against golang-migrate's rules written down in Python."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from helpers import new_url
from hypothesis import HealthCheck, given, settings
from outside import Outside, outside

import leaselock
from leaselock import MigrationKind, MigrationResult, Migrations, MigrationStep

RUNS = "runs"  # a body that does its work
FAILS = "fails"  # one that fails after it did some
EMPTY = "empty"
Bodies = dict[tuple[int, bool], str]  # of (version, up)
Operation = tuple[str, "int | None"]

VERSIONS = st.integers(0, 12)
DIRECTORIES = st.dictionaries(st.tuples(VERSIONS, st.booleans()), st.sampled_from([RUNS, RUNS, RUNS, EMPTY, FAILS]))
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["up", "down"]), st.none()),
        st.tuples(st.just("steps"), st.integers(-6, 6)),
        st.tuples(st.just("goto"), VERSIONS),
        st.tuples(st.just("force"), st.none() | VERSIONS),
    ),
    max_size=12,
)
NOISE = ["README.md", "1_a.sql", "x_1.up.sql", "R__view.sql", ".1_hidden.up.sql"]


@dataclass
class Model:
    bodies: Bodies
    version: int | None = None
    ran: list[str] = field(default_factory=list)

    @property
    def versions(self) -> list[int]:
        return sorted({version for version, _ in self.bodies})

    def force(self, version: int | None) -> MigrationKind:
        self.version = version
        return MigrationKind.DONE

    def up(self) -> MigrationKind:
        self.check_version()
        if not self.versions:
            raise leaselock.NoMigration
        return self.move(len(self.versions))

    def down(self) -> MigrationKind:
        self.check_version()
        return self.move(0)

    def steps(self, count: int) -> MigrationKind:
        if count == 0:
            return MigrationKind.NO_CHANGE
        self.check_version()
        wanted = self.place() + count
        place = min(max(wanted, 0), len(self.versions))
        if place == self.place():
            raise leaselock.NoMigration
        kind = self.move(place)
        return kind if place == wanted else MigrationKind.SHORT

    def goto(self, version: int) -> MigrationKind:
        self.check_version()
        if version not in self.versions:
            raise leaselock.NoMigration
        return self.move(self.versions.index(version) + 1)

    def check_version(self) -> None:
        if self.version is not None and self.version not in self.versions:
            raise leaselock.UnknownVersion

    def place(self) -> int:
        """How many are applied."""
        return 0 if self.version is None else self.versions.index(self.version) + 1

    def move(self, place: int) -> MigrationKind:
        if place == self.place():
            return MigrationKind.NO_CHANGE
        while self.place() < place:
            version = self.versions[self.place()]
            self.run(version, True)
            self.version = version
        while self.place() > place:
            below = self.place() - 1
            self.run(self.versions[below], False)
            self.version = self.versions[below - 1] if below else None
        return MigrationKind.DONE

    def run(self, version: int, up: bool) -> None:
        body = self.bodies.get((version, up))
        if body == FAILS:
            raise leaselock.MigrationFailed
        if body == RUNS:
            self.ran.append(f"{'+' if up else '-'}{version}")


def text(version: int, up: bool, body: str) -> str:
    if body == EMPTY:
        return "-- nothing\n"
    work = f"INSERT INTO ran SELECT count(*), '{'+' if up else '-'}{version}' FROM ran;\n"
    return work + ("SELECT * FROM nowhere;\n" if body == FAILS else "")


def files_of(bodies: Bodies) -> dict[str, str]:
    return {
        f"{version:0{version % 4}}_{body}.{'up' if up else 'down'}.sql": text(version, up, body)
        for (version, up), body in bodies.items()
    }


def outcome(target: Any, operation: Operation) -> tuple[object, Any]:
    """How the call ended: a kind, or an exception's class; and the result."""
    name, argument = operation
    call: Callable[..., Any] = getattr(target, name)
    try:
        answer = call() if name in ("up", "down") else call(argument)
    except leaselock.Error as error:
        return type(error), None
    return getattr(answer, "kind", answer), answer


def bodies_of(steps: Iterable[MigrationStep]) -> list[str]:
    return [f"{'+' if step.is_up else '-'}{step.version}" for step in steps if step.title == RUNS]


def follow(
    migrations: Migrations,
    bodies: Bodies,
    operations: list[Operation],
    ran: Callable[[], list[str]],
    told: list[MigrationResult],
) -> None:
    model = Model(bodies)
    for operation in operations:
        before, so_far = model.version, len(model.ran)
        told.clear()
        (expected, _), (got, result) = outcome(model, operation), outcome(migrations, operation)
        assert got == expected, operation
        assert (migrations.version(), migrations.dirty()) == (model.version, False)
        assert ran() == model.ran
        if result is not None and operation[0] != "force" and operation != ("steps", 0):
            assert (result.from_version, result.to_version) == (before, model.version)
            assert bodies_of(result.applied) == model.ran[so_far:]
        assert bodies_of(result.applied[-1] for result in told) == model.ran[so_far:]  # also of a run that failed
        known = [(entry.version, entry.has_up, entry.has_down) for entry in migrations.status().migrations]
        in_files = [(v, (v, True) in bodies, (v, False) in bodies) for v in model.versions]
        if model.version is None or model.version in model.versions:
            assert known == in_files
        else:
            assert known == sorted([*in_files, (model.version, False, False)])


def run_on(
    url: str, database: Outside, folder: Path, bodies: Bodies, operations: list[Operation], kind: str
) -> None:
    database.ask("CREATE TABLE ran (at int, what text)")
    files = {**files_of(bodies), **dict.fromkeys(NOISE, "no SQL")}
    source: leaselock.MigrationSource = files
    if kind == "bytes":
        source = {name: body.encode() for name, body in files.items()}
    elif kind == "directory":
        source = folder / "migrations"
        source.mkdir()
        for name, body in files.items():
            (source / name).write_text(body)
    told: list[MigrationResult] = []
    with leaselock.migrations(url, source, progress=told.append) as migrations:
        follow(migrations, bodies, operations, lambda: database.ask("SELECT what FROM ran ORDER BY at"), told)


@pytest.fixture
def engine(shared_url: str) -> str:
    """Each example makes databases of its own."""
    return shared_url.partition(":")[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=DIRECTORIES, operations=OPERATIONS, kind=st.sampled_from(["directory", "str", "bytes"]))
def test_random_directories_and_operations(
    engine: str, bodies: Bodies, operations: list[Operation], kind: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = new_url(engine, Path(folder))
        with contextlib.closing(outside(url)) as database:
            run_on(url, database, Path(folder), bodies, operations, kind)
