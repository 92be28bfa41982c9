"""Every way in which Python makes processes, and the pre-fork servers that docs/threads-and-forks.md describes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from helpers import DEADLINE, SMALL, in_fork

import leaselock

T = TypeVar("T")

METHODS = ("fork", "forkserver", "spawn")
CHILDREN = 2 if SMALL else 4
ROUNDS = 5 if SMALL else 20


def draw(url: str) -> list[int]:
    """Holds a resource that others want too, a few times; the sequences."""
    with leaselock.open(url) as locks:
        sequences = []
        for _ in range(ROUNDS):
            with locks.hold("a", wait=DEADLINE) as lease:
                sequences.append(lease.sequence)
        return sequences


def error_of(url: str) -> str:
    """Opens the database; how that failed."""
    try:
        leaselock.open(url).close()
    except leaselock.Error as error:
        return type(error).__name__
    return ""


def from_pool(method: str, function: Callable[[str], T], url: str) -> list[T]:
    with multiprocessing.get_context(method).Pool(CHILDREN) as pool:
        answers = pool.map_async(function, [url] * CHILDREN, chunksize=1).get(DEADLINE)
        pool.close()
        pool.join()
    return answers


@pytest.mark.parametrize("method", METHODS)
def test_children_meet_on_a_database_that_their_parent_has_not_open(shared_url: str, method: str) -> None:
    drawn = from_pool(method, draw, shared_url)
    assert sorted(sum(drawn, [])) == list(range(1, CHILDREN * ROUNDS + 1))


@pytest.mark.parametrize("method, answer", [("fork", "Forked"), ("forkserver", ""), ("spawn", "")])
def test_children_of_a_parent_that_has_the_file_open(file_url: str, method: str, answer: str) -> None:
    with leaselock.open(file_url) as locks, locks.hold("mine") as lease:
        assert from_pool(method, error_of, file_url) == [answer] * CHILDREN
        lease.renew()
    assert draw(file_url)[0] == 1  # and it was no harm


def test_children_of_a_parent_that_is_connected_to_a_server(postgresql_url: str) -> None:
    """They connect for themselves, and leave their parent's connection alone."""
    with leaselock.open(postgresql_url) as locks, locks.hold("mine") as lease:
        drawn = from_pool("fork", draw, postgresql_url)
        assert sorted(sum(drawn, [])) == list(range(1, CHILDREN * ROUNDS + 1))
        lease.renew()


def test_a_fork_server_that_has_the_file_open(file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is preloaded opens the file in the server itself, of which the children are forks."""
    (tmp_path / "preloaded.py").write_text(f"import leaselock\nlocks = leaselock.open({file_url!r})\n")
    script = f"""
import multiprocessing, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_processes_fork import error_of
if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["preloaded"])
    with context.Pool(1) as pool:
        print(pool.apply(error_of, ({file_url!r},)))
"""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")  # what is inherited by a fork leaks on purpose
    main = tmp_path / "main.py"
    main.write_text(script)
    done = subprocess.run([sys.executable, str(main)], capture_output=True, text=True, timeout=DEADLINE)
    assert done.stdout == "Forked\n", done.stderr


def test_exec_makes_a_forked_child_a_process_like_any_other(file_url: str) -> None:
    script = f"import leaselock; leaselock.open({file_url!r}).close(); print('fine')"

    def run() -> tuple[str, str]:
        return error_of(file_url), subprocess.check_output([sys.executable, "-c", script], text=True)

    with leaselock.open(file_url):
        assert in_fork(run) == ("Forked", "fine\n")


def test_a_child_may_open_another_file(file_url: str, tmp_path: Path) -> None:
    other = f"sqlite:{tmp_path / 'other.db'}"
    with leaselock.open(file_url) as locks, locks.hold("mine"):
        assert in_fork(lambda: (error_of(file_url), draw(other)[-1])) == ("Forked", ROUNDS)


def test_a_child_finds_the_file_by_any_name(file: Path, file_url: str) -> None:
    """A link to it leads to the same locks."""
    link = file.with_name("link.db")
    with leaselock.open(file_url):
        link.symlink_to(file)
        assert in_fork(lambda: error_of(f"sqlite:{link}")) == "Forked"


# A pre-fork server: one listening socket, and children that answer each connection with a sequence.


def serve(listener: socket.socket, locks: leaselock.DatabaseLock) -> None:
    """Until a client sends nothing."""
    while True:
        connection, _ = listener.accept()
        with connection:
            if not connection.recv(1):
                return
            with locks.hold("job", wait=DEADLINE) as lease:
                connection.sendall(str(lease.sequence).encode())


def open_and_serve(listener: socket.socket, url: str) -> None:
    with leaselock.open(url) as locks:
        serve(listener, locks)


@contextlib.contextmanager
def workers(listener: socket.socket, body: Callable[[], None]) -> Iterator[None]:
    """Forked, and asked to end at the end of the block, where all must have ended well."""
    pids = []
    for _ in range(CHILDREN):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                body()
                status = 0
            except leaselock.Forked:
                status = 75
            finally:
                os._exit(status)
        pids.append(pid)
    try:
        yield
    finally:
        for _ in pids:
            with contextlib.suppress(OSError):
                socket.create_connection(listener.getsockname()).close()
        statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert statuses == [0] * CHILDREN


def ask(listener: socket.socket) -> int:
    with socket.create_connection(listener.getsockname(), timeout=DEADLINE) as connection:
        connection.sendall(b"?")
        return int(connection.recv(32))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener


def test_a_server_that_opens_only_in_its_children(shared_url: str, listener: socket.socket) -> None:
    with workers(listener, lambda: open_and_serve(listener, shared_url)):
        answers = [ask(listener) for _ in range(ROUNDS)]
    assert answers == list(range(1, ROUNDS + 1))


def test_a_server_that_closes_before_the_fork_and_opens_on_both_sides(
    shared_url: str, listener: socket.socket
) -> None:
    with leaselock.open(shared_url) as locks, locks.hold("start-up") as lease:
        assert lease.sequence == 1
    with workers(listener, lambda: open_and_serve(listener, shared_url)):
        with leaselock.open(shared_url) as locks:
            for number in range(1, ROUNDS + 1):
                assert ask(listener) == 2 * number - 1
                with locks.hold("job", wait=DEADLINE) as lease:
                    assert lease.sequence == 2 * number


def test_a_server_that_forgets_to_close_is_told(shared_url: str, listener: socket.socket) -> None:
    with leaselock.open(shared_url) as locks, locks.hold("job") as lease:
        with pytest.raises(AssertionError, match="75"), workers(listener, lambda: serve(listener, locks)):
            for _ in range(CHILDREN):
                with pytest.raises(ValueError):  # no answer
                    ask(listener)
        lease.renew()


def test_a_server_that_has_the_file_open_and_opens_it_again_is_told(file_url: str, listener: socket.socket) -> None:
    with leaselock.open(file_url) as locks, locks.hold("job") as lease:
        with pytest.raises(AssertionError, match="75"), workers(listener, lambda: open_and_serve(listener, file_url)):
            pass
        lease.renew()
