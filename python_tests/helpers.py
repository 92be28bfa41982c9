"""What several tests need."""

from __future__ import annotations

import contextlib
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import leaselock

SMALL = os.environ.get("LEASELOCK_TEST_PROFILE") == "small"  # less of everything, for sanitizers
DEADLINE = 30.0  # seconds until a test gives up on what should happen at once

T = TypeVar("T")


def new_url(engine: str, folder: Path) -> str:
    if engine == "postgresql":
        import schemas  # here, since pytest alone knows where it is

        return schemas.new_url()
    name = uuid.uuid4().hex
    return f"memory:{name}" if engine == "memory" else f"sqlite:{folder / name}.db"


def eventually(condition: Callable[[], bool]) -> None:
    """Polls until the condition is true."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.002)


def clock_now() -> datetime:
    """What the engines' wall clock says: the test clock, while that runs."""
    with leaselock.open(f"memory:{uuid.uuid4().hex}") as locks, locks.obtain_with_no_wait("now") as lease:
        return lease.expiry - timedelta(seconds=lease.ttl)


@contextlib.contextmanager
def elapsed() -> Iterator[Callable[[], float]]:
    """Gives a function that tells how many seconds of the engines' wall clock have passed."""
    start = clock_now()
    yield lambda: (clock_now() - start).total_seconds()


@contextlib.contextmanager
def write_locked(file: Path) -> Iterator[None]:
    """Somebody else has SQLite's write lock all the while."""
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


@contextlib.contextmanager
def thread(function: Callable[[], object]) -> Iterator[threading.Thread]:
    """Runs the function beside the block; what it raises is raised at the end of the block."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as problem:
            problems.append(problem)

    runner = threading.Thread(target=run)
    runner.start()
    try:
        yield runner
    finally:
        runner.join(DEADLINE)
    assert not runner.is_alive(), "the thread did not end"
    if problems:
        raise problems[0]


def in_fork(function: Callable[[], T]) -> T:
    """What the function gives in a forked child."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(function(), pipe)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    result: T = pickle.loads(answer)
    return result


def start_script(script: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python process of its own, in which every warning is an error."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_script(script: str, *arguments: str) -> str:
    """What the process printed; it has to end well and keep stderr empty."""
    process = start_script(script, *arguments)
    try:
        output, problems = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, problems) == (0, ""), problems
    return output
