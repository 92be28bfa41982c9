"""What the tests of the command line share: starting it, waiting without sleeping by hope, looking at processes."""
import json
import os
import select
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from databases import ENGINES, PATIENCE
from migrations import Migrations

BINARY = os.environ["LEASELOCK_BIN"]


def wait_until(condition, what="the condition"):
    """Polls until condition() is true, and returns what it returned."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.005)
    raise AssertionError(f"{what} did not come true in {PATIENCE} s")


def ignoring(number):
    """For preexec_fn."""
    return lambda: signal.signal(number, signal.SIG_IGN)


def is_alive(pid):
    """A zombie is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def is_stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def blocks(pid, number):
    """Whether the process has the signal blocked, as leaselock has while it waits."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(next(line for line in status.splitlines() if line.startswith("SigBlk:")).split()[1], 16)
    return bool(mask >> (number - 1) & 1)


class Job:
    """A leaselock that runs beside the test, with all it started. Lines of its output can be awaited."""

    def __init__(self, arguments, environment, **options):
        self.mark = uuid.uuid4().hex
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        self.process = subprocess.Popen(
            [BINARY, *arguments], env=environment | {"TEST_MARK": self.mark}, start_new_session=True, **options
        )
        self.pid = self.process.pid
        self.pending = b""

    def line(self):
        """The next line of standard output."""
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self.pending:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            assert ready, "no output in time"
            piece = os.read(self.process.stdout.fileno(), 4096)
            assert piece, f"the output ended: {self.process.stderr.read()!r}"
            self.pending += piece
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode()

    def signal(self, number):
        os.kill(self.pid, number)

    def end(self):
        """Exit code and messages, once it has ended and nobody has its standard error open any more."""
        messages = self.process.communicate(timeout=PATIENCE)[1]
        return self.process.returncode, (messages or b"").decode()

    def family(self):
        """Every living process that it started, by what stands in its environment: pid → name."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self.mark.encode() in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (entry / "comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return {pid: name for pid, name in found.items() if is_alive(pid)}

    def kill_all(self):
        for pid in self.family():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


class Leaselock:
    """The program, on one database."""

    def __init__(self, database):
        self.database = database
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("LEASELOCK_")}
        self.environment["LEASELOCK_DB"] = database.url
        self.jobs = []

    def __call__(self, *arguments, code=0, environment=None, **options):
        """Runs it to its end and expects an exit code."""
        options = {"stdin": subprocess.DEVNULL} | options
        if "input" in options:
            del options["stdin"]
        done = subprocess.run(
            [BINARY, *arguments],
            env=self.environment | (environment or {}),
            capture_output="stdout" not in options,
            timeout=PATIENCE,
            start_new_session=True,
            **options,
        )
        done.stdout, done.stderr = (done.stdout or b"").decode(), (done.stderr or b"").decode()
        assert done.returncode == code, done
        return done

    def json(self, *arguments, **options):
        return json.loads(self(arguments[0], "--json", *arguments[1:], **options).stdout)

    def start(self, *arguments, environment=None, **options):
        job = Job(arguments, self.environment | (environment or {}), **options)
        self.jobs.append(job)
        return job

    def start_shell(self, script, *options, arguments=(), **others):
        """A shell's script under the lease of "r", with arguments from $0 on."""
        return self.start("run", *options, "r", "--", "sh", "-c", script, *arguments, **others)

    def obtain(self, resource, *arguments):
        """The token."""
        return self("obtain", "--no-wait", *arguments, resource).stdout.strip()

    def state(self, resource):
        return self.json("show", resource)["state"]

    @property
    def path(self):
        """The database's, where that is a file."""
        return self.database.path

    def connect(self):
        """A connection of the test's own to that file."""
        return self.database.connect()


def pytest_addoption(parser):
    parser.addoption("--engine", choices=ENGINES, default="sqlite", help="the database to run the program on")


def pytest_configure(config):
    config.addinivalue_line("markers", "any_engine: asks nothing of the engine, and so is left out on a server, for time")


def pytest_collection_modifyitems(config, items):
    """Not skipped, but left out: on a server what is about files or no engine, and on files what is about a server."""
    on_server = config.getoption("engine") == "postgresql"

    def belongs(item):
        if on_server:
            return "file" not in item.fixturenames and not item.get_closest_marker("any_engine")
        return "server" not in item.fixturenames

    config.hook.pytest_deselected(items=[item for item in items if not belongs(item)])
    items[:] = [item for item in items if belongs(item)]


@pytest.fixture
def leaselock(request, tmp_path):
    program = Leaselock(ENGINES[request.config.getoption("engine")](tmp_path))
    yield program
    for job in program.jobs:
        job.kill_all()
    program.database.close()


@pytest.fixture
def file(leaselock):
    """The database's."""
    return leaselock.path


@pytest.fixture
def server(leaselock):
    """The test's own session there."""
    return leaselock.database.session()


@pytest.fixture
def migrate(leaselock, tmp_path):
    migrations = Migrations(leaselock, tmp_path / "migrations")
    yield migrations
    migrations.close()
