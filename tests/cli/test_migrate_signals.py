"""Signals stop a run of migrations: the first one between two of them, the second one at once."""
import json
import select
import signal

import pytest
from conftest import PATIENCE, wait_until

FIRST = "leaselock: stopping after the migration that runs; once more to cancel it\n"
STOPPED = "leaselock: stopped; what is listed is done\n"


def start_inside(migrate, *arguments, **options):
    """A run that is inside its first migration."""
    job = migrate.start("up", *arguments, **options)
    wait_until(migrate.database.is_inside, "the first migration")
    return job


def message(job):
    """The next line of standard error, which is written as a whole."""
    ready, _, _ = select.select([job.process.stderr], [], [], PATIENCE)
    assert ready, "no message in time"
    return job.process.stderr.readline().decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_lets_the_migration_end(migrate, number):
    migrate.tables(2)
    migrate.file("1_a.up.sql", "CREATE TABLE a (x int);" + migrate.database.long)
    job = start_inside(migrate)
    job.signal(number)
    assert message(job) == FIRST
    migrate.database.open_gate()
    assert job.line().startswith("up\t1\ta\t")
    assert job.end() == (82, STOPPED)
    assert migrate.found() == ["a"] and migrate.version() == "1"


def test_the_second_cancels_the_statement(migrate):
    migrate.tables(2)
    migrate.file("1_a.up.sql", "CREATE TABLE a (x int);" + migrate.database.endless)
    job = start_inside(migrate, "--json")
    job.signal(signal.SIGTERM)
    assert message(job) == FIRST
    job.signal(signal.SIGTERM)
    end = job.process.communicate(timeout=PATIENCE)
    report = json.loads(end[0])
    assert (job.process.returncode, end[1].decode()) == (82, "leaselock: cancelling\n" + STOPPED)
    assert report == {"migrations": [], "result": "STOPPED", "dirty": False, "missing": 0}
    assert migrate.found() == [] and migrate.version() == "none"


def test_what_is_cancelled_outside_of_a_transaction_is_dirty(migrate):
    migrate.file("1_a.up.sql", f"-- leaselock: no-transaction\nCREATE TABLE a (x int); {migrate.database.endless}")
    job = migrate.start("up")
    assert "cannot run in a transaction" in message(job)
    wait_until(migrate.database.is_inside, "the statement that does not end")
    job.signal(signal.SIGTERM)
    assert message(job) == FIRST
    job.signal(signal.SIGTERM)
    code, messages = job.end()
    assert code == 79 and "the database is dirty now" in messages
    assert migrate.json("version") == {"version": 1, "dirty": True}


def test_waiting_ends_with_the_first(migrate):
    migrate.tables(1)
    with migrate.database.somebody_at_work():
        job = migrate.start("up", "--wait", "forever")
        wait_until(lambda: catches(job.pid, signal.SIGTERM), "the run's begin")
        job.signal(signal.SIGTERM)
        assert job.end() == (82, FIRST + STOPPED)
    assert migrate.found() == []


def catches(pid, number):
    with open(f"/proc/{pid}/status") as status:
        mask = next(line for line in status if line.startswith("SigCgt:")).split()[1]
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_an_ignored_signal_stays_ignored(migrate):
    migrate.file("1_a.up.sql", migrate.database.endless)
    job = start_inside(migrate, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    job.signal(signal.SIGHUP)
    job.signal(signal.SIGINT)
    assert message(job) == FIRST
    job.signal(signal.SIGINT)
    assert job.end() == (82, "leaselock: cancelling\n" + STOPPED)


def test_killed_it_leaves_nothing(migrate):
    migrate.file("1_a.up.sql", "CREATE TABLE a (x int);" + migrate.database.endless)
    job = start_inside(migrate)
    job.signal(signal.SIGKILL)
    assert job.end() == (-signal.SIGKILL, "")
    assert migrate.found() == [] and migrate.version() == "none"
    migrate.database.open_gate()  # a server finds out only now
    migrate.file("1_a.up.sql", "CREATE TABLE a (x int);")
    migrate("up")


def test_lines_come_as_soon_as_they_are_true(migrate):
    migrate.tables(1)
    migrate.file("2_b.up.sql", migrate.database.endless)
    job = start_inside(migrate)
    assert job.line().startswith("up\t1\ta\t")
    assert job.process.poll() is None
    assert migrate.version() == "1"
