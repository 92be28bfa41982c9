"""Backoffs: exact arithmetic under the test clock, and one written in Python."""

from __future__ import annotations

import sys
import threading
from datetime import timedelta

import pytest
from helpers import elapsed

import leaselock
from leaselock import DatabaseLock, ExponentialBackoff, NoBackoff, new_backoff
from leaselock.testing import TestClock


def pauses(backoff: leaselock.Backoff) -> list[leaselock.Seconds]:
    backoff.start()
    return list(iter(backoff.next, None))


class Listed:
    """Gives the pauses of a list, and notes how it was asked."""

    def __init__(self, *pauses: leaselock.Seconds) -> None:
        self.pauses = pauses
        self.given = 0
        self.calls: list[str] = []
        self.threads: set[int] = set()

    def start(self) -> None:
        self.calls.append("start")
        self.threads.add(threading.get_ident())
        self.given = 0

    def next(self) -> leaselock.Seconds | None:
        self.calls.append("next")
        self.threads.add(threading.get_ident())
        if self.given == len(self.pauses):
            return None
        self.given += 1
        return self.pauses[self.given - 1]

    def attempts(self) -> int:
        return self.given

    def max_attempts(self) -> int:
        return len(self.pauses)


def test_default_pauses() -> None:
    backoff = new_backoff()
    assert pauses(backoff) == [1.0, 1.5, 2.25]
    assert (backoff.attempts(), backoff.max_attempts()) == (3, 3)
    assert backoff.next() is None
    assert pauses(backoff) == [1.0, 1.5, 2.25]  # start resets
    backoff.start()
    assert backoff.attempts() == 0


@pytest.mark.parametrize(
    "backoff, expected",
    [
        (ExponentialBackoff(0), []),
        (ExponentialBackoff(2, 0), [0.0, 0.0]),
        (ExponentialBackoff(4, timedelta(milliseconds=10), 2), [0.01, 0.02, 0.04, 0.08]),
        (ExponentialBackoff(3, 1.0, 0.5), [1.0, 0.5, 0.25]),
        (ExponentialBackoff(3, 0.001, 1.1), [0.001, 0.001, 0.001]),  # rounded, not truncated: 1.0, 1.1, 1.21
        (ExponentialBackoff(max_attempts=2, initial_interval=2e15, multiplier=1e9), [2e15, (2**63 - 1) / 1000]),
        (NoBackoff(), []),
    ],
    ids=repr,
)
def test_pauses(backoff: leaselock.Backoff, expected: list[float]) -> None:
    assert pauses(backoff) == expected
    assert backoff.max_attempts() == len(expected)


def test_they_are_backoffs() -> None:
    assert isinstance(new_backoff(), leaselock.Backoff)
    assert isinstance(NoBackoff(), leaselock.Backoff)
    assert isinstance(Listed(), leaselock.Backoff)
    assert not isinstance(object(), leaselock.Backoff)


def test_repr() -> None:
    assert repr(new_backoff()) == "leaselock.ExponentialBackoff(max_attempts=3, initial_interval=1.0, multiplier=1.5)"
    assert repr(NoBackoff()) == "leaselock.NoBackoff()"


def test_default_obtain_takes_4_75_seconds(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    with locks.obtain("a", ttl=60), elapsed() as seconds:
        with pytest.raises(leaselock.Busy):
            rival.obtain("a")
        assert seconds() == 4.75
        with pytest.raises(leaselock.Busy):
            rival.obtain_with_backoff("a")
        assert seconds() == 9.5


@pytest.mark.parametrize("free_after, obtained_after", [(0.9, 1.0), (1.0, 1.0), (1.1, 2.5), (2.6, 4.75), (4.75, 4.75)])
def test_default_obtain_tries_four_times(
    clock: TestClock, locks: DatabaseLock, rival: DatabaseLock, free_after: float, obtained_after: float
) -> None:
    lease = locks.obtain("a", ttl=free_after)
    with elapsed() as seconds, rival.obtain("a") as taken:
        assert seconds() == obtained_after
        assert (taken.sequence, lease.valid) == (2, False)


def test_no_try_after_4_75_seconds(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    lease = locks.obtain("a", ttl=4.751)
    with pytest.raises(leaselock.Busy) as busy:
        rival.obtain("a")
    assert busy.value.remaining == 0.001 and not lease.valid


def test_no_wait_does_not_wait(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    with locks.obtain("a", ttl=60), elapsed() as seconds:
        with pytest.raises(leaselock.Busy):
            rival.obtain_with_no_wait("a")
        with pytest.raises(leaselock.Busy):
            rival.obtain_with_backoff("a", backoff=NoBackoff())
        assert seconds() == 0


def test_wait_goes_on_until_it_is_over(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    with locks.obtain("a", ttl=60), elapsed() as seconds:
        with pytest.raises(leaselock.Busy):
            rival.obtain("a", wait=timedelta(seconds=10))
        assert 10 <= seconds() < 10.25
    lease = locks.obtain("a", ttl=20)
    with elapsed() as seconds, rival.obtain("a", wait=float("inf")):
        assert 20 <= seconds() < 20.25 and not lease.valid


def test_wait_cuts_a_backoff(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    with locks.obtain("a", ttl=60), elapsed() as seconds:
        with pytest.raises(leaselock.Busy):
            rival.obtain_with_backoff("a", backoff=ExponentialBackoff(10, 1, 1), wait=2.5)
        assert seconds() == 2.5


def test_wait_of_zero_is_one_try(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    with locks.obtain("a", ttl=60), elapsed() as seconds:
        with pytest.raises(leaselock.Busy):
            rival.obtain("a", wait=0)
        assert seconds() <= 0.002


def test_one_written_in_python(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    backoff = Listed(0.5, timedelta(seconds=2), 0, 3)
    with locks.obtain("a", ttl=60), elapsed() as seconds:
        with pytest.raises(leaselock.Busy):
            rival.obtain_with_backoff("a", "me", backoff)
        assert seconds() == 5.5
    assert backoff.calls == ["start"] + ["next"] * 5
    assert backoff.threads == {threading.get_ident()}


def test_one_written_in_python_is_not_asked_when_free(locks: DatabaseLock) -> None:
    backoff = Listed(1)
    with locks.obtain_with_backoff("a", backoff=backoff), locks.hold("b", backoff=backoff):
        assert backoff.calls == ["start", "start"]


def test_a_subclass_is_asked_itself(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    class Halved(ExponentialBackoff):
        def next(self) -> float | None:
            pause = super().next()
            return pause and pause / 2

    with locks.obtain("a", ttl=60), elapsed() as seconds:
        with pytest.raises(leaselock.Busy):
            rival.obtain_with_backoff("a", backoff=Halved())
        assert seconds() == 4.75 / 2


def test_no_reference_stays_behind(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    backoff = Listed(1)
    before = sys.getrefcount(backoff)
    with locks.obtain("a", ttl=60):
        for _ in range(3):
            with pytest.raises(leaselock.Busy) as busy:
                rival.obtain_with_backoff("a", backoff=backoff)
            del busy
    assert sys.getrefcount(backoff) == before


class Trouble(Exception):
    pass


@pytest.mark.parametrize("method", ["start", "next"])
@pytest.mark.parametrize("problem", [Trouble("no patience"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_its_exceptions_come_out_unchanged(
    locks: DatabaseLock, rival: DatabaseLock, method: str, problem: BaseException
) -> None:
    class Failing(Listed):
        def fail(self) -> None:
            raise problem

    backoff = Failing(1)
    setattr(backoff, method, backoff.fail)
    with locks.obtain("a"):
        with pytest.raises(type(problem)) as raised:
            rival.obtain_with_backoff("a", backoff=backoff)
        assert raised.value is problem
        with pytest.raises(leaselock.Busy):  # the handle goes on working
            rival.obtain_with_no_wait("a")


@pytest.mark.parametrize(
    "pause, expected",
    [
        (-1, leaselock.InvalidArgument),
        (float("nan"), leaselock.InvalidArgument),
        (float("inf"), leaselock.InvalidArgument),
        ("1", TypeError),
        (True, TypeError),
    ],
)
def test_pauses_that_are_none(
    locks: DatabaseLock, rival: DatabaseLock, pause: leaselock.Seconds, expected: type[Exception]
) -> None:
    with locks.obtain("a"), pytest.raises(expected, match=r"next\(\)") as raised:
        rival.obtain_with_backoff("a", backoff=Listed(pause))
    assert type(raised.value) is expected


def test_it_may_use_the_library(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    """Its own calls, failing ones too, do not disturb the obtain around them."""
    lease = locks.obtain("a", ttl=60)

    class Releasing(Listed):
        def next(self) -> leaselock.Seconds | None:
            with pytest.raises(leaselock.Busy):
                rival.obtain_with_no_wait("a")
            lease.release()
            return super().next()

    with rival.obtain_with_backoff("a", backoff=Releasing(1)) as taken:
        assert taken.sequence == 2


def test_one_built_in_object_serves_all_threads(clock: TestClock, locks: DatabaseLock, rival: DatabaseLock) -> None:
    backoff = ExponentialBackoff(2, 1, 1)
    backoff.start()
    assert backoff.next() == 1.0
    with locks.obtain("a", ttl=60), elapsed() as seconds:
        with pytest.raises(leaselock.Busy):
            rival.obtain_with_backoff("a", backoff=backoff)
        assert seconds() == 2.0  # a copy of its own, from the beginning
    assert backoff.attempts() == 1
