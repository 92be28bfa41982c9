"""--no-install: what it refuses, and that the ways out which its message names are some."""
import sqlite3
from pathlib import Path

import pytest

FILES = Path(__file__).parents[2] / "libleaselock/src/engines/sqlite/migrations"  # share/leaselock/migrations/sqlite, once installed
LEASE = "r,c,1,0123456789abcdef0123456789abcdef,2026-01-31T12:00:00.000Z"


@pytest.mark.parametrize(
    "command",
    [["obtain", "r"], ["run", "r", "--", "true"], ["renew", LEASE], ["release", LEASE], ["ls"], ["show", "r"], ["floor"]],
    ids=lambda command: command[0],
)
def test_nothing_is_made(leaselock, command):
    done = leaselock(command[0], "--no-install", *command[1:], code=66)
    assert "installing is switched off" in done.stderr
    assert not leaselock.path.exists()


def test_the_users_own_directory_is_not_made(leaselock, tmp_path):
    leaselock("ls", "--no-install", code=66, environment={"LEASELOCK_DB": "", "XDG_STATE_HOME": str(tmp_path / "state")})
    assert not (tmp_path / "state").exists()


def test_opening_once_is_a_way(leaselock):
    sqlite3.connect(leaselock.path).execute("CREATE TABLE mine (x)").connection.close()
    refused = leaselock("obtain", "--no-install", "r", code=78).stderr
    assert "at version none" in refused and "open it once with installing" in refused
    leaselock("ls")
    leaselock("obtain", "--no-install", "r")


def test_running_the_files_is_a_way(leaselock):
    """As a database's owner does it, for users who may change no schema; step by step as the message says."""
    leaselock.connect().execute("CREATE TABLE mine (x)")
    refused = leaselock("obtain", "--no-install", "r", code=78).stderr
    assert "share/leaselock/migrations/sqlite" in refused
    table, pragma = refused.strip().split("x-migrations-table=")[1].split(", then ")
    url = f"sqlite://{leaselock.path}?x-migrations-table={table}"
    leaselock("migrate", "up", "--db", url, "--path", str(FILES))
    assert "PRAGMA journal_mode = WAL" in leaselock("obtain", "--no-install", "r", code=78).stderr
    leaselock.connect().execute(pragma)
    leaselock("obtain", "--no-install", "r")
    assert leaselock.json("show", "r")["sequence"] == 1


def test_it_is_the_same_whoever_makes_the_tables(leaselock, tmp_path):
    leaselock("ls")
    other = tmp_path / "other.db"
    leaselock("migrate", "up", "--db", f"sqlite:{other}?x-migrations-table=leaselock_migrations", "--path", str(FILES))
    schemas = [
        sqlite3.connect(path).execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        for path in (leaselock.path, other)
    ]
    assert schemas[0] == schemas[1]


def test_other_files_have_no_business_in_that_table(leaselock, tmp_path):
    (tmp_path / "1_leases.up.sql").write_text("CREATE TABLE a (x);")
    (tmp_path / "2_mine.up.sql").write_text("CREATE TABLE b (x);")
    url = f"sqlite:{leaselock.path}?x-migrations-table=leaselock_migrations"
    done = leaselock("migrate", "up", "--db", url, "--path", str(tmp_path), code=64)
    assert "only share/leaselock/migrations/sqlite is for it" in done.stderr
