"""Opening, obtaining, renewing, releasing, listing: the surface, on every engine."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta, timezone

import pytest
from helpers import clock_now

import leaselock
from leaselock import State
from leaselock.testing import TestClock


def test_open_and_close(url: str) -> None:
    locks = leaselock.open(url, client_id="worker-7")
    assert (locks.closed, locks.client_id) == (False, "worker-7")
    assert repr(locks) == "<leaselock.DatabaseLock of 'worker-7'>"
    locks.close()
    locks.close()
    assert locks.closed and repr(locks) == "<leaselock.DatabaseLock of 'worker-7', closed>"
    with pytest.raises(leaselock.Closed):
        locks.obtain("invoice-42")


def test_default_client_is_host_and_process(url: str) -> None:
    with leaselock.open(url) as locks:
        assert locks.client_id == f"{socket.gethostname()[:200]}:{os.getpid()}"


def test_leaving_the_block_closes(url: str) -> None:
    with leaselock.open(url) as locks:
        pass
    assert locks.closed


def test_is_a_lock(locks: leaselock.DatabaseLock) -> None:
    as_lock: leaselock.Lock = locks  # mypy agrees
    assert isinstance(as_lock, leaselock.Lock)
    assert not isinstance(object(), leaselock.Lock)


def test_what_a_lease_tells(clock: TestClock, locks: leaselock.DatabaseLock) -> None:
    with locks.obtain("invoice-42", "worker-7", ttl=20) as lease:
        assert (lease.resource_id, lease.client_id, lease.sequence, lease.ttl) == ("invoice-42", "worker-7", 1, 20.0)
        assert (lease.state, lease.valid, lease.lost_to) == (State.HELD, True, None)
        assert lease.remaining == 19.6  # less the margin of a fiftieth
        assert lease.expiry == clock_now() + timedelta(seconds=20)
        assert lease.expiry.tzinfo is timezone.utc
        assert len(lease.acquisition) == 32 and set(lease.acquisition) <= set("0123456789abcdef")
        assert repr(lease) == "<leaselock.Lease 'invoice-42' of 'worker-7', sequence 1, HELD>"
        assert lease.acquisition not in repr(lease)


def test_ids_of_any_script(locks: leaselock.DatabaseLock) -> None:
    with locks.obtain("счёт-№42", "работник 🐢") as lease:
        assert (lease.resource_id, lease.client_id) == ("счёт-№42", "работник 🐢")
    with locks.obtain("é" * 127 + "x") as lease:
        assert lease.resource_id == "é" * 127 + "x"


def test_defaults_of_the_lock(clock: TestClock, url: str) -> None:
    with leaselock.open(url) as locks, locks.obtain("a") as lease:
        assert lease.ttl == 30.0
    with leaselock.open(url, ttl=timedelta(minutes=1)) as locks, locks.obtain("a") as lease:
        assert (lease.ttl, lease.client_id) == (60.0, locks.client_id)


def test_sequence_grows_across_release_and_expiry(clock: TestClock, locks: leaselock.DatabaseLock) -> None:
    first = locks.obtain("a")
    assert first.release() is True
    second = locks.obtain_with_no_wait("a", ttl=1)
    clock.advance(1)
    with locks.obtain_with_no_wait("a") as third, locks.obtain("b") as other:
        assert [first.sequence, second.sequence, third.sequence] == [1, 2, 3]
        assert other.sequence == 1


def test_held_by_the_same_client_is_busy_too(locks: leaselock.DatabaseLock) -> None:
    with locks.obtain("a", "me"), pytest.raises(leaselock.Busy):
        locks.obtain_with_no_wait("a", "me")


def test_release_tells_the_truth(clock: TestClock, locks: leaselock.DatabaseLock) -> None:
    lease = locks.obtain("a", ttl=1)
    assert lease.release() is True
    assert (lease.state, lease.valid, lease.remaining) == (State.RELEASED, False, 0.0)
    assert locks.release(lease) is True  # once more, and nobody took it since
    with locks.obtain("a"):
        assert lease.release() is False


def test_renew_gives_the_whole_ttl(clock: TestClock, locks: leaselock.DatabaseLock) -> None:
    with locks.obtain("a", ttl=10) as lease:
        clock.advance(9)
        lease.renew()
        assert (lease.remaining, lease.expiry) == (9.8, clock_now() + timedelta(seconds=10))
        clock.advance(5)
        locks.renew(lease)
        assert lease.remaining == 9.8


def test_renew_revives_what_nobody_took(clock: TestClock, locks: leaselock.DatabaseLock) -> None:
    with locks.obtain("a", ttl=10) as lease:
        clock.advance(20)
        assert lease.state is State.EXPIRED
        lease.renew()
        assert (lease.state, lease.sequence) == (State.HELD, 1)


def test_renew_after_release_and_loss(
    clock: TestClock, locks: leaselock.DatabaseLock, rival: leaselock.DatabaseLock
) -> None:
    lease = locks.obtain("a", ttl=10)
    clock.advance(11)
    with rival.obtain_with_no_wait("a"):
        with pytest.raises(leaselock.Lost):
            lease.renew()
        assert (lease.state, lease.lost_to) == (State.LOST, "rival")
    released = locks.obtain("a")
    released.release()
    with pytest.raises(leaselock.Released):
        released.renew()


def test_a_lease_of_another_handle_is_refused(locks: leaselock.DatabaseLock, rival: leaselock.DatabaseLock) -> None:
    with locks.obtain("a") as lease:
        with pytest.raises(leaselock.InvalidArgument):
            rival.release(lease)
        with pytest.raises(leaselock.InvalidArgument):
            rival.renew(lease)
        assert lease.state is State.HELD


def test_resume_elsewhere(clock: TestClock, locks: leaselock.DatabaseLock, rival: leaselock.DatabaseLock) -> None:
    lease = locks.obtain("a", "worker", ttl=10)
    clock.advance(5)
    again = rival.resume("a", "worker", lease.sequence, lease.acquisition)
    assert (again.sequence, again.acquisition, again.ttl, again.remaining) == (1, lease.acquisition, 10.0, 9.8)
    assert again.release() is True
    lease.release()
    with pytest.raises(leaselock.Lost):
        rival.resume("a", "worker", lease.sequence, lease.acquisition)
    with pytest.raises(leaselock.Lost):
        rival.resume("a", "worker", 7, "0" * 32)


def test_list(clock: TestClock, locks: leaselock.DatabaseLock) -> None:
    assert locks.list() == []
    with locks.obtain("b", "two", ttl=20), locks.obtain("a", "one", ttl=5) as short:
        clock.advance(1)
        assert [(entry.resource_id, entry.client_id, entry.state) for entry in locks.list()] == [
            ("a", "one", State.HELD),
            ("b", "two", State.HELD),
        ]
        entry = locks.list("a")[0]
        assert (entry.sequence, entry.ttl, entry.remaining, entry.expiry) == (1, 5.0, 4.0, short.expiry)
        with pytest.raises(AttributeError):
            entry.sequence = 2  # type: ignore[misc]
        short.release()
    clock.advance(60)
    assert locks.list() == []
    assert [entry.state for entry in locks.list(all=True)] == [State.RELEASED, State.RELEASED]
    assert locks.list("nothing") == []


def test_list_shows_what_expired(clock: TestClock, locks: leaselock.DatabaseLock) -> None:
    lease = locks.obtain("a", ttl=1)
    clock.advance(2)
    assert not lease.valid and locks.list() == []
    assert [(entry.state, entry.remaining) for entry in locks.list("a")] == [(State.EXPIRED, 0.0)]


def test_floor_only_raises(locks: leaselock.DatabaseLock) -> None:
    assert locks.raise_floor(1000) == 1000
    assert locks.raise_floor(10) == 1000
    with locks.obtain("a") as lease:
        assert lease.sequence == 1001
    high = 2**62
    assert locks.raise_floor(high) == high
    with locks.obtain("a") as lease:
        assert lease.sequence == high + 1  # exact


def test_steps_of_the_wall_clock_change_nothing(
    clock: TestClock, locks: leaselock.DatabaseLock, rival: leaselock.DatabaseLock
) -> None:
    lease = locks.obtain("a", ttl=10)
    clock.step_wall(3600)
    assert lease.valid
    with pytest.raises(leaselock.Busy):
        rival.obtain_with_no_wait("a")
    clock.step_wall(timedelta(hours=-2))
    clock.advance(9.9)
    assert not lease.valid
    with pytest.raises(leaselock.Busy):
        rival.obtain_with_no_wait("a")
    clock.advance(0.1)
    rival.obtain_with_no_wait("a").release()


def test_the_test_clock_starts_where_told() -> None:
    start = datetime(2040, 2, 29, 12, tzinfo=timezone.utc)
    with TestClock(start) as clock:
        assert clock_now() == start
        clock.advance(timedelta(milliseconds=1500))
        assert clock_now() == start + timedelta(seconds=1.5)


def test_states_are_those_of_the_library() -> None:
    from leaselock import _core

    assert [_core.state_name(state.value) for state in State] == [state.name for state in State]
    assert _core.state_name(max(state.value for state in State) + 1) == "NONE"


def test_version() -> None:
    assert leaselock.__version__ == "0.1.0"
