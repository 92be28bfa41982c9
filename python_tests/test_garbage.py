"""Handles dropped in any order: a warning that names what was forgotten, and never more than that."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from typing import Any

import pytest
from helpers import run_script

import leaselock
from leaselock import DatabaseLock, State
from leaselock.testing import TestClock


def test_a_lease_that_was_forgotten(locks: DatabaseLock) -> None:
    lease = locks.obtain("invoice-42")
    text = "^unreleased <leaselock.Lease 'invoice-42' of 'tester', sequence 1, HELD>$"
    with pytest.warns(ResourceWarning, match=text):
        del lease
    assert len(locks.list()) == 1  # it ends by its ttl: dropping is not releasing


def test_a_lock_that_was_forgotten(url: str) -> None:
    locks = leaselock.open(url, client_id="worker-7")
    with pytest.warns(ResourceWarning, match="^unclosed <leaselock.DatabaseLock of 'worker-7'>$"):
        del locks


@pytest.mark.parametrize("end", ["released", "expired", "lost"])
def test_no_warning_when_there_is_nothing_to_release(
    clock: TestClock, locks: DatabaseLock, rival: DatabaseLock, end: str
) -> None:
    lease = locks.obtain("a", ttl=10)
    if end == "released":
        lease.release()
    elif end == "expired":
        clock.advance(11)
    else:
        rival.resume("a", "tester", lease.sequence, lease.acquisition).release()
        with pytest.raises(leaselock.Lost):
            lease.renew()
    del lease  # a warning would fail the test


def test_a_dropped_lease_is_not_kept_any_more(locks: DatabaseLock, rival: DatabaseLock) -> None:
    lease = locks.obtain("a", ttl=0.4)
    lease.keep()
    with pytest.warns(ResourceWarning):
        del lease
    rival.obtain("a", wait=20).release()


@pytest.mark.any_engine
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("order", list(itertools.permutations(["lock", "kept", "plain", "released"])), ids="-".join)
def test_any_order(url: str, order: tuple[str, ...]) -> None:
    handles: dict[str, Any] = {"lock": leaselock.open(url)}
    for name in ("kept", "plain", "released"):
        handles[name] = handles["lock"].obtain(name, ttl=60)
    handles["kept"].keep()
    handles["released"].release()
    for name in order:
        del handles[name]
        gc.collect()
        for lease in (handles.get("kept"), handles.get("plain")):
            assert lease is None or lease.state is State.HELD
            if lease is not None:
                lease.renew()  # works without the lock's own handle


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_cycles(url: str) -> None:
    class Holder:
        pass

    holder: Any = Holder()
    holder.locks = leaselock.open(url)
    holder.lease = holder.locks.obtain("a")
    holder.lease.keep()
    holder.itself = holder
    gone = weakref.ref(holder.lease)
    del holder
    gc.collect()
    assert gone() is None


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_dropped_while_another_thread_waits(locks: DatabaseLock, url: str) -> None:
    """The call in progress keeps what it needs."""
    started = threading.Event()
    states: list[State] = []

    def wait() -> None:
        lease = leaselock.open(url).obtain("a", ttl=60)
        started.set()
        states.append(lease.wait(0.2))

    runner = threading.Thread(target=wait)
    runner.start()
    started.wait()
    gc.collect()
    runner.join()
    assert states == [State.HELD]
    assert [entry.resource_id for entry in locks.list()] == ["a"]


def test_weak_references(locks: DatabaseLock) -> None:
    with locks.obtain("a") as lease:
        assert weakref.ref(lease)() is lease and weakref.ref(locks)() is locks


def test_the_process_ends_with_everything_open(url: str) -> None:
    run_script(
        """
import sys, warnings, leaselock
warnings.simplefilter("ignore", ResourceWarning)
locks = leaselock.open(sys.argv[1])
leases = [locks.obtain(name) for name in "abc"]
leases[0].keep()
cycle = [locks, leases]
cycle.append(cycle)
""",
        url,
    )
