"""Progress: called after each migration, on the thread that runs them; what it raises stops the run and comes out."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import DEADLINE, eventually, new_url, thread
from outside import Outside

import leaselock
from leaselock import MigrationKind, MigrationResult, Migrations, _core

NUMBERS = range(1, 6)
FILES = {
    f"{i}_t{i}.{direction}.sql": f"{statement} t{i}{columns};"
    for i in NUMBERS
    for direction, statement, columns in (("up", "CREATE TABLE", " (x int)"), ("down", "DROP TABLE", ""))
}


class Follower:
    """Writes down what it is told, and does `act` at one version."""

    def __init__(self) -> None:
        self.told: list[MigrationResult] = []
        self.threads: set[int] = set()
        self.at: int | None = None
        self.act: Callable[[], object] = lambda: None

    def __call__(self, so_far: MigrationResult) -> None:
        self.told.append(so_far)
        self.threads.add(threading.get_ident())
        if so_far.applied[-1].version == self.at:
            self.act()


@pytest.fixture
def follower() -> Follower:
    return Follower()


@pytest.fixture
def migrations(shared_url: str, follower: Follower) -> Iterator[Migrations]:
    with leaselock.migrations(shared_url, FILES, progress=follower) as migrations:
        yield migrations


def steps_of(result: MigrationResult) -> str:
    return " ".join(f"{'+' if step.is_up else '-'}{step.version}" for step in result.applied)


def test_each_is_told_when_it_is_done(migrations: Migrations, follower: Follower, database: Outside) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.extend(database.ask("SELECT version FROM schema_migrations"))

    follower.at, follower.act = 3, look
    result = migrations.up()
    assert seen == ["3"]  # committed
    assert [steps_of(so_far) for so_far in follower.told] == ["+1 +2 +3 +4 +5"[: 3 * i - 1] for i in NUMBERS]
    assert [(r.from_version, r.to_version) for r in follower.told] == [(None, i) for i in NUMBERS]
    assert {(r.kind, r.succeeded, r.dirty) for r in follower.told} == {(MigrationKind.RUNNING, False, False)}
    assert follower.told[-1].applied == result.applied
    assert follower.threads == {threading.get_ident()}


@pytest.mark.parametrize(
    "method, argument, told", [("down", (), "-5 -4 -3 -2 -1"), ("steps", (-2,), "-5 -4"), ("goto", (3,), "-5 -4")]
)
def test_each_kind_of_run_is_followed(
    method: str, argument: tuple[int, ...], told: str, migrations: Migrations, follower: Follower
) -> None:
    migrations.up()
    follower.told.clear()
    result = getattr(migrations, method)(*argument)
    assert steps_of(follower.told[-1]) == steps_of(result) == told
    assert len(follower.told) == len(result.applied)


def test_nothing_to_do_is_not_told(migrations: Migrations, follower: Follower) -> None:
    migrations.force(5)
    assert migrations.up().kind is migrations.steps(0).kind is MigrationKind.NO_CHANGE
    assert follower.told == []


@pytest.mark.parametrize("at", [1, 3, 5])
@pytest.mark.parametrize("error", [ValueError("enough"), KeyboardInterrupt(), SystemExit(3), leaselock.Closed("x")])
def test_what_it_raises_stops_the_run_and_comes_out(
    error: BaseException, at: int, migrations: Migrations, follower: Follower
) -> None:
    def fail() -> None:
        raise error

    follower.at, follower.act = at, fail
    with pytest.raises(type(error)) as raised:
        migrations.up()
    assert raised.value is error
    assert (migrations.version(), migrations.dirty(), len(follower.told)) == (at, False, at)
    follower.at = None
    # the next run is not stopped by it
    assert migrations.up().kind is (MigrationKind.NO_CHANGE if at == 5 else MigrationKind.DONE)
    assert migrations.version() == 5


def test_stop_is_all_that_it_may_call(migrations: Migrations, follower: Follower) -> None:
    refused: list[type[Exception]] = []
    calls: list[Callable[[], object]] = [migrations.up, migrations.down, migrations.drop, migrations.version]
    calls += [migrations.dirty, migrations.status, migrations.close]
    calls += [lambda: migrations.force(1), lambda: migrations.goto(1), lambda: migrations.steps(1)]

    def call_all() -> None:
        for call in calls:
            try:
                call()
            except leaselock.Error as error:
                refused.append(type(error))
        migrations.stop()

    follower.at, follower.act = 2, call_all
    result = migrations.up()
    assert (result.kind, result.to_version) == (MigrationKind.STOPPED, 2)
    assert refused == [leaselock.InvalidArgument] * 10
    assert not migrations.closed
    assert migrations.up().succeeded


def test_closing_in_a_signal_handler_is_refused_and_told(shared_url: str, database: Outside) -> None:
    """It would wait for the run that it interrupts."""
    files = {"1_t.up.sql": "CREATE TABLE t (x int);", "2_endless.up.sql": database.endless}
    inside = threading.Event()

    def press() -> None:
        assert inside.wait(DEADLINE)
        os.kill(os.getpid(), signal.SIGUSR1)

    with leaselock.migrations(shared_url, files, progress=lambda so_far: inside.set()) as migrations:
        previous = signal.signal(signal.SIGUSR1, lambda *_: migrations.close())
        try:
            with thread(press), pytest.raises(leaselock.InvalidArgument, match="at work"):
                migrations.up()
        finally:
            signal.signal(signal.SIGUSR1, previous)
        assert (migrations.version(), migrations.closed) == (1, False)


@pytest.mark.parametrize("method", ["up", "down", "steps", "goto"])
def test_runs_of_other_handles_may_be_nested(method: str, shared_url: str, tmp_path: Path) -> None:
    """Each is followed by its own function, the outer one also afterwards."""
    told: list[str] = []

    def nest(so_far: MigrationResult) -> None:
        told.append(f"outer {so_far.to_version}")
        if so_far.to_version == 2:
            getattr(inner, method)(*([] if method in ("up", "down") else [1]))

    def tell(so_far: MigrationResult) -> None:
        told.append(f"inner {so_far.to_version}")

    with (
        leaselock.migrations(f"sqlite:{tmp_path}/inner.db", {"1_a.up.sql": ""}, progress=tell) as inner,
        leaselock.migrations(shared_url, FILES, progress=nest) as outer,
    ):
        inner.force(1 if method == "down" else None)
        assert outer.up().succeeded
    end = "inner None" if method == "down" else "inner 1"
    assert told == ["outer 1", "outer 2", end, "outer 3", "outer 4", "outer 5"]


def test_a_failure_of_a_nested_run_keeps_its_place(shared_url: str, tmp_path: Path) -> None:
    told: list[str] = []
    bad = {"1_a.up.sql": "CREATE TABLE a (x int);", "2_b.up.sql": "\nCREATE TABEL b (x int);"}

    def nest(so_far: MigrationResult) -> None:
        told.append(f"outer {steps_of(so_far)}")
        if so_far.to_version == 2:
            inner.up()

    def tell(so_far: MigrationResult) -> None:
        told.append(f"inner {steps_of(so_far)}")

    with (
        leaselock.migrations(f"sqlite:{tmp_path}/inner.db", bad, progress=tell) as inner,
        leaselock.migrations(shared_url, FILES, progress=nest) as outer,
    ):
        with pytest.raises(leaselock.MigrationFailed) as failed:
            outer.up()
        assert (failed.value.file, failed.value.line) == ("2_b.up.sql", 2)
        assert (outer.version(), inner.version()) == (2, 1)
        assert outer.up().to_version == 5
    assert told[:3] == ["outer +1", "outer +1 +2", "inner +1"]
    assert told[3:] == ["outer +3", "outer +3 +4", "outer +3 +4 +5"]


def test_each_thread_has_its_own(shared_url: str, tmp_path: Path) -> None:
    followers = [Follower() for _ in range(4)]
    urls = [shared_url, *(new_url(shared_url.partition(":")[0], tmp_path) for _ in range(3))]
    start = threading.Barrier(len(followers))

    def run(follower: Follower, url: str) -> None:
        with leaselock.migrations(url, FILES, progress=follower) as migrations:
            start.wait(DEADLINE)
            migrations.up()
            migrations.down()

    with (
        thread(lambda: run(followers[0], urls[0])),
        thread(lambda: run(followers[1], urls[1])),
        thread(lambda: run(followers[2], urls[2])),
        thread(lambda: run(followers[3], urls[3])),
    ):
        pass
    assert [steps_of(follower.told[4]) for follower in followers] == ["+1 +2 +3 +4 +5"] * 4
    assert [len(follower.told) for follower in followers] == [10] * 4
    assert all(len(follower.threads) == 1 for follower in followers)


def test_other_threads_run_before_and_in_it(migrations: Migrations, follower: Follower) -> None:
    """Its own waits give the GIL away, and it is taken back for it."""
    ran = threading.Event()
    follower.at, follower.act = 2, lambda: eventually(ran.is_set)
    with thread(ran.set):
        assert migrations.up().succeeded


def test_a_result_of_c_is_of_no_use_after_the_call(shared_url: str) -> None:
    """What a traceback may have kept of it."""
    kept: list[_core._MigrationResult] = []
    with leaselock.migrations(shared_url, FILES) as migrations:
        _core.migrations_up(migrations._handle, kept.append)
    assert len(kept) == 5
    for result in kept:
        with pytest.raises(ValueError):
            _core.migration_result_count(result)


def test_what_is_told_outlives_everything(shared_url: str) -> None:
    follower = Follower()
    with leaselock.migrations(shared_url, FILES, progress=follower) as migrations:
        migrations.up()
    del migrations
    gc.collect()
    assert [step.title for step in follower.told[-1].applied] == [f"t{i}" for i in NUMBERS]
    assert follower.told[0].applied[0].file == "1_t1.up.sql"


def test_references_are_neither_lost_nor_kept(migrations: Migrations, follower: Follower) -> None:
    answer = object()
    counted = [sys.getrefcount(answer)]

    def give(so_far: MigrationResult) -> object:
        return answer

    migrations._progress = give  # type: ignore[assignment]  # nothing in between
    before = sys.getrefcount(give)
    for _ in range(20):
        migrations.up()
        migrations.down()
    assert (sys.getrefcount(give), sys.getrefcount(answer)) == (before, counted[0])


def test_one_that_knows_its_migrations_is_collected(shared_url: str) -> None:
    def use() -> weakref.ref[Migrations]:
        mine = leaselock.migrations(shared_url, FILES, progress=lambda so_far: mine.stop())
        assert mine.up().to_version == 1
        mine.close()
        return weakref.ref(mine)

    gone = use()
    gc.collect()
    assert gone() is None


def test_memory_that_runs_short_in_it(migrations: Migrations, follower: Follower) -> None:
    def fail() -> None:
        raise MemoryError

    follower.at, follower.act = 2, fail
    with pytest.raises(MemoryError):
        migrations.up()
    assert migrations.version() == 2


def test_what_is_none(shared_url: str) -> None:
    with pytest.raises(TypeError, match="progress must be callable"):
        leaselock.migrations(shared_url, FILES, progress=7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="progress must be callable"):
        leaselock.db_migrations(leaselock.Config(), progress="x")  # type: ignore[arg-type]
    careless: Any = lambda: None
    with leaselock.migrations(shared_url, FILES, progress=careless) as migrations:
        with pytest.raises(TypeError, match="missing|positional"):
            migrations.up()


def test_a_configuration_s_migrations_are_followed(shared_url: str, tmp_path: Path, follower: Follower) -> None:
    (tmp_path / "m").mkdir()
    for name, body in FILES.items():
        (tmp_path / "m" / name).write_text(body)
    config = leaselock.Config({"db.url": shared_url, "db.migrations": str(tmp_path / "m")})
    with leaselock.db_migrations(config, progress=follower) as migrations:
        migrations.up()
    assert [so_far.to_version for so_far in follower.told] == list(NUMBERS)


def test_secrets_may_be_looked_up_with_other_migrations(shared_url: str, tmp_path: Path) -> None:
    """None of these runs yet, so nothing can wait for itself."""
    other = leaselock.migrations(shared_url, FILES)
    versions: list[int | None] = []

    def get(name: str) -> str:
        if not other.closed:
            versions.append(other.up().to_version)
            other.close()
        return "app"

    config = leaselock.Config({"db.host": "127.0.0.1", "db.port": 1, "db.migrations": str(tmp_path)})  # none listens
    with pytest.raises(leaselock.Unavailable):
        leaselock.db_migrations(config, get, wait=0.1)
    assert (versions, other.closed) == ([5], True)
