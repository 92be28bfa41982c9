"""run: waiting, environment, standard files, exit codes."""
import os
import re
import signal
import subprocess
import time

import pytest
from conftest import blocks, ignoring, is_alive, wait_until
from databases import Sqlite


def test_the_environment(leaselock):
    done = leaselock("run", "--client", "mé", "--ttl", "60", "r x", "--", "sh", "-c", "env; exit 0")
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert (found["LEASELOCK_RESOURCE"], found["LEASELOCK_CLIENT"], found["LEASELOCK_SEQUENCE"]) == ("r x", "mé", "1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["LEASELOCK_EXPIRY"])
    assert found["LEASELOCK_DB"] == leaselock.environment["LEASELOCK_DB"]


def test_a_run_in_a_run_sees_its_own_lease(leaselock):
    inner = f'"{os.environ["LEASELOCK_BIN"]}" run inner -- sh -c \'echo $LEASELOCK_RESOURCE\'; echo $LEASELOCK_RESOURCE'
    assert leaselock("run", "outer", "--", "sh", "-c", inner).stdout == "inner\nouter\n"


def test_held_while_it_runs_and_released_after(leaselock):
    job = leaselock.start_shell("echo ready; read x; exit 0", "--client", "me", stdin=subprocess.PIPE)
    job.line()
    assert leaselock.json("show", "r")["client"] == "me"
    leaselock("run", "--no-wait", "r", "--", "true", code=75)
    job.process.stdin.write(b"\n")
    assert job.end() == (0, "")
    assert leaselock.state("r") == "RELEASED"


def test_the_lease_is_kept(leaselock):
    job = leaselock.start_shell("echo ready; read x", "--ttl", "1s", "--grace", "0", stdin=subprocess.PIPE)
    job.line()
    first = leaselock.json("show", "r")["expiry"]
    wait_until(lambda: time.time() > 2 and leaselock.json("show", "r")["expiry"] > first)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert leaselock.state("r") == "HELD"
    job.process.stdin.write(b"\n")
    assert job.end() == (0, "")


def test_standard_files_are_the_commands(leaselock):
    data = bytes(range(256)) * 1000
    done = subprocess.run(
        [os.environ["LEASELOCK_BIN"], "run", "r", "--", "sh", "-c", "cat; echo message >&2"],
        env=leaselock.environment, input=data, capture_output=True, timeout=60, start_new_session=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, data, b"message\n")


def test_other_descriptors_are_the_commands_too(leaselock):
    reader, writer = os.pipe()
    leaselock("run", "r", "--", "sh", "-c", f"echo through >/dev/fd/{writer}", pass_fds=[writer])
    os.close(writer)
    assert os.read(reader, 100) == b"through\n"
    os.close(reader)


def test_no_descriptor_of_ours_leaks(leaselock):
    done = leaselock("run", "r", "--", "ls", "-l", "/proc/self/fd", stdin=subprocess.DEVNULL)
    descriptors = re.findall(r" (\d+) -> (\S+)", done.stdout)
    assert [number for number, target in descriptors if not target.startswith("/proc")] == ["0", "1", "2"]


def test_closed_standard_files_stay_closed(leaselock):
    def close_standard_output():
        os.close(1)

    leaselock("run", "r", "--", "sh", "-c", "! test -e /proc/$$/fd/1", preexec_fn=close_standard_output)
    leaselock("run", "r", "--", "sh", "-c", "echo x || exit 9", code=9, preexec_fn=close_standard_output)
    assert leaselock.database.is_sound()


@pytest.mark.parametrize("code", [0, 1, 64, 75, 76, 126, 127, 200, 255])
def test_the_exit_code_is_the_commands(leaselock, code):
    done = leaselock("run", "r", "--", "sh", "-c", f"exit {code}", code=code)
    assert done.stderr == ""
    assert leaselock.state("r") == "RELEASED"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT, signal.SIGPIPE])
def test_a_command_that_dies_by_a_signal(leaselock, number):
    leaselock("run", "r", "--", "sh", "-c", f"ulimit -c 0; kill -{int(number)} $$", code=128 + number)
    assert leaselock.state("r") == "RELEASED"


def test_what_cannot_be_found_is_127(leaselock, tmp_path):
    assert "No such file" in leaselock("run", "r", "--", str(tmp_path / "missing"), code=127).stderr
    leaselock("run", "r", "--", "no-such-command-anywhere", code=127)
    assert leaselock.state("r") == "RELEASED"


def test_what_cannot_be_executed_is_126(leaselock, tmp_path):
    (tmp_path / "plain").write_text("")
    (tmp_path / "plain").chmod(0o644)
    leaselock("run", "r", "--", str(tmp_path / "plain"), code=126)
    leaselock("run", "r", "--", str(tmp_path), code=126)
    assert leaselock.state("r") == "RELEASED"


def test_busy_does_not_run_it(leaselock, tmp_path):
    leaselock.obtain("r")
    for wait in (["--no-wait"], ["--wait", "200ms"]):
        leaselock("run", *wait, "r", "--", "touch", str(tmp_path / "ran"), code=75)
    assert not (tmp_path / "ran").exists()


def test_it_waits(leaselock):
    lease = leaselock.obtain("r")
    job = leaselock.start_shell("echo $LEASELOCK_SEQUENCE", "--wait", "60")
    wait_until(lambda: blocks(job.pid, signal.SIGTERM))
    leaselock("release", lease)
    assert job.line() == "2"
    assert job.end() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
@pytest.mark.parametrize("wait", [["--wait", "forever"], []])
def test_a_signal_ends_the_wait(leaselock, tmp_path, number, wait):
    leaselock.obtain("r")
    job = leaselock.start("run", *wait, "r", "--", "touch", str(tmp_path / "ran"))
    wait_until(lambda: blocks(job.pid, number))
    start = time.monotonic()
    job.signal(number)
    assert job.end() == (128 + number, "")
    assert time.monotonic() - start < 3
    assert not (tmp_path / "ran").exists()
    assert job.family() == {}


@pytest.mark.parametrize("command", [["run", "r", "--", "touch", "ran"], ["obtain", "r"]])
def test_a_signal_while_the_database_is_opened(leaselock, tmp_path, command):
    other = Sqlite(tmp_path)
    unlock = other.lock()  # so that its tables cannot be made
    job = leaselock.start(command[0], "--db", other.url, *command[1:], cwd=tmp_path)
    wait_until(lambda: blocks(job.pid, signal.SIGTERM))
    job.signal(signal.SIGTERM)
    assert job.end() == (143, "")
    assert not (tmp_path / "ran").exists()
    unlock()


def test_a_signal_before_the_command_starts(leaselock, tmp_path):
    """It comes while nothing waits: blocked, and already there when leaselock begins."""

    def be_terminated():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGTERM)

    leaselock("run", "r", "--", "touch", str(tmp_path / "ran"), code=143, preexec_fn=be_terminated)
    assert not (tmp_path / "ran").exists()
    assert leaselock("ls").stdout == "", "released, or never granted where a server was waited for"
    leaselock("obtain", "--no-wait", "r", code=143, preexec_fn=be_terminated)
    assert leaselock.state("r") == "RELEASED"


def test_an_ignored_signal_does_not_end_the_wait(leaselock):
    """As under nohup, or in the background of a shell without job control."""
    lease = leaselock.obtain("r")
    job = leaselock.start("run", "--wait", "60", "r", "--", "true", preexec_fn=ignoring(signal.SIGHUP))
    wait_until(lambda: blocks(job.pid, signal.SIGTERM))
    job.signal(signal.SIGHUP)
    leaselock("release", lease)
    assert job.end() == (0, "")


@pytest.mark.parametrize(
    "times", [["--ttl", "8"], ["--ttl", "30", "--grace", "20"], ["--ttl", "700ms", "--grace", "0"], ["--grace", "1h"]]
)
def test_times_that_do_not_fit_are_refused(leaselock, tmp_path, times):
    done = leaselock("run", *times, "r", "--", "touch", str(tmp_path / "ran"), code=64)
    assert "too short" in done.stderr
    assert leaselock.database.is_untouched() and not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "times", [["--ttl", "9"], ["--ttl", "30", "--grace", "18"], ["--ttl", "900ms", "--grace", "0"]]
)
def test_times_that_fit(leaselock, times):
    leaselock("run", *times, "r", "--", "true")


def test_an_ignored_sigchld_is_no_trouble(leaselock):
    leaselock("run", "r", "--", "sh", "-c", "exit 5", code=5, preexec_fn=ignoring(signal.SIGCHLD))


def test_the_command_has_the_callers_signals(leaselock):
    """Neither our blocked mask nor our ignored SIGPIPE."""
    done = leaselock("run", "r", "--", "grep", "^Sig[BI]", "/proc/self/status")
    plain = subprocess.run(["grep", "^Sig[BI]", "/proc/self/status"], capture_output=True, text=True, check=True)
    assert done.stdout == plain.stdout
    done = leaselock("run", "r", "--", "grep", "^SigI", "/proc/self/status", preexec_fn=ignoring(signal.SIGUSR2))
    assert int(done.stdout.split()[1], 16) >> (signal.SIGUSR2 - 1) & 1


def test_nothing_is_left_over(leaselock):
    job = leaselock.start_shell("echo ready; read x", stdin=subprocess.PIPE)
    job.line()
    assert "leaselock-guard" in job.family().values()
    job.process.stdin.close()
    job.process.stdin = None
    job.end()
    assert job.family() == {}
    assert not is_alive(job.pid)
