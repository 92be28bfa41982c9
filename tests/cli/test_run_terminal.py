"""run on a terminal: an interactive bash with job control, typed at through a pseudo-terminal."""
import os
import pty
import re
import select
import signal
import sys
import time

import pytest
from conftest import BINARY, PATIENCE, is_alive, is_stopped, wait_until


class Terminal:
    """A program that leads a session on a terminal of its own."""

    def __init__(self, environment, *program):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(program[0], program, environment | {"TERM": "dumb"})
        self.seen = ""

    def type(self, text, end="\n"):
        os.write(self.terminal, (text + end).encode())

    def expect(self, pattern):
        """Reads on until the pattern shows up, and drops it with all before it."""
        deadline = time.monotonic() + PATIENCE
        while not (match := re.search(pattern, self.seen)):
            ready, _, _ = select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{pattern!r} did not show up in {self.seen!r}"
            self.seen += os.read(self.terminal, 4096).decode()
        self.seen = self.seen[match.end() :]
        return match

    def foreground(self):
        return os.tcgetpgrp(self.terminal)

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


class Shell(Terminal):
    def __init__(self, environment):
        super().__init__(environment, "bash", "--norc", "--noprofile", "--noediting", "-i")
        # what is typed is not shown, so that what shows up was printed
        self.type(f"stty -echo; PS1=; PS2=; function leaselock {{ '{BINARY}' \"$@\"; }}; echo be''gin")
        self.expect("begin\r\n")

    def wait_until_stopped(self):
        """A job in the background; the shell only tells when it is asked."""

        def is_stopped():
            self.type("jobs; echo as''ked")
            return "Stopped" in self.expect("(?s).*asked\r\n")[0]

        wait_until(is_stopped)


@pytest.fixture
def shell(leaselock):
    shell = Shell(leaselock.environment)
    yield shell
    shell.end()


CTRL_C, CTRL_Z = "\x03", "\x1a"
READER = "'echo ready=$$; read x; echo got=$x; exit 3'"


def test_the_command_has_the_terminal(shell):
    shell.type(f"leaselock run r -- sh -c {READER}; echo code=$?")
    command = int(shell.expect(r"ready=(\d+)\r\n")[1])
    assert shell.foreground() == command
    shell.type("hello")
    shell.expect("got=hello\r\ncode=3")
    wait_until(lambda: shell.foreground() == shell.pid, "the shell's getting it back")


# Not a shell: dash waits in vfork() for its commands, and cannot be stopped there.
WATCHER = """
import os, signal
def tell(what):
    print(f"{what}={os.tcgetpgrp(0) == os.getpid()}", flush=True)
signal.signal(signal.SIGCONT, lambda number, frame: tell("continued"))
tell("started")
while True:
    signal.pause()
"""
WORKER = """
import os, signal
print(f"worker={os.getpid()}", flush=True)
while True:
    signal.pause()
"""


def test_the_command_is_in_the_foreground_before_it_asks(shell, tmp_path):
    """From its first instruction on, and again when it is continued."""
    (tmp_path / "watcher.py").write_text(WATCHER)
    shell.type(f"leaselock run r -- {sys.executable} {tmp_path}/watcher.py")
    shell.expect("started=True\r\n")
    shell.type(CTRL_Z, end="")
    shell.expect("Stopped")
    shell.type("fg")
    shell.expect("continued=True\r\n")
    shell.type(CTRL_C, end="")


def test_ctrl_c_reaches_the_command(shell):
    script = "trap \"echo cleaned; exit 4\" INT; echo ready; while :; do sleep 0.05; done"
    shell.type(f"leaselock run r -- sh -c '{script}'; echo code=$?")
    shell.expect("ready")
    shell.type(CTRL_C, end="")
    shell.expect("cleaned\r\n")
    shell.expect("code=4")


def test_ctrl_c_ends_the_wait(shell, leaselock):
    leaselock.obtain("r")
    shell.type("leaselock run --wait forever r -- true; echo code=$?")
    wait_until(lambda: shell.foreground() != shell.pid)
    runner = shell.foreground()
    wait_until(lambda: b"leaselock" in open(f"/proc/{runner}/cmdline", "rb").read())
    wait_until(lambda: int(re.search(r"SigBlk:\s*(\w+)", open(f"/proc/{runner}/status").read())[1], 16) & 2)
    shell.type(CTRL_C, end="")
    shell.expect("code=130")


def stop(shell):
    """Starts a job and stops it by Ctrl-Z; the command's process."""
    shell.type(f"leaselock run r -- sh -c {READER}; echo code=$?")
    command = int(shell.expect(r"ready=(\d+)\r\n")[1])
    shell.type(CTRL_Z, end="")
    shell.expect(r"Stopped")
    assert is_stopped(command) and shell.foreground() == shell.pid
    return command


def test_stopped_and_continued(shell, leaselock):
    command = stop(shell)
    shell.type("echo prompt''ing")
    shell.expect("prompting")
    shell.type("fg; echo code=$?")
    wait_until(lambda: shell.foreground() == command)
    wait_until(lambda: not is_stopped(command))
    shell.type("again")
    shell.expect("got=again\r\ncode=3")
    assert leaselock.state("r") == "RELEASED"


def test_stopped_and_continued_in_the_background(shell):
    command = stop(shell)
    shell.type("bg")
    shell.wait_until_stopped()  # it wants to read
    assert is_stopped(command) and shell.foreground() == shell.pid
    shell.type("fg; echo code=$?")
    wait_until(lambda: shell.foreground() == command)
    shell.type("third")
    shell.expect("got=third\r\ncode=3")


def test_stopped_for_longer_than_the_lease(shell, leaselock, tmp_path):
    """It is killed without having run again: somebody else may have the resource."""
    (tmp_path / "watcher.py").write_text(WATCHER)
    shell.type(f"leaselock run --ttl 1s --grace 0 r -- {sys.executable} {tmp_path}/watcher.py")
    shell.expect("started=True\r\n")
    shell.type(CTRL_Z, end="")
    shell.expect("Stopped")
    leaselock("obtain", "--wait", "60", "--client", "next", "r")
    shell.type("fg; echo code=$?")
    assert "continued" not in shell.expect("(?s).*code=76")[0]
    assert leaselock.json("show", "r")["client"] == "next"


def test_the_whole_group_is_stopped(shell, tmp_path):
    """One that stops only itself; the other would work on beyond the lease."""
    (tmp_path / "worker.py").write_text(WORKER)
    shell.type(f"leaselock run r -- sh -c '{sys.executable} {tmp_path}/worker.py & read x; kill -STOP $$'")
    worker = int(shell.expect(r"worker=(\d+)\r\n")[1])
    shell.type("go")
    shell.expect("Stopped")
    wait_until(lambda: is_stopped(worker))


def test_started_in_the_background(shell):
    shell.type(f"leaselock run r -- sh -c {READER} &")
    command = int(shell.expect(r"ready=(\d+)\r\n")[1])
    shell.wait_until_stopped()
    assert is_stopped(command)
    shell.type("fg; echo code=$?")
    wait_until(lambda: shell.foreground() == command)
    shell.type("late")
    shell.expect("got=late\r\ncode=3")


def test_ctrl_z_where_nobody_could_continue(leaselock, tmp_path):
    """As with ssh -t HOST leaselock run …: it is ignored, or the command would hang."""
    (tmp_path / "watcher.py").write_text(WATCHER)
    alone = Terminal(leaselock.environment, BINARY, "run", "r", "--", sys.executable, f"{tmp_path}/watcher.py")
    alone.expect("started=True\r\n")
    alone.type(CTRL_Z, end="")
    alone.expect("continued=True\r\n")
    alone.end()


def test_in_a_script(shell):
    """Ctrl-Z stops the script, too."""
    shell.type(f"sh -c '\"$0\" run r -- sh -c '\\'{READER}\\''; echo script=$?' {BINARY}; echo code=$?")
    shell.expect("ready=")
    shell.type(CTRL_Z, end="")
    shell.expect("Stopped")
    shell.type("fg; echo code=$?")
    shell.type("fourth")
    shell.expect("got=fourth\r\nscript=3\r\ncode=0")


def test_in_a_pipeline_the_others_keep_the_terminal(shell):
    reader = "read x; echo $x; read x < /dev/tty; echo got=$x"
    shell.type(f"leaselock run r -- sh -c 'while echo data; do sleep 0.05; done' | sh -c '{reader}'")
    shell.expect("data\r\n")
    shell.type("mine")
    shell.expect("got=mine\r\n")


def test_in_a_pipeline_the_command_gets_the_terminal_when_it_asks(shell):
    shell.type("echo data | leaselock run r -- sh -c 'cat; echo ready; read x < /dev/tty; echo got=$x'; echo code=$?")
    shell.expect("data\r\nready")
    shell.type("mine")
    shell.expect("got=mine\r\ncode=0")


def test_a_command_that_dies_leaves_no_raw_terminal(shell):
    shell.type("leaselock run r -- sh -c 'stty raw; kill -KILL $$'; echo code=$?; stty -a; echo fi''ni")
    shell.expect("code=137")
    assert re.search(r"(?<!-)icanon", shell.expect("(?s).*fini")[0])


def test_a_terminal_that_goes_away(shell, leaselock):
    """SIGHUP ends the command as it would without leaselock, and the lease with it."""
    shell.type("leaselock run r -- sh -c 'echo ready=$$; exec sleep 1000'")
    command = int(shell.expect(r"ready=(\d+)\r\n")[1])
    os.close(shell.terminal)
    shell.terminal = os.open("/dev/null", os.O_RDONLY)
    wait_until(lambda: not is_alive(command))
    wait_until(lambda: leaselock.state("r") == "RELEASED")
