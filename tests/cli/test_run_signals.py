"""run: signals while the command runs; stop and continue without a terminal (test_run_terminal.py has it with one)."""
import os
import signal
import sys
import time
from subprocess import PIPE

from conftest import ignoring, is_alive, is_stopped, wait_until

# Says which signals it gets; SIGTERM ends it with 7.
ECHO = """
import os, signal, sys
def tell(number, frame):
    os.write(1, f"{number}\\n".encode())
    if number == signal.SIGTERM:
        sys.exit(7)
for number in map(int, sys.argv[1:]):
    signal.signal(number, tell)
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""
FORWARDED = [
    getattr(signal, "SIG" + name)
    for name in "HUP INT QUIT USR1 USR2 ALRM WINCH TSTP CONT IO PWR VTALRM PROF XCPU RTMIN RTMAX".split()
]


def test_every_signal_is_passed_on(leaselock):
    numbers = [str(int(number)) for number in [*FORWARDED, signal.SIGTERM]]
    job = leaselock.start("run", "r", "--", sys.executable, "-c", ECHO, *numbers)
    assert job.line() == "ready"
    for number in FORWARDED:
        job.signal(number)
        assert job.line() == str(int(number))
    job.signal(signal.SIGTERM)
    assert job.line() == str(int(signal.SIGTERM))
    assert job.end() == (7, "")
    assert leaselock.state("r") == "RELEASED"


def test_a_signal_by_which_the_command_dies(leaselock):
    job = leaselock.start_shell("echo ready; exec sleep 1000")
    job.line()
    job.signal(signal.SIGTERM)
    assert job.end() == (143, "")
    assert leaselock.state("r") == "RELEASED"


def test_signals_go_to_the_whole_group(leaselock):
    job = leaselock.start_shell("trap 'wait $!; exit 3' TERM; sh -c 'echo ready; exec sleep 1000' & wait")
    job.line()
    job.signal(signal.SIGTERM)
    assert job.end()[0] == 3


def test_the_command_has_a_process_group_of_its_own(leaselock):
    job = leaselock.start_shell("echo $$; read x", stdin=PIPE)
    pid = int(job.line())
    assert os.getpgid(pid) == pid != os.getpgid(job.pid)
    assert os.getsid(pid) == os.getsid(job.pid)


def test_a_command_may_ignore_signals(leaselock):
    job = leaselock.start_shell("trap '' TERM INT; echo ready; read x; exit 4", stdin=PIPE)
    job.line()
    job.signal(signal.SIGTERM)
    job.signal(signal.SIGINT)
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        assert job.process.poll() is None
    job.process.stdin.write(b"\n")
    assert job.end() == (4, "")


def test_a_signal_that_the_caller_ignores_is_not_passed_on(leaselock):
    job = leaselock.start(
        "run", "r", "--", sys.executable, "-c", ECHO, str(int(signal.SIGHUP)), str(int(signal.SIGTERM)),
        preexec_fn=ignoring(signal.SIGHUP),
    )
    assert job.line() == "ready"
    job.signal(signal.SIGHUP)
    job.signal(signal.SIGTERM)
    assert job.line() == str(int(signal.SIGTERM))
    assert job.end() == (7, "")


def test_stop_and_continue_are_passed_on(leaselock):
    """Without a terminal nobody could continue leaselock: it goes on, and so does the lease."""
    job = leaselock.start_shell("echo $$; read x; exit 5", "--ttl", "1s", "--grace", "0", stdin=PIPE)
    pid = int(job.line())
    job.signal(signal.SIGTSTP)
    wait_until(lambda: is_stopped(pid))
    job.process.stdin.write(b"\n")
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert leaselock.state("r") == "HELD"
    assert is_stopped(pid) and not is_stopped(job.pid)
    job.signal(signal.SIGCONT)
    assert job.end() == (5, "")


def test_a_command_that_stops_itself(leaselock):
    job = leaselock.start_shell("echo $$; kill -STOP $$; exit 6")
    pid = int(job.line())
    wait_until(lambda: is_stopped(pid))
    job.signal(signal.SIGCONT)
    assert job.end() == (6, "")
    assert not is_alive(pid)
