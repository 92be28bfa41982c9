"""run: what happens when the lease ends before the command does."""
import os
import sys
from subprocess import PIPE

import pytest
from conftest import is_alive, is_stopped, wait_until
from databases import boot_ms

# Writes when it got SIGTERM, by the boot clock, and lives on. An argument names the file.
STUBBORN = """
import os, signal, sys, time
def tell(number, frame):
    with open(sys.argv[1], "a") as log:
        print(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000, file=log)
signal.signal(signal.SIGTERM, tell)
print(os.getpid(), flush=True)
while True:
    time.sleep(1000)
"""
TIMES = ["--ttl", "4s", "--grace", "1s"]


def time_of_death(pid):
    wait_until(lambda: not is_alive(pid))
    return boot_ms()


def test_terminated_then_killed_before_the_deadline(leaselock, tmp_path):
    log = tmp_path / "terms"
    job = leaselock.start("run", *TIMES, "r", "--", sys.executable, "-c", STUBBORN, log)
    pid = int(job.line())
    unlock = leaselock.database.lock()
    deadline = leaselock.database.deadline_of("r")
    died = time_of_death(pid)
    code, messages = job.end()
    assert code == 76
    assert '"r" is about to end and cannot be renewed' in messages
    (terminated,) = map(int, log.read_text().split())
    assert died < deadline, "dead before anybody else can have it"
    assert died > deadline - 2000, "and not for nothing"
    assert died - terminated > 300, "with time to end by itself"
    unlock()


@pytest.mark.any_engine
def test_a_command_that_ends_on_sigterm(leaselock):
    job = leaselock.start_shell("trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.05; done", *TIMES)
    job.line()
    unlock = leaselock.database.lock()
    deadline = leaselock.database.deadline_of("r")
    assert job.line() == "cleaned"
    assert job.end()[0] == 76, "its own exit code does not say that the lease was lost"
    assert boot_ms() < deadline
    unlock()


@pytest.mark.any_engine
def test_the_whole_group_is_killed(leaselock, tmp_path):
    log = tmp_path / "terms"
    script = '"$0" -c "$1" "$2" & echo $$; wait; wait; wait'
    job = leaselock.start_shell("trap '' TERM;" + script, *TIMES, arguments=[sys.executable, STUBBORN, log])
    pids = int(job.line()), int(job.line())
    unlock = leaselock.database.lock()
    deadline = leaselock.database.deadline_of("r")
    for pid in pids:
        assert time_of_death(pid) < deadline
    assert job.end()[0] == 76
    unlock()


def test_a_renewal_that_succeeds_again_saves_it(leaselock, tmp_path):
    log = tmp_path / "terms"
    job = leaselock.start("run", "--ttl", "6s", "--grace", "1s", "r", "--", sys.executable, "-c", STUBBORN, log)
    pid = int(job.line())
    unlock = leaselock.database.lock()
    deadline = leaselock.database.deadline_of("r")
    wait_until(lambda: boot_ms() > deadline - 3800)  # the renewal was due 200 ms ago at least
    unlock()
    wait_until(lambda: boot_ms() > deadline)
    assert is_alive(pid) and not log.exists()
    assert leaselock.state("r") == "HELD"


@pytest.mark.any_engine
def test_a_stopped_command_is_killed_too(leaselock):
    job = leaselock.start_shell("trap '' TERM; echo $$; while :; do kill -STOP $$; done", *TIMES)
    pid = int(job.line())
    wait_until(lambda: is_stopped(pid))
    unlock = leaselock.database.lock()
    deadline = leaselock.database.deadline_of("r")
    assert time_of_death(pid) < deadline
    assert job.end()[0] == 76
    unlock()


@pytest.mark.any_engine
def test_sigterm_reaches_a_stopped_command(leaselock):
    job = leaselock.start_shell("trap 'echo cleaned; exit' TERM; echo $$; kill -STOP $$; sleep 1000", *TIMES)
    pid = int(job.line())
    wait_until(lambda: is_stopped(pid))
    unlock = leaselock.database.lock()
    assert job.line() == "cleaned"
    assert job.end()[0] == 76
    unlock()


def test_lost_kills_at_once(leaselock, tmp_path):
    log = tmp_path / "terms"
    job = leaselock.start("run", "--ttl", "6s", "--grace", "1s", "r", "--", sys.executable, "-c", STUBBORN, log)
    pid = int(job.line())
    deadline = leaselock.database.deadline_of("r")
    leaselock.database.take_over("thief")
    assert time_of_death(pid) < deadline - 1000, "told by the next renewal, not by the deadline"
    code, messages = job.end()
    assert code == 76
    assert '"r" was lost to "thief"; the command is killed' in messages
    assert not log.exists(), "no SIGTERM: it is too late for that"
    assert leaselock.json("show", "r")["client"] == "thief"


def test_released_by_force(leaselock):
    job = leaselock.start_shell("echo $$; exec sleep 1000", "--ttl", "3s", "--grace", "0")
    pid = int(job.line())
    leaselock.database.release_all()
    time_of_death(pid)
    code, messages = job.end()
    assert code == 76 and 'the lease of "r" was lost' in messages


def test_lost_unnoticed_until_the_end(leaselock):
    job = leaselock.start_shell("echo ready; read x; exit 0", "--ttl", "1h", stdin=PIPE)
    job.line()
    leaselock.database.take_over("thief")
    job.process.stdin.write(b"\n")
    code, messages = job.end()
    assert code == 76 and "was lost while the command ran" in messages
    assert leaselock.json("show", "r")["client"] == "thief"


def test_a_release_that_fails_keeps_the_exit_code(leaselock):
    job = leaselock.start_shell("echo ready; read x; exit 5", "--ttl", "1h", stdin=PIPE)
    job.line()
    unlock = leaselock.database.lock()
    job.process.stdin.write(b"\n")
    code, messages = job.end()
    assert code == 5 and messages.startswith("leaselock: ")
    unlock()


@pytest.mark.any_engine
def test_a_full_standard_error_does_not_hold_up_the_kill(leaselock):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    job = leaselock.start_shell("trap '' TERM; echo $$; while :; do sleep 1000; done", *TIMES, stderr=writer)
    pid = int(job.line())
    unlock = leaselock.database.lock()
    deadline = leaselock.database.deadline_of("r")
    assert time_of_death(pid) < deadline
    assert job.end()[0] == 76
    unlock()
    os.close(reader)
    os.close(writer)
