"""run: what the command leaves behind, and a leaselock that is killed."""
import os
import signal
import sys
from pathlib import Path
from subprocess import PIPE

from conftest import is_alive, wait_until


def test_what_is_left_behind_is_ended_before_the_release(leaselock, tmp_path):
    """The one left behind looks, on SIGTERM, whether the lease is still held."""
    script = f"""
        (trap '"$0" show r > "{tmp_path}/seen"; exit' TERM; echo ready; while :; do sleep 0.05; done) &
        read x < "{tmp_path}/go"; exit 3"""
    os.mkfifo(tmp_path / "go")
    job = leaselock.start_shell(script, arguments=[os.environ["LEASELOCK_BIN"]])
    assert job.line() == "ready"
    (tmp_path / "go").write_text("\n")
    code, messages = job.end()
    assert code == 3 and "left processes behind" in messages
    assert "state: HELD" in (tmp_path / "seen").read_text()
    assert leaselock.state("r") == "RELEASED"
    assert job.family() == {}


def test_what_ignores_sigterm_is_killed_after_the_grace(leaselock):
    script = "(trap '' TERM; echo ready; while :; do sleep 1000; done) & read x"
    job = leaselock.start_shell(script, "--grace", "300ms", stdin=PIPE)
    job.line()
    job.process.stdin.write(b"\n")
    assert job.end()[0] == 0
    assert leaselock.state("r") == "RELEASED"
    assert job.family() == {}


def test_a_command_that_forks_away(leaselock):
    """Its parent ends at once; the child stays in the group and is at work."""
    job = leaselock.start_shell("(sleep 1000 & sleep 1000 &); exit 0", "--grace", "300ms")
    code, messages = job.end()
    assert code == 0 and "left processes behind" in messages
    assert job.family() == {}


def test_a_daemon_that_left_the_group_stays(leaselock, tmp_path):
    os.mkfifo(tmp_path / "away")
    daemon = f"echo > '{tmp_path}/away'; exec sleep 1000"
    job = leaselock.start_shell(f'setsid sh -c "$0" > /dev/null 2>&1 & read x < "{tmp_path}/away"', arguments=[daemon])
    assert job.end() == (0, "")
    wait_until(lambda: list(job.family().values()) == ["sleep"])


def test_zombies_are_not_waited_for(leaselock):
    """A process that left the group and does not reap its child, which did not."""
    script = """
import os, sys, time
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    zombie = os.fork()
    if zombie == 0:
        os.setpgid(0, int(sys.argv[1]))
        os._exit(0)
    os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)
    print("ready", flush=True)
    os.close(1), os.close(2)
    time.sleep(1000)
"""
    job = leaselock.start_shell('"$0" -c "$1" $$ && exit 2', arguments=[sys.executable, script])
    assert job.line() == "ready"
    assert job.end() == (2, "")
    assert len(job.family()) == 1, "the one that left"


def test_orphans_are_reaped(leaselock, tmp_path):
    """What the command loses sight of is leaselock's."""
    os.mkfifo(tmp_path / "go")
    job = leaselock.start_shell(f'(sh -c "read x < {tmp_path}/go" & echo $!); echo ready; read x', stdin=PIPE)
    orphan = int(job.line())
    assert job.line() == "ready"
    wait_until(lambda: f"PPid:\t{job.pid}\n" in Path(f"/proc/{orphan}/status").read_text())
    (tmp_path / "go").write_text("\n")
    wait_until(lambda: not Path(f"/proc/{orphan}").exists(), "the reaping")
    job.process.stdin.write(b"\n")
    assert job.end() == (0, "")


def start_family(leaselock):
    """A command with a child that is not leaselock's child, and takes no SIGTERM."""
    job = leaselock.start_shell("trap '' TERM HUP; (sleep 1000) & echo $$ $!; wait")
    return job, [int(pid) for pid in job.line().split()]


def test_killed_leaselock_takes_all_with_it(leaselock):
    job, pids = start_family(leaselock)
    job.signal(signal.SIGKILL)
    code, _ = job.end()  # nobody has its output open any more
    assert code == -signal.SIGKILL
    for pid in pids:
        wait_until(lambda: not is_alive(pid))
    wait_until(lambda: job.family() == {}, "the end of the guardian")
    assert leaselock.state("r") == "HELD", "until its ttl is over"


def test_a_kill_of_leaselocks_process_group(leaselock):
    """The guardian is in another session."""
    job, pids = start_family(leaselock)
    os.killpg(job.pid, signal.SIGKILL)
    job.end()
    wait_until(lambda: job.family() == {})


def test_a_run_in_a_run_dies_with_it(leaselock):
    inner = '"$0" run inner -- sh -c "echo ready; exec sleep 1000"'
    job = leaselock.start("run", "outer", "--", "sh", "-c", inner + "; exit", os.environ["LEASELOCK_BIN"])
    assert job.line() == "ready"
    job.signal(signal.SIGKILL)
    wait_until(lambda: job.family() == {})


def test_killed_while_it_waits(leaselock):
    leaselock.obtain("r")
    job = leaselock.start("run", "--wait", "forever", "r", "--", "true")
    wait_until(lambda: "leaselock-guard" in job.family().values())
    job.signal(signal.SIGKILL)
    wait_until(lambda: job.family() == {})


def test_the_guardian_holds_nothing(leaselock):
    job, _ = start_family(leaselock)
    (guardian,) = [pid for pid, name in job.family().items() if name == "leaselock-guard"]
    targets = {entry.name: os.readlink(entry) for entry in Path(f"/proc/{guardian}/fd").iterdir()}
    assert {name: target.partition(":")[0] for name, target in targets.items()} == {
        "0": "/dev/null", "1": "/dev/null", "2": "/dev/null", "3": "socket",
    }
    assert os.getsid(guardian) == guardian
    assert os.readlink(f"/proc/{guardian}/cwd") == "/"


def test_the_guardian_outlasts_signals(leaselock):
    job, _ = start_family(leaselock)
    (guardian,) = [pid for pid, name in job.family().items() if name == "leaselock-guard"]
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(guardian, number)
    job.signal(signal.SIGKILL)
    wait_until(lambda: job.family() == {})


def test_a_guardian_that_is_killed_is_missed(leaselock):
    job = leaselock.start_shell("echo ready; read x; exit 3", stdin=PIPE)
    job.line()
    (guardian,) = [pid for pid, name in job.family().items() if name == "leaselock-guard"]
    os.kill(guardian, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{guardian}").exists())
    job.process.stdin.write(b"\n")
    code, messages = job.end()
    assert code == 3 and "the guardian died" in messages


def test_without_its_guardian_the_command_still_dies_with_leaselock(leaselock):
    job = leaselock.start_shell("echo ready; exec sleep 1000")
    job.line()
    (guardian,) = [pid for pid, name in job.family().items() if name == "leaselock-guard"]
    os.kill(guardian, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{guardian}").exists())
    job.signal(signal.SIGKILL)
    wait_until(lambda: job.family() == {})
