"""What becomes of leases as time passes, for every engine: nobody can move the clock of a server."""

from __future__ import annotations

import time

import pytest
from helpers import DEADLINE, eventually

import leaselock
from leaselock import DatabaseLock, State
from leaselock.testing import TestClock

SHORT = 0.3
LONG = 600.0


def expired(locks: DatabaseLock, resource: str = "a") -> leaselock.Lease:
    """A lease of which its holder and the engine say that it is over."""
    lease = locks.obtain_with_no_wait(resource, ttl=SHORT)
    assert lease.wait(DEADLINE) is State.EXPIRED
    eventually(lambda: locks.list(resource)[0].state is State.EXPIRED)
    return lease


def test_an_expired_lease_is_taken_over_by_one_try(locks: DatabaseLock, rival: DatabaseLock) -> None:
    first = expired(locks)
    with rival.obtain_with_no_wait("a") as second:
        assert second.sequence == first.sequence + 1
        assert first.release() is False


def test_nobody_has_it_before_its_ttl_is_over(locks: DatabaseLock, rival: DatabaseLock) -> None:
    start = time.monotonic()
    lease = locks.obtain("a", ttl=SHORT)
    with rival.obtain("a", wait=DEADLINE) as taken:
        assert time.monotonic() - start >= SHORT - 0.001  # engines count whole milliseconds
        assert (taken.sequence, lease.valid) == (2, False)


def test_busy_tells_how_long(locks: DatabaseLock, rival: DatabaseLock) -> None:
    with locks.obtain("a", ttl=LONG):
        answers = []
        for _ in range(2):
            with pytest.raises(leaselock.Busy) as busy:
                rival.obtain_with_no_wait("a")
            assert busy.value.remaining is not None
            answers.append(busy.value.remaining)
            time.sleep(0.2)
        assert LONG - DEADLINE < answers[1] < answers[0] - 0.1 < LONG


def test_renewal_gives_the_whole_ttl_again(locks: DatabaseLock) -> None:
    with locks.obtain("a", ttl=LONG) as lease:
        granted = lease.expiry
        eventually(lambda: lease.remaining < LONG * 0.98 - 0.5)
        before = lease.remaining
        lease.renew()
        assert before < lease.remaining <= LONG * 0.98  # less the margin of a fiftieth
        assert lease.expiry > granted


def test_renewal_revives_what_nobody_took(locks: DatabaseLock, rival: DatabaseLock) -> None:
    lease = expired(locks)
    lease.renew()
    assert lease.sequence == 1
    with rival.obtain("a", wait=DEADLINE) as taken:
        assert taken.sequence == 2


def test_what_was_taken_is_lost(locks: DatabaseLock, rival: DatabaseLock) -> None:
    lease = expired(locks)
    with rival.obtain_with_no_wait("a", ttl=LONG) as taken:
        with pytest.raises(leaselock.Lost) as lost:
            lease.renew()
        assert (lost.value.holder, lost.value.sequence) == ("rival", taken.sequence)
        assert (lease.state, lease.lost_to) == (State.LOST, "rival")
        with pytest.raises(leaselock.Lost):
            locks.resume("a", "tester", lease.sequence, lease.acquisition)


def test_resume_gives_the_whole_ttl_again(locks: DatabaseLock, rival: DatabaseLock) -> None:
    lease = locks.obtain("a", "worker", ttl=LONG)
    eventually(lambda: lease.remaining < LONG * 0.98 - 0.5)
    again = rival.resume("a", "worker", lease.sequence, lease.acquisition)
    assert (again.sequence, again.ttl, again.remaining > lease.remaining) == (1, LONG, True)
    assert again.release() is True
    with pytest.raises(leaselock.Lost):
        lease.renew()


def test_lists_tell_the_state(locks: DatabaseLock) -> None:
    expired(locks, "c")
    with locks.obtain("b", "two", ttl=LONG) as held:
        locks.obtain("a", "one").release()
        assert [entry.resource_id for entry in locks.list()] == ["b"]
        assert [(entry.resource_id, entry.state) for entry in locks.list(all=True)] == [
            ("a", State.RELEASED),
            ("b", State.HELD),
            ("c", State.EXPIRED),
        ]
        (entry,) = locks.list("b")
        assert (entry.client_id, entry.sequence, entry.ttl, entry.expiry) == ("two", 1, LONG, held.expiry)
        assert LONG - DEADLINE < entry.remaining <= LONG
        assert locks.list("c")[0].remaining == 0


def test_a_block_that_outlasts_its_lease_is_told(locks: DatabaseLock) -> None:
    with pytest.raises(leaselock.Lost, match='"a" expired'):
        with locks.obtain("a", ttl=SHORT) as lease:
            assert lease.wait(DEADLINE) is State.EXPIRED


def test_a_wait_cuts_a_backoff(locks: DatabaseLock, rival: DatabaseLock) -> None:
    backoff = leaselock.ExponentialBackoff(10, LONG, 1)
    with locks.obtain("a", ttl=LONG):
        start = time.monotonic()
        with pytest.raises(leaselock.Busy):
            rival.obtain_with_backoff("a", backoff=backoff, wait=0.3)
        assert time.monotonic() - start >= 0.3 - 0.001


def test_the_clock_of_a_server_is_its_own(postgresql_url: str) -> None:
    """The test clock moves what this process thinks, and nothing of what is granted."""
    with TestClock() as clock, leaselock.open(postgresql_url) as locks:
        lease = locks.obtain("a", ttl=LONG)
        clock.advance(LONG)
        assert lease.state is State.EXPIRED
        with pytest.raises(leaselock.Busy):
            locks.obtain_with_no_wait("a")
        lease.renew()
        assert lease.release() is True
