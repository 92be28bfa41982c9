"""What ends a wait: Ctrl-C within 0.3 s, interrupt() and close() from another thread, the end of the process."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import DEADLINE, run_script, thread, write_locked

import leaselock
from leaselock import DatabaseLock, ExponentialBackoff, State

LONG = 600.0
Wait = Callable[[], object]


class Patient:
    """A backoff that goes on for ever, in pauses that are long."""

    def start(self) -> None: ...

    def next(self) -> float | None:
        return LONG

    def attempts(self) -> int:
        return 0

    def max_attempts(self) -> int:
        return 1


@pytest.fixture(params=["default backoff", "wait", "no end", "built-in backoff", "own backoff", "hold", "lease"])
def wait(request: pytest.FixtureRequest, locks: DatabaseLock, rival: DatabaseLock) -> Iterator[Wait]:
    """Each of the waits on `rival`, long ones."""
    with locks.obtain("held"):
        own = rival.obtain("own", ttl=3600)
        waits: dict[str, Wait] = {
            "default backoff": lambda: rival.obtain("held"),
            "wait": lambda: rival.obtain("held", wait=LONG),
            "no end": lambda: rival.obtain("held", wait=float("inf")),
            "built-in backoff": lambda: rival.obtain_with_backoff("held", backoff=ExponentialBackoff(9, LONG)),
            "own backoff": lambda: rival.obtain_with_backoff("held", backoff=Patient()),
            "hold": lambda: rival.hold("held", wait=LONG).__enter__(),
            "lease": lambda: own.wait(),
        }
        yield waits[request.param]
        if not rival.closed:
            own.release()


def seconds_after_ctrl_c(call: Wait) -> float:
    """How long after SIGINT KeyboardInterrupt came out of the call."""
    sent = 0.0

    def interrupt() -> None:
        nonlocal sent
        time.sleep(0.15)  # into the wait; a signal that comes before it ends it as well
        sent = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=interrupt)
    sender.start()
    try:
        try:
            call()
            pytest.fail("the wait ended by itself")
        except KeyboardInterrupt:
            return time.monotonic() - sent
    finally:
        sender.join()


def ends_in_time(call: Wait) -> bool:
    """Once in three: a loaded machine may be slow, but not always."""
    return any(seconds_after_ctrl_c(call) < 0.3 for _ in range(3))


def test_ctrl_c(wait: Wait) -> None:
    assert ends_in_time(wait)


def test_ctrl_c_while_sqlite_is_locked(file: Path, file_url: str) -> None:
    with leaselock.open(file_url, operation_timeout=DEADLINE) as locks, locks.obtain("a") as lease:
        with write_locked(file):
            for call in (lambda: locks.obtain_with_no_wait("b"), lease.renew, lambda: locks.raise_floor(7)):
                assert ends_in_time(call)
        lease.renew()


def test_ctrl_c_while_opening(file: Path, file_url: str) -> None:
    with write_locked(file):
        assert ends_in_time(lambda: leaselock.open(file_url, operation_timeout=DEADLINE))


@contextlib.contextmanager
def alarm(handler: Callable[..., object], *seconds: float) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, *seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_handler_that_does_not_raise_lets_the_wait_go_on(locks: DatabaseLock) -> None:
    signals: list[float] = []
    with alarm(lambda *_: signals.append(time.monotonic()), 0.05, 0.05), locks.obtain("a", ttl=60) as lease:
        start = time.monotonic()
        assert lease.wait(0.5) is State.HELD
        end = time.monotonic()
    assert end - start >= 0.5
    # handled while it waited, not all at the end of it
    assert len([at for at in signals if start < at < end - 0.1]) >= 2


def test_any_exception_of_a_handler_comes_out(locks: DatabaseLock, rival: DatabaseLock) -> None:
    class Alarm(Exception):
        pass

    def ring(*_: object) -> None:
        raise Alarm

    with locks.obtain("a"), pytest.raises(Alarm), alarm(ring, 0.05):
        rival.obtain("a", wait=LONG)


def test_a_handler_may_use_the_library(locks: DatabaseLock, rival: DatabaseLock) -> None:
    """It even ends the wait that it interrupts."""
    lease = locks.obtain("a")
    with alarm(lambda *_: lease.release(), 0.05), rival.obtain("a", wait=LONG) as taken:
        assert taken.sequence == 2


def repeat_until(done: threading.Event, call: Callable[[], object]) -> None:
    """interrupt() is not sticky: one that comes before the wait is in vain."""
    end = time.monotonic() + DEADLINE
    while not done.wait(0.02) and time.monotonic() < end:
        call()


def test_interrupt_from_another_thread(wait: Wait, rival: DatabaseLock) -> None:
    done = threading.Event()
    with thread(lambda: repeat_until(done, rival.interrupt)):
        with pytest.raises(leaselock.Interrupted):
            try:
                wait()
            finally:
                done.set()


def test_interrupt_ends_waits_of_other_threads(wait: Wait, rival: DatabaseLock) -> None:
    done = threading.Event()

    def waiter() -> None:
        try:
            with pytest.raises(leaselock.Interrupted):
                wait()
        finally:
            done.set()

    with thread(waiter):
        repeat_until(done, rival.interrupt)


def test_interrupt_is_not_sticky(locks: DatabaseLock, rival: DatabaseLock) -> None:
    rival.interrupt()
    with locks.obtain("a"), pytest.raises(leaselock.Busy):
        rival.obtain("a", wait=0.1)


@pytest.mark.filterwarnings("ignore:unreleased")  # a closed lock cannot release
def test_close_from_another_thread(wait: Wait, rival: DatabaseLock) -> None:
    def close() -> None:
        time.sleep(0.1)
        rival.close()

    with thread(close):
        with pytest.raises(leaselock.Closed):
            wait()


def test_waiters_in_several_threads(locks: DatabaseLock, rival: DatabaseLock) -> None:
    """They end one by one as the resource becomes free, each with a sequence of its own."""
    sequences: list[int] = []

    def take_a_turn() -> None:
        with rival.obtain("a", wait=DEADLINE) as lease:
            sequences.append(lease.sequence)

    with contextlib.ExitStack() as stack:
        lease = locks.obtain("a")
        for _ in range(5):
            stack.enter_context(thread(take_a_turn))
        time.sleep(0.05)
        assert sequences == []
        lease.release()
    assert sequences == [2, 3, 4, 5, 6]


def test_the_process_ends_while_threads_wait(url: str) -> None:
    run_script(
        """
import sys, threading, time, warnings, leaselock
warnings.simplefilter("ignore", ResourceWarning)
locks = leaselock.open(sys.argv[1])
lease = locks.obtain("a")
lease.keep()
own = lambda: locks.obtain("a", wait=600)
for _ in range(4):
    threading.Thread(target=own, daemon=True).start()
time.sleep(0.3)
""",
        url,
    )
