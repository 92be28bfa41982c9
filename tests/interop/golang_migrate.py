"""golang-migrate and leaselock alternate over one directory; after every step all is as golang-migrate alone leaves it.

    golang_migrate.py LEASELOCK FOLDER

FOLDER keeps golang-migrate's command once it is built. Ends with 77, and the reason, where that cannot be done.
"""

from __future__ import annotations

import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile

from golang import command, seeds


class Tools:
    """One database, run by either tool."""

    def __init__(self, golang: str, ours: str, database: pathlib.Path, directory: pathlib.Path) -> None:
        self.golang, self.ours, self.database, self.directory = golang, ours, database, directory

    def by_golang(self, *call: str) -> subprocess.CompletedProcess[str]:
        command = [self.golang, "-path", str(self.directory), "-database", f"sqlite://{self.database}", *call]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def by_us(self, *call: str) -> subprocess.CompletedProcess[str]:
        target = ["--db", f"sqlite:{self.database}", "--path", str(self.directory)]
        command = [self.ours, "migrate", call[0], *target, *call[1:]]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def picture(self) -> list[tuple[object, ...]]:
        """Every table's rows with their types, and sqlite_master in its own order."""
        with sqlite3.connect(self.database) as db:
            master = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
            rows: list[tuple[object, ...]] = list(master)
            for kind, name, *_ in master:
                if kind == "table":
                    columns = [column[1] for column in db.execute(f'PRAGMA table_info("{name}")')]
                    fields = ", ".join(f'typeof("{column}"), "{column}"' for column in columns)
                    rows += [(name, *row) for row in db.execute(f'SELECT {fields} FROM "{name}"')]
        db.close()
        return rows


def write_directory(directory: pathlib.Path, chance: random.Random) -> list[int]:
    """Versions with gaps, some one-way, some files as real directories have them."""
    bodies = [
        "CREATE TABLE t{v} (id INTEGER PRIMARY KEY, x TEXT DEFAULT ';');\nINSERT INTO t{v} (x) VALUES ('{v}''s');",
        "-- only a comment",
        "",
        "CREATE TABLE t{v} (x);\r\nCREATE TRIGGER r{v} AFTER INSERT ON t{v} BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; END;\r\n",
        "\ufeffCREATE TABLE t{v} AS SELECT {v} AS x; CREATE VIEW v{v} AS SELECT * FROM t{v}",
        "CREATE TABLE t{v} (x); SAVEPOINT s; INSERT INTO t{v} VALUES (1); ROLLBACK TO s; RELEASE s",
    ]
    down = "DROP VIEW IF EXISTS v{v}; DROP TABLE IF EXISTS t{v};"
    versions = sorted(chance.sample(range(30), 10))
    for version in versions:
        ways = chance.choice([("up", "down"), ("up", "down"), ("up", "down"), ("down",), ("up",)])
        for way in ways:
            body = down if way == "down" else chance.choice(bodies)
            name = f"{version:0{chance.choice([1, 6])}}_a.b.{way}.{chance.choice(['sql', 'md'])}"
            body = body.replace("CREATE TABLE t", "CREATE TABLE IF NOT EXISTS t").replace("CREATE TRIGGER", "CREATE TRIGGER IF NOT EXISTS")
            body = body.replace("CREATE VIEW", "CREATE VIEW IF NOT EXISTS")
            (directory / name).write_bytes(body.replace("{v}", str(version)).encode())
    return versions


def random_call(versions: list[int], chance: random.Random) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The same call in both languages."""
    number = str(chance.randint(1, 4))
    version = str(chance.choice(versions))
    return chance.choice([
        (("up", number), ("up", number)),
        (("up", number), ("up", number)),
        (("down", number), ("down", number)),
        (("goto", version), ("goto", version)),
        (("up",), ("up",)),
        (("down", "-all"), ("down", "--all")),
        (("force", version), ("force", version)),
    ])


def alternate(golang: str, ours: str, seed: int) -> int:
    """Two databases get the same calls, one by golang-migrate alone, one by both tools in turns."""
    chance = random.Random(seed)
    steps = 0
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder, "migrations")
        directory.mkdir()
        versions = write_directory(directory, chance)
        alone = Tools(golang, ours, pathlib.Path(folder, "alone.db"), directory)
        turns = Tools(golang, ours, pathlib.Path(folder, "turns.db"), directory)
        for tools in (alone, turns):  # golang-migrate makes its table when it opens, ours when it first writes
            tools.by_golang("version")
        for _ in range(12):
            theirs, same = random_call(versions, chance)
            expected = alone.by_golang(*theirs)
            done = turns.by_us(*same) if chance.random() < 0.5 else turns.by_golang(*theirs)
            steps += 1
            assert (expected.returncode == 0) == (done.returncode == 0), (seed, theirs, expected, done)
            assert alone.picture() == turns.picture(), (seed, theirs, expected, done)
    return steps


def from_nothing(golang: str, ours: str) -> None:
    """A database that only we have written is the same as one that only golang-migrate has."""
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder, "migrations")
        directory.mkdir()
        write_directory(directory, random.Random(1))
        alone = Tools(golang, ours, pathlib.Path(folder, "alone.db"), directory)
        turns = Tools(golang, ours, pathlib.Path(folder, "turns.db"), directory)
        assert alone.by_golang("up").returncode == 0 and turns.by_us("up").returncode == 0
        assert alone.picture() == turns.picture()


def failures(golang: str, ours: str) -> None:
    """Its dirty row is explained by us; after our failure it goes on without force."""
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder, "migrations")
        directory.mkdir()
        (directory / "1_a.up.sql").write_text("CREATE TABLE a (x)")
        (directory / "2_b.up.sql").write_text("CREATE TABLE b (x); OOPS")
        theirs = Tools(golang, ours, pathlib.Path(folder, "theirs.db"), directory)
        assert theirs.by_golang("up").returncode == 1
        assert ("schema_migrations", "integer", 2, "integer", 1) in theirs.picture()
        dirty = theirs.by_us("up", "--wait", "0.1")
        assert dirty.returncode == 79 and "dirty at version 2" in dirty.stderr, dirty
        assert theirs.by_us("force", "1").returncode == 0
        mine = Tools(golang, ours, pathlib.Path(folder, "ours.db"), directory)
        failed = mine.by_us("up")
        assert failed.returncode == 80 and "2_b.up.sql:1:21" in failed.stderr, failed
        assert ("schema_migrations", "integer", 1, "integer", 0) in mine.picture()
        (directory / "2_b.up.sql").write_text("CREATE TABLE b (x)")
        for tools in (theirs, mine):
            assert tools.by_golang("up").returncode == 0
            assert ("schema_migrations", "integer", 2, "integer", 0) in tools.picture()


def main() -> None:
    ours, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    golang = command(folder)
    from_nothing(golang, ours)
    failures(golang, ours)
    steps = [alternate(golang, ours, seed) for seed in seeds(20)]
    print(f"{sum(steps)} steps in turns")
    print(f"{2 + len(steps)} passed, 0 failed")


if __name__ == "__main__":
    main()
