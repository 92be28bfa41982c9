"""One handle, many threads."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable

from helpers import DEADLINE, SMALL, thread

import leaselock
from leaselock import DatabaseLock, Lease, State

THREADS = 4 if SMALL else 8
ROUNDS = 10 if SMALL else 30


def in_threads(function: Callable[[], object]) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(THREADS):
            stack.enter_context(thread(function))


def test_they_exclude_each_other(locks: DatabaseLock) -> None:
    inside = 0
    sequences: list[int] = []

    def take_turns() -> None:
        nonlocal inside
        for _ in range(ROUNDS):
            with locks.obtain("a", wait=DEADLINE) as lease:
                inside += 1
                assert inside == 1
                sequences.append(lease.sequence)
                inside -= 1

    in_threads(take_turns)
    assert sequences == list(range(1, THREADS * ROUNDS + 1))


def test_all_calls_at_once(locks: DatabaseLock) -> None:
    """Whatever threads do to one handle and its leases, each call ends in a result or in an error of its own."""

    def meddle() -> None:
        dice = random.Random()
        for _ in range(ROUNDS):
            resource = dice.choice("abc")
            with contextlib.suppress(leaselock.Busy), locks.hold(resource, backoff=leaselock.NoBackoff()) as lease:
                lease.renew()
                assert resource in [entry.resource_id for entry in locks.list()]
                assert lease.state is State.HELD
                assert locks.raise_floor(dice.randrange(1000)) >= 0

    in_threads(meddle)
    assert locks.list() == []


def test_one_lease_in_all_threads(locks: DatabaseLock) -> None:
    lease = locks.obtain("a")
    answers: list[bool] = []
    barrier = threading.Barrier(THREADS)

    def use() -> None:
        for _ in range(ROUNDS):
            lease.renew()
            assert lease.valid
        barrier.wait(DEADLINE)
        answers.append(lease.release())

    in_threads(use)
    assert answers == [True] * THREADS  # an answer that was given is given again
    assert lease.state is State.RELEASED


def test_closing_under_everybody(url: str) -> None:
    locks = leaselock.open(url)
    leases: list[Lease] = []
    at_work = threading.Semaphore(0)

    def work() -> None:
        with contextlib.suppress(leaselock.Closed):
            while True:
                lease = locks.obtain("a", ttl=0.2, wait=DEADLINE)
                leases.append(lease)
                lease.keep()
                at_work.release()
                lease.release()

    def close() -> None:
        for _ in range(5):
            at_work.acquire(timeout=DEADLINE)
        locks.close()

    with thread(close):
        in_threads(work)
    for lease in leases:
        lease_ends(lease)


def lease_ends(lease: Lease) -> None:
    """Not released by a closed lock, it ends by its ttl."""
    end = threading.Event()
    while lease.valid:
        end.wait(0.01)
