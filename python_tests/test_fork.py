"""Forks: the child holds nothing, the parent notices nothing, and what is spawned starts anew."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable

import pytest
from helpers import in_fork, run_script

import leaselock
from leaselock import DatabaseLock, Lease, State


def error_of(call: Callable[[], object]) -> type[BaseException] | None:
    try:
        call()
    except leaselock.Error as error:
        return type(error)
    return None


def state_of(lease: Lease) -> tuple[State, bool, float]:
    return lease.state, lease.valid, lease.remaining


@pytest.mark.parametrize("kept", [False, True])
def test_a_child_s_handles_are_forked(locks: DatabaseLock, kept: bool) -> None:
    with locks.hold("a") if kept else locks.obtain("a") as lease:
        calls: list[Callable[[], object]] = [
            lease.renew,
            lease.release,
            lease.keep,
            lease.wait,
            locks.list,
            locks.interrupt,
            locks.close,
            lambda: locks.obtain("b"),
            lambda: locks.obtain_with_no_wait("a"),
            lambda: locks.resume("a", "tester", lease.sequence, lease.acquisition),
            lambda: locks.raise_floor(7),
        ]
        assert in_fork(lambda: [error_of(call) for call in calls]) == [leaselock.Forked] * len(calls)
        assert in_fork(lambda: state_of(lease)) == (State.FORKED, False, 0.0)
        assert in_fork(lambda: (lease.resource_id, lease.sequence)) == ("a", 1)  # what never changes
        assert lease.state is State.HELD
        lease.renew()
    assert locks.list() == []


def test_a_child_that_drops_all_changes_nothing(url: str) -> None:
    locks = leaselock.open(url)
    lease = locks.obtain("a")

    def drop() -> None:
        nonlocal locks, lease
        del lease, locks

    in_fork(drop)
    assert lease.state is State.HELD
    assert lease.release() is True
    locks.close()


def test_a_child_that_drops_all_leaves_the_session_alone(postgresql_url: str) -> None:
    """A good-bye on the parent's connection would end it. The parent would connect anew, and nobody notice."""
    import schemas  # here, as in helpers.py

    name = f"parent-{os.getpid()}"
    locks = leaselock.open(f"{postgresql_url}&application_name={name}")
    session = f"SELECT pid FROM pg_stat_activity WHERE application_name = '{name}'"
    before = schemas.ask(session)

    def drop() -> None:
        nonlocal locks
        del locks

    in_fork(drop)
    locks.obtain("a").release()
    assert schemas.ask(session) == before != ""
    locks.close()


def test_leaving_the_block_in_a_child_is_told_but_hides_nothing(locks: DatabaseLock) -> None:
    def leave(problem: BaseException | None) -> str:
        with locks.hold("a"):
            pid = os.fork()
            if pid == 0 and problem:
                raise problem
        if pid:
            return f"parent {os.waitpid(pid, 0)[1]}"
        return "child left"

    def leave_in_child(problem: BaseException | None) -> str:
        before = os.getpid()
        try:
            return leave(problem)
        except BaseException as error:
            if os.getpid() == before:
                raise
            expected = leaselock.Forked if problem is None else type(problem)
            os._exit(0 if type(error) is expected else 1)

    assert leave_in_child(None) == "parent 0"
    assert leave_in_child(SystemExit(0)) == "parent 0"


def test_the_same_database_in_a_child(url: str) -> None:
    """In memory it is another one; a SQLite file that the process had open cannot be opened until exec; a server can."""
    with leaselock.open(url) as locks, locks.obtain("a"):
        outcome = in_fork(lambda: error_of(lambda: leaselock.open(url).close()))
        assert outcome is (leaselock.Forked if url.startswith("sqlite:") else None)


def test_a_child_opens_what_its_parent_had_not(url: str) -> None:
    def use() -> int:
        with leaselock.open(url) as locks, locks.hold("a") as lease:
            return lease.sequence

    assert in_fork(use) == 1


def test_forks_during_renewal(url: str) -> None:
    """A second of forks, as many as fit in; the keeper renews three times meanwhile."""
    with leaselock.open(url) as locks, locks.hold("a", ttl=1.0) as lease:
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            assert in_fork(lambda: lease.state) is State.FORKED
            assert lease.state in (State.HELD, State.UNKNOWN)
        assert lease.wait(1.0) is State.HELD


def test_a_child_ends_like_any_process(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """It runs off its end with everything in hand: no warning, no hang, and the parent still holds."""
    # a child leaks on purpose; besides, LeakSanitizer does not survive the fork of a process with threads
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")
    output = run_script(
        """
import os, sys, leaselock
locks = leaselock.open(sys.argv[1])
lease = locks.obtain("a")
lease.keep()
child = os.fork()
if child:
    status = os.waitpid(child, 0)[1]
    print(status, lease.state.name, lease.release())
    locks.close()
""",
        url,
    )
    assert output == "0 HELD True\n"


def hold_once(url: str) -> int:
    with leaselock.open(url) as locks, locks.hold("a", wait=30) as lease:
        return lease.sequence


def test_multiprocessing_by_spawn(shared_url: str) -> None:
    with leaselock.open(shared_url) as locks, locks.obtain("b"):
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            sequences = pool.map(hold_once, [shared_url] * 4)
            pool.close()
            pool.join()
    assert sorted(sequences) == [1, 2, 3, 4]
