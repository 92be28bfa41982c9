"""Several processes on one database: never two holders, growing sequences, whatever happens to a process."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import history
import pytest
from helpers import DEADLINE, SMALL, eventually, start_script

import leaselock

WORKER = Path(__file__).with_name("worker.py")


class Crew:
    """Workers on one database, and the history they write."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.histories = folder / "histories"
        self.histories.mkdir()
        self.end = folder / "end"
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, count: int, resources: str) -> None:
        for _ in range(count):
            client = f"worker-{len(self.processes)}"
            command = [sys.executable, "-W", "error", str(WORKER), self.url, client, str(self.histories / client)]
            self.processes.append(
                subprocess.Popen([*command, str(self.end), *resources], stderr=subprocess.PIPE, text=True)
            )

    def grants(self, client: str) -> int:
        return sum(event.client == client and event.kind == "granted" for event in history.read(self.histories))

    def finish(self) -> None:
        """Every worker that was not killed ends well, and the history has no contradiction."""
        self.end.touch()
        for process in self.processes:
            _, problems = process.communicate(timeout=DEADLINE)
            assert process.returncode in (0, -signal.SIGKILL) and problems == "", problems
        assert history.problems_of(history.read(self.histories)) == []


@pytest.fixture
def crew(shared_url: str, tmp_path: Path) -> Iterator[Crew]:
    crew = Crew(shared_url, tmp_path)
    yield crew
    for process in crew.processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("workers, resources", [(2, "a"), (8, "ab")])
def test_they_take_turns(crew: Crew, workers: int, resources: str) -> None:
    crew.start(workers, resources)
    for number in range(workers):
        eventually(lambda: crew.grants(f"worker-{number}") >= (2 if SMALL else 4))
    crew.finish()
    with leaselock.open(crew.url) as locks:
        assert locks.list() == []  # all was released


def test_kill_at_any_moment(crew: Crew) -> None:
    """A killed holder's lease ends by its ttl, and the next one has a greater sequence."""
    dice = random.Random()
    crew.start(3, "a")
    for _ in range(4 if SMALL else 12):
        time.sleep(dice.uniform(0.02, 0.3))
        victim = dice.choice([process for process in crew.processes if process.poll() is None])
        victim.kill()
        victim.wait()
        crew.start(1, "a")
    last = f"worker-{len(crew.processes) - 1}"
    eventually(lambda: crew.grants(last) >= 2)  # life goes on
    crew.finish()


def test_stop_at_any_moment(crew: Crew) -> None:
    """A holder that slept through its ttl finds itself invalid, however early it looks."""
    dice = random.Random()
    crew.start(3, "a")
    for _ in range(4 if SMALL else 8):
        sleeper = dice.choice(crew.processes)
        sleeper.send_signal(signal.SIGSTOP)
        time.sleep(dice.uniform(0, 1.0))
        sleeper.send_signal(signal.SIGCONT)
        time.sleep(dice.uniform(0, 0.1))
    for client in ("worker-0", "worker-1", "worker-2"):
        eventually(lambda: crew.grants(client) >= 1)
    crew.finish()


HOLDER = """
import sys, leaselock
with leaselock.open(sys.argv[1], client_id="sleeper") as locks:
    try:
        with locks.hold("a", ttl=0.4) as lease:
            print("held", lease.sequence, flush=True)
            sys.stdin.readline()
            print("valid", lease.valid, flush=True)
            if sys.argv[2] == "failing":
                raise ValueError("the block's own")
    except leaselock.Lost as lost:
        print("Lost:", lost)
    except ValueError as error:
        print("ValueError with", getattr(error, "__notes__", error.__context__))
"""


@pytest.mark.parametrize("block, told", [("working", "Lost:"), ("failing", "ValueError with")])
def test_a_holder_that_was_stopped_too_long_is_told(shared_url: str, block: str, told: str) -> None:
    process = start_script(HOLDER, shared_url, block)
    try:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == "held 1\n"
        process.send_signal(signal.SIGSTOP)
        with leaselock.open(shared_url, client_id="rival") as locks, locks.hold("a", wait=DEADLINE) as taken:
            assert taken.sequence == 2
            process.send_signal(signal.SIGCONT)
            output, problems = process.communicate("go on\n", timeout=DEADLINE)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, problems) == (0, "")
    lines = output.splitlines()
    assert lines[0] == "valid False"
    assert lines[1].startswith(told) and '"a"' in output


def test_the_next_process_goes_on_counting(shared_url: str) -> None:
    script = """
import sys, leaselock
with leaselock.open(sys.argv[1]) as locks, locks.hold("a") as lease:
    print(lease.sequence)
"""
    sequences = []
    for _ in range(3):
        process = start_script(script, shared_url)
        output, problems = process.communicate(timeout=DEADLINE)
        assert problems == ""
        sequences.append(int(output))
    assert sequences == [1, 2, 3]
