"""hold(), and a lease as a context manager: obtained, kept, released; a loss is told and hides nothing."""

from __future__ import annotations

import os
import signal

import pytest
from helpers import DEADLINE

import leaselock
from leaselock import DatabaseLock, Lease, State
from leaselock.testing import TestClock

TTL = 1.0  # long enough for a loaded machine to renew in time


def take_away(lease: Lease, rival: DatabaseLock) -> Lease:
    """Somebody with the same ids gives it up, and another client is granted; the next renewal will tell."""
    rival.resume(lease.resource_id, lease.client_id, lease.sequence, lease.acquisition).release()
    return rival.obtain_with_no_wait(lease.resource_id)


def notes_of(error: BaseException) -> str:
    """What was added to the exception; on Python 3.10 it is the context."""
    return "\n".join(getattr(error, "__notes__", [])) + str(error.__context__ or "")


def test_hold_obtains_and_releases(locks: DatabaseLock, rival: DatabaseLock) -> None:
    with locks.hold("a", "worker-7", ttl=20) as lease:
        assert (lease.resource_id, lease.client_id, lease.ttl, lease.state) == ("a", "worker-7", 20.0, State.HELD)
        with pytest.raises(leaselock.Busy):
            rival.obtain_with_no_wait("a")
    assert lease.state is State.RELEASED
    rival.obtain_with_no_wait("a").release()


def test_hold_keeps_it_beyond_its_ttl(locks: DatabaseLock, rival: DatabaseLock) -> None:
    with locks.hold("a", ttl=TTL) as lease, locks.hold("b", ttl=TTL) as other:
        assert lease.wait(2 * TTL) is State.HELD
        assert other.state is State.HELD
        with pytest.raises(leaselock.Busy):
            rival.obtain_with_no_wait("a")
    assert locks.list() == []


def test_without_keeping_it_expires(locks: DatabaseLock, rival: DatabaseLock) -> None:
    lease = locks.obtain("a", ttl=0.2)
    assert lease.wait(DEADLINE) is State.EXPIRED
    rival.obtain("a", wait=DEADLINE).release()


def test_busy_comes_out_of_entering(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    with locks.obtain("a", ttl=60):
        for hold in (rival.hold("a"), rival.hold("a", wait=1), rival.hold("a", backoff=leaselock.NoBackoff())):
            with pytest.raises(leaselock.Busy), hold:
                pytest.fail("the block ran")


def test_one_hold_may_be_entered_again(locks: DatabaseLock) -> None:
    hold = locks.hold("a")
    sequences = []
    for _ in range(3):
        with hold as lease:
            sequences.append(lease.sequence)
    assert sequences == [1, 2, 3]


def test_released_inside_the_block(locks: DatabaseLock, rival: DatabaseLock) -> None:
    with locks.hold("a") as lease:
        assert lease.release() is True
        taken = rival.obtain_with_no_wait("a")
    assert taken.release() is True  # leaving the block did not touch it


def test_a_loss_is_reported(locks: DatabaseLock, rival: DatabaseLock) -> None:
    with pytest.raises(leaselock.Lost) as lost:
        with locks.hold("a", ttl=TTL) as lease:
            taken = take_away(lease, rival)
            assert lease.wait(DEADLINE) is State.LOST
            assert (lease.valid, lease.lost_to) == (False, "rival")
    assert str(lost.value) == '"a" was lost to "rival" while it was needed'
    assert (lost.value.resource_id, lost.value.holder, lost.value.code) == ("a", "rival", -21)
    assert taken.release() is True


def test_a_loss_nobody_noticed_is_reported(locks: DatabaseLock, rival: DatabaseLock) -> None:
    with pytest.raises(leaselock.Lost):
        with locks.hold("a") as lease:
            taken = take_away(lease, rival)
            assert lease.state is State.HELD  # the next renewal is ten seconds away
    assert taken.release() is True


def test_a_loss_does_not_hide_the_block_s_exception(locks: DatabaseLock, rival: DatabaseLock) -> None:
    problem = ValueError("the block's own")
    with pytest.raises(ValueError) as raised:
        with locks.hold("a", ttl=TTL) as lease:
            taken = take_away(lease, rival)
            assert lease.wait(DEADLINE) is State.LOST
            raise problem
    assert raised.value is problem
    assert 'lost to "rival"' in notes_of(problem)
    taken.release()


@pytest.mark.parametrize("kept", [True, False])
def test_expiry_is_reported(clock: TestClock, locks: DatabaseLock, kept: bool) -> None:
    with pytest.raises(leaselock.Lost, match='"a" expired'):
        with locks.hold("a", ttl=10) if kept else locks.obtain("a", ttl=10) as lease:
            clock.advance(11)
            assert lease.state is State.EXPIRED


def test_an_exception_releases_and_comes_out(locks: DatabaseLock, rival: DatabaseLock) -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        with locks.hold("a"):
            1 / 0
    assert notes_of(raised.value) == ""
    rival.obtain_with_no_wait("a").release()


def test_ctrl_c_releases_and_comes_out(locks: DatabaseLock, rival: DatabaseLock) -> None:
    with pytest.raises(KeyboardInterrupt):
        with locks.hold("a"):
            os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("the signal did not come")
    rival.obtain_with_no_wait("a").release()


def test_ctrl_c_while_entering_releases(
    monkeypatch: pytest.MonkeyPatch, locks: DatabaseLock, rival: DatabaseLock
) -> None:
    def interrupted(lease: Lease) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Lease, "keep", interrupted)
    with pytest.raises(KeyboardInterrupt), locks.hold("a"):
        pytest.fail("the block ran")
    rival.obtain_with_no_wait("a").release()


@pytest.mark.filterwarnings("ignore:unreleased")  # a closed lock could not release it
def test_a_failing_release_is_reported(locks: DatabaseLock) -> None:
    with pytest.raises(leaselock.Closed):
        with locks.hold("a"):
            locks.close()


@pytest.mark.filterwarnings("ignore:unreleased")  # a closed lock could not release it
def test_a_failing_release_does_not_hide_the_block_s_exception(locks: DatabaseLock) -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        with locks.hold("a"):
            locks.close()
            1 / 0
    assert "closed" in notes_of(raised.value)
