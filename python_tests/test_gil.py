"""The GIL is free in every call that may wait, and only there."""

from __future__ import annotations

import contextlib
import gc
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import write_locked

import leaselock
from leaselock import _core

INTERFACES = [Path(__file__).parents[1] / "swig" / name for name in ("leaselock.i", "migrations.i")]
BLOCKING = re.findall(
    r"^%blocking\((?:leaselock|ll)_(\w+)\)", "".join(file.read_text() for file in INTERFACES), re.M
)


class Ticker:
    """A thread that counts whenever it is given the GIL."""

    def __init__(self) -> None:
        self.count = 0
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            self.count += 1
            time.sleep(0.001)


@contextlib.contextmanager
def ticking() -> Iterator[Ticker]:
    ticker = Ticker()
    runner = threading.Thread(target=ticker.run)
    runner.start()
    try:
        yield ticker
    finally:
        ticker.stopped = True
        runner.join()


@contextlib.contextmanager
def no_switching() -> Iterator[None]:
    """Python does not take the GIL from a running thread: only a call that gives it up lets another one run."""
    interval = sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(1000)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.enable()


def gives_up_the_gil(call: Callable[[], object], seconds: float) -> bool:
    """True as soon as another thread got to run during a call; the calls may fail."""
    with ticking() as ticker, no_switching():
        before = ticker.count
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            with contextlib.suppress(leaselock.Error):
                call()
            if ticker.count != before:
                return True
        return False


def quick_calls() -> dict[str, Callable[[], object]]:
    """One call of each blocking function, of the quickest kind: on a closed lock, or with what is refused."""
    locks = leaselock.open("memory:gil")
    lease = locks.obtain("a")
    lease.release()
    locks.close()
    lock, held, backoff = locks._handle, lease._handle, _core.backoff_new_none()
    return {
        "lock_open": lambda: _core.lock_open("memory:", None, None, None, True),
        "lock_close": lambda: _core.lock_close(lock),
        "lock_obtain": lambda: _core.lock_obtain(lock, "a", None, None, None),
        "lock_obtain_with_backoff": lambda: _core.lock_obtain_with_backoff(lock, "a", None, backoff, None, None),
        "lock_obtain_with_no_wait": lambda: _core.lock_obtain_with_no_wait(lock, "a", None, None),
        "lock_list": lambda: _core.lock_list(lock, None, False),
        "lock_renew": lambda: _core.lock_renew(lock, held),
        "lock_release": lambda: _core.lock_release(lock, held),
        "lock_resume": lambda: _core.lock_resume(lock, "a", None, 1, "0" * 32),
        "lock_raise_floor": lambda: _core.lock_raise_floor(lock, 1),
        "lease_keep": lambda: _core.lease_keep(held),
        "lease_renew": lambda: _core.lease_renew(held),
        "lease_release": lambda: _core.lease_release(held),
        "lease_wait": lambda: _core.lease_wait(held, 0),
        **quick_calls_of_migrations(),
    }


def quick_calls_of_migrations() -> dict[str, Callable[[], object]]:
    with tempfile.TemporaryDirectory() as folder, leaselock.migrations(f"sqlite:{folder}/gil.db", {}) as migrations:
        pass
    runner, source, secrets = migrations._handle, _core.migration_source_new(), _core.secrets_new_static()
    config = leaselock.Config({"db.url": "memory:gil"})._handle
    return {
        "migrations_open": lambda: _core.migrations_open(config, None, None, None),
        "migrations_open_directory": lambda: _core.migrations_open_directory("memory:gil", "", None, None),
        "migrations_open_source": lambda: _core.migrations_open_source("memory:gil", source, None, None),
        "migrations_version": lambda: _core.migrations_version(runner),
        "migrations_dirty": lambda: _core.migrations_dirty(runner),
        "migrations_close": lambda: _core.migrations_close(runner),
        "migrations_up": lambda: _core.migrations_up(runner, None),
        "migrations_down": lambda: _core.migrations_down(runner, None),
        "migrations_steps": lambda: _core.migrations_steps(runner, 1, None),
        "migrations_goto": lambda: _core.migrations_goto(runner, 1, None),
        "migrations_force": lambda: _core.migrations_force(runner, 1),
        "migrations_drop": lambda: _core.migrations_drop(runner),
        "migrations_create": lambda: _core.migrations_create("", "", "sequence", 6, "sql"),
        "migrations_status": lambda: _core.migrations_status(runner),
        "config_load": lambda: _core.config_load("/dev/null/none"),
        "lock_open_config": lambda: _core.lock_open_config(config, None),
        "secrets_get": lambda: _core.secrets_get(secrets, "none"),
    }


@pytest.mark.parametrize("name", BLOCKING)
def test_every_blocking_function_gives_it_up(name: str) -> None:
    """A name that is misspelt in the interface is ignored there without a word: it would fail here."""
    call = quick_calls()[name]
    assert gives_up_the_gil(call, seconds=20)


def test_there_is_a_call_for_each_blocking_function() -> None:
    assert sorted(BLOCKING) == sorted(quick_calls())


def test_a_getter_keeps_it() -> None:
    """So that the test above can fail."""
    with leaselock.open("memory:gil") as locks, locks.obtain("getter") as lease:
        assert not gives_up_the_gil(lambda: lease.valid, seconds=0.1)


def ticks_during(call: Callable[[], object], expected: type[leaselock.Error]) -> int:
    with ticking() as ticker:
        before = ticker.count
        with pytest.raises(expected):
            call()
        return ticker.count - before


def test_other_threads_run_during_each_wait(locks: leaselock.DatabaseLock, rival: leaselock.DatabaseLock) -> None:
    backoff = leaselock.ExponentialBackoff(2, 0.1, 1)
    with locks.obtain("a") as lease:
        assert ticks_during(lambda: rival.obtain("a", wait=0.2), leaselock.Busy) > 5
        assert ticks_during(lambda: rival.obtain_with_backoff("a", backoff=backoff), leaselock.Busy) > 5
        with ticking() as ticker:
            before = ticker.count
            assert lease.wait(0.2) is leaselock.State.HELD
            assert ticker.count - before > 5


def test_other_threads_run_while_sqlite_is_locked(file: Path, file_url: str) -> None:
    with leaselock.open(file_url, operation_timeout=0.2) as locks:
        lease = locks.obtain("a")
        with write_locked(file):
            assert ticks_during(lambda: locks.obtain_with_no_wait("b"), leaselock.Unavailable) > 5
            assert ticks_during(lease.renew, leaselock.Unavailable) > 5
            assert ticks_during(lambda: locks.raise_floor(5), leaselock.Unavailable) > 5
            assert ticks_during(lease.release, leaselock.Unavailable) > 5
        assert lease.release() is True  # a failed release can be tried again
