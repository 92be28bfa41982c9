"""File names: golang-migrate's own vectors, and what its expression implies."""

from __future__ import annotations

from pathlib import Path

import pytest

import leaselock
from leaselock import MigrationEntry, MigrationState

# name, and the version, title and direction that it has
MIGRATIONS = [
    # golang-migrate, source/parse_test.go
    ("1_foobar.up.sql", 1, "foobar", "up"),
    ("1_foobar.down.sql", 1, "foobar", "down"),
    ("1_f-o_ob+ar.up.sql", 1, "f-o_ob+ar", "up"),
    ("1485385885_foobar.up.sql", 1485385885, "foobar", "up"),
    ("20170412214116_date_foobar.up.sql", 20170412214116, "date_foobar", "up"),
    # the version
    ("0_initial.up.sql", 0, "initial", "up"),
    ("000_initial.down.sql", 0, "initial", "down"),
    ("9223372036854775807_a.up.sql", 2**63 - 1, "a", "up"),
    ("00000000000000000000000000000000001_a.up.sql", 1, "a", "up"),
    ("1__a.up.sql", 1, "_a", "up"),
    # the title
    ("1_.up.sql", 1, "", "up"),
    ("1_a.b.c.up.sql", 1, "a.b.c", "up"),
    ("1_a.up.down.sql", 1, "a.up", "down"),
    ("1_a.down.up.sql", 1, "a.down", "up"),
    ("1_a.up.up.sql", 1, "a.up", "up"),
    ("1_a b\tc.up.sql", 1, "a b\tc", "up"),
    ("1_é.up.sql", 1, "é", "up"),
    # the extension counts for nothing
    ("1_notes.up.md", 1, "notes", "up"),
    ("1_a.up.sql.bak", 1, "a", "up"),
    ("1_a.up.sql~", 1, "a", "up"),
    ("1_a.up.", 1, "a", "up"),
]
OTHERS = [
    # golang-migrate, source/parse_test.go
    "-1_foobar.up.sql",
    "foobar.up.sql",
    "1.up.sql",
    "1_foobar.sql",
    "1_foobar.up",
    "1_foobar.down",
    # beyond its 64 bits
    "18446744073709551616_a.up.sql",
    "99999999999999999999999999_a.up.sql",
    # no version
    "+1_a.up.sql",
    " 1_a.up.sql",
    "0x1_a.up.sql",
    "\N{ARABIC-INDIC DIGIT ONE}_a.up.sql",
    "1-a.up.sql",
    # no direction
    "1_a.upsql",
    "1_a.UP.sql",
    "1_a\nb.up.sql",
    # free for other uses
    "R__name.sql",
    "000002_x.verify.sql",
    "leaselock.toml",
    ".1_a.up.sql",
]


def listed(source: leaselock.MigrationSource, url: str) -> tuple[MigrationEntry, ...]:
    with leaselock.migrations(url, source) as migrations:
        return migrations.status().migrations


@pytest.mark.parametrize("name, version, title, direction", MIGRATIONS)
@pytest.mark.parametrize("in_directory", [True, False], ids=["directory", "mapping"])
def test_names_of_migrations(
    name: str, version: int, title: str, direction: str, in_directory: bool, tmp_path: Path, shared_url: str
) -> None:
    entry = MigrationEntry(version, title, MigrationState.PENDING, direction == "up", direction == "down")
    source: leaselock.MigrationSource = {name: ""}
    if in_directory:
        source = tmp_path / "migrations"
        source.mkdir()
        (source / name).touch()
    assert listed(source, shared_url) == (entry,)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("in_directory", [True, False], ids=["directory", "mapping"])
def test_other_names_are_skipped(name: str, in_directory: bool, tmp_path: Path, shared_url: str) -> None:
    source: leaselock.MigrationSource = {name: "no SQL"}
    if in_directory:
        source = tmp_path / "migrations"
        source.mkdir()
        (source / name).write_text("no SQL")
    assert listed(source, shared_url) == ()


def test_links_to_files_are_migrations(tmp_path: Path, shared_url: str) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "elsewhere").write_text("CREATE TABLE a (x int);")
    (tmp_path / "migrations/1_a.up.sql").symlink_to(tmp_path / "elsewhere")
    with leaselock.migrations(shared_url, tmp_path / "migrations") as migrations:
        assert migrations.up().to_version == 1


def test_links_to_nothing_are_no_empty_migrations(tmp_path: Path, shared_url: str) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/1_a.up.sql").symlink_to(tmp_path / "gone")
    with leaselock.migrations(shared_url, tmp_path / "migrations") as migrations:
        with pytest.raises(leaselock.BadMigration) as bad:
            migrations.up()
        assert (bad.value.file, migrations.version()) == ("1_a.up.sql", None)


@pytest.mark.parametrize(
    "source",
    ["db/m", "db/m/", "./db/m", "file://db/m", "file://./db/m/", "file://{}/db/m", "{}/db/m"],
)
def test_how_a_directory_may_be_written(
    source: str, tmp_path: Path, shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "db/m").mkdir(parents=True)
    (tmp_path / "db/m/1_a.up.sql").touch()
    monkeypatch.chdir(tmp_path)
    assert len(listed(source.format(tmp_path), shared_url)) == 1


def test_versions_are_sorted_as_numbers(shared_url: str) -> None:
    names = ["10_a.up.sql", "9_b.up.sql", "0011_c.down.sql", "2_d.up.sql", "0_e.up.sql"]
    versions = [entry.version for entry in listed(dict.fromkeys(names, ""), shared_url)]
    assert versions == [0, 2, 9, 10, 11]


def test_folders_are_not_looked_into(tmp_path: Path, shared_url: str) -> None:
    (tmp_path / "migrations/1_a.up.sql").mkdir(parents=True)
    (tmp_path / "migrations/1_a.up.sql/2_b.up.sql").touch()
    assert listed(tmp_path / "migrations", shared_url) == ()


@pytest.mark.parametrize("name", ["9223372036854775808_a.up.sql", "18446744073709551615_a.up.sql"])
def test_a_version_that_golang_migrate_cannot_store_is_refused(name: str, shared_url: str) -> None:
    with pytest.raises(leaselock.BadMigration):
        listed({name: ""}, shared_url)


def test_two_of_one_version_and_direction_are_refused(shared_url: str) -> None:
    with pytest.raises(leaselock.DuplicateMigration, match="01_b.up.sql"):
        listed({"1_a.up.sql": "", "01_b.up.sql": ""}, shared_url)
    # the two directions may differ in everything else
    (both,) = listed({"1_a.up.sql": "", "01_b.down.md": ""}, shared_url)
    assert (both.version, both.title, both.has_up, both.has_down) == (1, "a", True, True)
