"""New migration files."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import leaselock
from leaselock import MigrationKind
from leaselock.testing import TestClock


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_two_empty_files_and_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "db/migrations"
    result = leaselock.create_migration(folder, "users")
    assert names(folder) == ["000001_users.down.sql", "000001_users.up.sql"]
    assert all((folder / name).read_bytes() == b"" for name in names(folder))
    assert (result.kind, result.from_version, result.to_version) == (MigrationKind.DONE, None, 1)
    assert [(step.version, step.title, step.file, step.is_up) for step in result.applied] == [
        (1, "users", "000001_users.up.sql", True),
        (1, "users", "000001_users.down.sql", False),
    ]
    assert leaselock.create_migration(str(folder), "é b.c").to_version == 2
    assert (folder / "000002_é b.c.up.sql").exists()


@pytest.mark.parametrize("digits, extension, file", [(3, ".md", "042_x.up.md"), (19, "sql", "0" * 17 + "42_x.up.sql")])
def test_a_sequence_goes_on_after_the_highest(digits: int, extension: str, file: str, tmp_path: Path) -> None:
    (tmp_path / "41_a.down.sql").touch()
    (tmp_path / "R__view.sql").touch()
    result = leaselock.create_migration(tmp_path, "x", digits=digits, extension=extension)
    assert (result.to_version, result.applied[0].file) == (42, file)


def test_the_clock_can_number_them(tmp_path: Path) -> None:
    with TestClock(datetime(2023, 11, 14, 22, 13, 20, 500000, timezone.utc)):
        assert leaselock.create_migration(tmp_path, "a", numbering="time").to_version == 20231114221320
        assert leaselock.create_migration(tmp_path, "a", numbering="unix").to_version == 1700000000
        with pytest.raises(leaselock.DuplicateMigration):
            leaselock.create_migration(tmp_path, "b", numbering="unix")
    assert len(names(tmp_path)) == 4


def test_what_was_created_is_run(tmp_path: Path, shared_url: str) -> None:
    for title in "a", "b":
        result = leaselock.create_migration(tmp_path / "m", title)
        assert result.applied[0].file is not None
        (tmp_path / "m" / result.applied[0].file).write_text(f"CREATE TABLE {title} (x int);")
    with leaselock.migrations(shared_url, tmp_path / "m") as migrations:
        assert migrations.up().to_version == 2
        assert migrations.down().to_version is None


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"title": ""}, leaselock.InvalidArgument),
        ({"title": "a/b"}, leaselock.InvalidArgument),
        ({"title": "a\nb"}, leaselock.InvalidArgument),
        ({"title": "a\0b"}, leaselock.InvalidArgument),
        ({"title": None}, TypeError),
        ({"directory": None}, TypeError),
        ({"directory": b"x"}, TypeError),
        ({"numbering": "Sequence"}, leaselock.InvalidArgument),
        ({"numbering": 0}, TypeError),
        ({"digits": 0}, leaselock.InvalidArgument),
        ({"digits": 20}, leaselock.InvalidArgument),
        ({"digits": -(2**63)}, leaselock.InvalidArgument),
        ({"digits": 2**32 + 6}, leaselock.InvalidArgument),
        ({"digits": 6.0}, TypeError),
        ({"extension": "up.sql"}, leaselock.InvalidArgument),
        ({"extension": None}, TypeError),
    ],
)
def test_what_makes_no_file(arguments: dict[str, Any], error: type[Exception], tmp_path: Path) -> None:
    given: dict[str, Any] = {"directory": tmp_path / "m", "title": "a", **arguments}
    with pytest.raises(error):
        leaselock.create_migration(**given)
    assert names(tmp_path) == []


def test_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(leaselock.Error) as error:
        leaselock.create_migration(tmp_path / "file/m", "a")
    assert isinstance(error.value, OSError)
    (tmp_path / "9_a.up.sql").touch()
    with pytest.raises(leaselock.InvalidArgument, match="at most 1 digits"):
        leaselock.create_migration(tmp_path, "b", digits=1)
    assert names(tmp_path) == ["9_a.up.sql", "file"]
