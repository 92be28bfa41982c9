"""Opening with installing switched off, and what makes such an open succeed."""

from __future__ import annotations

from pathlib import Path

import pytest

import leaselock

ENGINES = Path(__file__).parents[1] / "libleaselock/src/engines"


def test_what_is_missing_is_refused(shared_url: str) -> None:
    with pytest.raises((leaselock.NotFound, leaselock.NoTables), match="installing is switched off"):
        leaselock.open(shared_url, install=False)


def test_what_is_there_is_used(url: str) -> None:
    leaselock.open(url).close()
    with leaselock.open(url, install=False) as locks, locks.hold("a") as lease:
        assert lease.valid


def test_by_a_configuration(shared_url: str, tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text(f"db: {{url: '{shared_url}'}}\nlock: {{install: false}}\n")
    with pytest.raises((leaselock.NotFound, leaselock.NoTables)):
        leaselock.open(path)
    leaselock.open(shared_url).close()
    leaselock.open(path).close()


def test_running_the_files_is_a_way(postgresql_url: str) -> None:
    """As a database's owner does it; on SQLite this is told by the tests of the command line."""
    with pytest.raises(leaselock.NoTables) as refused:
        leaselock.open(postgresql_url, install=False)
    for part in "at version none", "share/leaselock/migrations/postgresql", "x-migrations-table=leaselock_migrations":
        assert part in str(refused.value)
    url = f"{postgresql_url}&x-migrations-table=leaselock_migrations"
    with leaselock.migrations(url, ENGINES / "postgresql" / "migrations") as migrations:
        assert migrations.up().to_version == 1
    with leaselock.open(postgresql_url, install=False) as locks, locks.hold("a") as lease:
        assert lease.sequence == 1
