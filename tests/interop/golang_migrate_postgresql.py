"""golang-migrate and leaselock on one PostgreSQL database: in turns, after failures, and at the same time.

    golang_migrate_postgresql.py LEASELOCK FOLDER DIRECTORIES

FOLDER keeps golang-migrate's command once it is built. Ends with 77, and the reason, where that cannot be done. Runs in
tests/postgresql/server.py. LEASELOCK_INTEROP_SECONDS asks for a longer run.
"""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import directories
import golang
from servers import Session, database, key, name_of, picture, role, same, session, until

Done = subprocess.CompletedProcess[str]


STEPS = 10  # in one directory


class Place(NamedTuple):
    """Where the version table is: by which options of the URL, and what it is called."""

    options: str = ""
    schema: str = "public"
    table: str = "schema_migrations"

    def quoted(self) -> str:
        return f'"{self.schema}"."{self.table}"'

    def split(self) -> bool:
        return "x-multi-statement" in self.options


PLACES = [
    Place(),
    Place("&x-migrations-table=my.Versions", table="my.Versions"),
    Place("&x-migrations-table=%22app%22.%22my+versions%22&x-migrations-table-quoted=true", "app", "my versions"),
    Place("&search_path=app", "app"),
    Place("&x-multi-statement=true"),
]


class Tools(NamedTuple):
    """Two commands, one database, one directory."""

    golang: str
    ours: str
    url: str
    directory: pathlib.Path
    place: Place = PLACES[0]

    def golang_call(self, *words: str) -> list[str]:
        database_url = self.url + self.place.options
        return [self.golang, "-path", str(self.directory), "-database", database_url, "-lock-timeout", "60", *words]

    def our_call(self, *words: str) -> list[str]:
        path = ["--path", str(self.directory)] if words[0] not in ("force", "version") else []
        return [self.ours, "migrate", words[0], "--db", self.url + self.place.options, *path, *words[1:]]

    def by_golang(self, *words: str) -> Done:
        return subprocess.run(self.golang_call(*words), capture_output=True, text=True, timeout=120)

    def by_us(self, *words: str) -> Done:
        return subprocess.run(self.our_call(*words), capture_output=True, text=True, timeout=120)

    def write(self, **files: str) -> None:
        """_1_a="…" is 1_a.up.sql."""
        for name, body in files.items():
            (self.directory / f"{name[1:]}.up.sql").write_text(body)

    def row(self) -> str:
        with session(self.url) as asking:
            return asking.ask(f"SELECT version, dirty FROM {self.place.quoted()}")


Make = Callable[..., contextlib.AbstractContextManager[Tools]]


def maker(golang_migrate: str, ours: str) -> Make:
    @contextlib.contextmanager
    def make(place: Place = PLACES[0], setup: str = "") -> Iterator[Tools]:
        schemas = f"CREATE SCHEMA IF NOT EXISTS app; {directories.SETUP}; {setup}"
        with tempfile.TemporaryDirectory() as folder, database(schemas) as url:
            yield Tools(golang_migrate, ours, url, pathlib.Path(folder), place)

    return make


# ---- in turns ----


def every_file(make: Make) -> None:
    """In one run, up and down again; our run begins in a database that has no version table yet."""
    for place in (PLACES[2], PLACES[3], PLACES[4]):
        with make(place) as alone, make(place) as other:
            ours = other._replace(directory=alone.directory)
            directories.write_all(alone.directory, place.quoted(), place.split())
            for theirs, same_call in ((["up"], ["up"]), (["down", "-all"], ["down", "--all"])):
                for done in (alone.by_golang(*theirs), ours.by_us(*same_call)):
                    assert done.returncode == 0, (place, done)
                same(alone.url, ours.url, place)


def alternate(make: Make, seed: int) -> int:
    """Two databases get the same calls, one by golang-migrate alone, one by both tools in turns, ours first."""
    chance, place = random.Random(seed), PLACES[seed % len(PLACES)]
    with make(place) as alone, make(place) as other, ThreadPoolExecutor() as pool:
        turns = other._replace(directory=alone.directory)
        versions = directories.write_some(alone.directory, place.quoted(), place.split(), chance)
        theirs, ours = ["up", "2"], ["up", "2"]
        for step in range(STEPS):
            by_us = step == 0 or chance.random() < 0.6
            expecting = pool.submit(alone.by_golang, *theirs)
            done = turns.by_us(*ours) if by_us else turns.by_golang(*theirs)
            expected = expecting.result()
            context = f"seed {seed}, step {step}, {theirs}:\n{expected}\n{done}"
            assert (expected.returncode == 0) == (done.returncode == 0), context
            same(alone.url, turns.url, context)
            theirs, ours = directories.call(versions, chance)
        said = [turns.by_us("version").stdout, turns.by_golang("version").stderr]
        assert said[0] == said[1] or (said[0] == "none\n" and said[1] == "error: no migration\n"), said
    return STEPS


# ---- failures ----


def its_dirty_row(make: Make) -> None:
    """What golang-migrate leaves is explained by us, refused, and repaired by force."""
    with make() as tools:
        tools.write(_1_a="CREATE TABLE a (x int)", _2_b="CREATE TABLE b (x int); OOPS")
        assert tools.by_golang("up").returncode == 1 and tools.row() == "2|t"
        before = picture(tools.url)
        for call in (["up"], ["down", "1"], ["goto", "1"]):
            dirty = tools.by_us(*call, "--wait", "0.1")
            assert dirty.returncode == 79 and "dirty at version 2" in dirty.stderr, dirty
        assert picture(tools.url) == before
        assert tools.by_us("version").stdout == "2 (dirty)\n"
        assert tools.by_us("force", "1").returncode == 0 and tools.row() == "1|f"
        tools.write(_2_b="CREATE TABLE b (x int)")
        assert tools.by_us("up").returncode == 0 and tools.row() == "2|f"


def our_failure(make: Make) -> None:
    """Of a file that runs in a transaction: golang-migrate goes on without force."""
    with make() as tools:
        tools.write(_1_a="CREATE TABLE a (x int)", _2_b="BEGIN; CREATE TABLE b (x int);\nOOPS; COMMIT")
        failed = tools.by_us("up")
        assert failed.returncode == 80 and "2_b.up.sql:2:1" in failed.stderr, failed
        assert tools.row() == "1|f"
        tools.write(_2_b="BEGIN; CREATE TABLE b (x int); COMMIT")
        done = tools.by_golang("up")
        assert done.returncode == 0 and tools.row() == "2|f", done


def our_dirty_row(make: Make) -> None:
    """Of one that cannot: dirty, at the version that golang-migrate would leave, up and down."""
    broken = "VACUUM public.base; OOPS"
    with make() as tools:
        tools.write(_1_a="CREATE TABLE a (x int)", _2_b="CREATE TABLE b (x int)", _3_c=broken)
        (tools.directory / "2_b.down.sql").write_text("CREATE INDEX CONCURRENTLY i ON missing (x)")
        for call, theirs, dirty in ((["up"], ["up"], "3|t"), (["steps", "-1"], ["down", "1"], "1|t")):
            assert tools.by_us(*call).returncode == 79 and tools.row() == dirty, call
            refused = tools.by_golang("up")
            assert refused.returncode == 1 and f"Dirty database version {dirty[0]}" in refused.stderr, refused
            assert tools.by_golang("force", "2").returncode == 0
            assert tools.by_golang(*theirs).returncode == 1 and tools.row() == dirty, theirs
            assert tools.by_us("force", "2").returncode == 0


# ---- at the same time ----

GATE = 4711  # an advisory lock that a migration waits for, and the test has
SLOW = f"SELECT pg_advisory_lock({GATE}); SELECT pg_advisory_unlock({GATE}); INSERT INTO public.base VALUES (1)"
SLOW_OUTSIDE = f"-- leaselock: no-transaction\n{SLOW}"


@contextlib.contextmanager
def started(call: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Ends nothing by itself: what it started has to."""
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def ended(process: subprocess.Popen[str]) -> None:
    output = process.communicate(timeout=120)
    assert process.returncode == 0, (process.args, output)


def wait_for(asking: Session, number: int) -> str:
    """Until somebody waits for an advisory lock; who, by its process at the server."""
    waiting = (
        f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid::int8 = {number}"
        " AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    until(f"somebody waits for the advisory lock {number}", lambda: asking.ask(waiting))
    return asking.ask(waiting)


def wait_for_tries(asking: Session) -> None:
    """Until one of ours asks for the keys again and again."""
    trying = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'libleaselock'"
        " AND query ~ 'pg_try_advisory_(xact_)?lock|^ROLLBACK'"
    )
    until("leaselock tries to get the locks", lambda: asking.ask(f"SELECT 1 WHERE EXISTS ({trying})"))


def refused_by(tools: Tools, pid: str) -> None:
    held = tools.by_us("up", "--wait", "0.3")
    assert held.returncode == 75 and f"has the lock of {tools.place.quoted()}: process {pid}" in held.stderr, held


def both_names(tools: Tools) -> Iterator[tuple[Tools, int]]:
    """golang-migrate with the key of its command, and with that of its library: a URL without a path has that one."""
    name, place = name_of(tools.url), tools.place
    yield tools, key(f"/{name}", place.schema, place.table)
    without_path = tools.url.replace(f"/{name}?", "?", 1) + f"&dbname={name}"
    yield tools._replace(url=without_path), key(name, place.schema, place.table)


def while_golang_runs(make: Make) -> None:
    """We wait, say who runs, and find nothing left to do when it is our turn."""
    for place in PLACES[:4]:
        with make(place) as tools, session(tools.url) as test:
            tools.write(_1_a=SLOW, _2_b="INSERT INTO public.base VALUES (2)")
            for theirs, _ in both_names(tools):
                test.ask(f"SELECT pg_advisory_lock({GATE})")
                with started(theirs.golang_call("up")) as running:
                    refused_by(tools, wait_for(test, GATE))
                    with started(tools.our_call("up", "--wait", "60")) as waiting:
                        wait_for_tries(test)
                        test.ask(f"SELECT pg_advisory_unlock({GATE})")
                        ended(waiting)
                    ended(running)
                assert test.ask("SELECT string_agg(x::text, ',' ORDER BY x) FROM base") == "1,2", theirs
                assert tools.row() == "2|f"
                test.ask(f"TRUNCATE base, {place.quoted()}")


def while_we_run(make: Make) -> None:
    """golang-migrate waits for either of its keys, in a transaction and outside of one, and has nothing left to do."""
    for place, body in ((PLACES[0], SLOW), (PLACES[2], SLOW), (PLACES[0], SLOW_OUTSIDE)):
        with make(place) as tools, session(tools.url) as test:
            tools.write(_1_a=body)
            for theirs, number in both_names(tools):
                test.ask(f"SELECT pg_advisory_lock({GATE})")
                with started(tools.our_call("up")) as running:
                    wait_for(test, GATE)
                    with started(theirs.golang_call("up")) as waiting:
                        wait_for(test, number)
                        test.ask(f"SELECT pg_advisory_unlock({GATE})")
                        ended(running)
                        ended(waiting)
                assert test.ask("SELECT * FROM base") == "1" and tools.row() == "1|f", theirs
                test.ask(f"TRUNCATE base, {place.quoted()}")


def the_library_key(make: Make) -> None:
    """Whoever has it keeps us out, though not golang-migrate's command; what that did meanwhile we see."""
    with make() as tools, session(tools.url) as library:
        tools.write(_1_a="INSERT INTO public.base VALUES (1)", _2_b="INSERT INTO public.base VALUES (2)")
        assert key("postgres", "public", "schema_migrations") == 143310882
        library.ask(f"SELECT pg_advisory_lock({key(name_of(tools.url), 'public', 'schema_migrations')})")
        refused_by(tools, str(library.pid))
        with started(tools.our_call("up", "--wait", "60")) as waiting, session(tools.url) as test:
            wait_for_tries(test)
            assert tools.by_golang("up", "1").returncode == 0
            library.ask("SELECT pg_advisory_unlock_all()")
            ended(waiting)
            assert test.ask("SELECT string_agg(x::text, ',' ORDER BY x) FROM base") == "1,2"
        assert tools.row() == "2|f"


def a_mixed_fleet(make: Make) -> None:
    """Four of each at once: each migration once."""
    migrations = range(1, 9)
    for which in (0, 1):
        with make() as tools, session(tools.url) as test:
            tools.write(**{f"_{version}_a": f"INSERT INTO public.base VALUES ({version})" for version in migrations})
            theirs, _ = next(itertools.islice(both_names(tools), which, None))
            calls = [theirs.golang_call("up"), tools.our_call("up", "--wait", "60")] * 4
            with contextlib.ExitStack() as stack:
                for process in [stack.enter_context(started(call)) for call in calls]:
                    ended(process)
            assert test.ask("SELECT string_agg(x::text, ',' ORDER BY x) FROM base") == ",".join(map(str, migrations))
            assert tools.row() == "8|f"


# ---- who may only read ----


def a_reader(make: Make) -> None:
    """Both tell the version to a role that may not write it; ours does where there is none yet, too."""
    with make(setup="REVOKE CREATE ON SCHEMA public FROM PUBLIC") as tools, session(tools.url) as test:
        reader = f"reader_of_{name_of(tools.url)}"
        with role(reader):
            user = tools.url.partition("://")[2].partition("@")[0]
            reading = tools._replace(url=tools.url.replace(f"//{user}@", f"//{reader}@", 1))
            assert reading.by_us("version").stdout == "none\n"
            tools.write(_1_a="CREATE TABLE a (x int)")
            assert tools.by_us("up").returncode == 0
            test.ask(f"GRANT SELECT ON schema_migrations TO {reader}")
            assert (reading.by_us("version").stdout, reading.by_golang("version").stderr) == ("1\n", "1\n")
            assert reading.by_us("force", "0").returncode == 77
            test.ask(f"DROP OWNED BY {reader}")


CHECKS = [
    every_file,
    its_dirty_row,
    our_failure,
    our_dirty_row,
    while_golang_runs,
    while_we_run,
    the_library_key,
    a_mixed_fleet,
    a_reader,
]


def main() -> None:
    ours, folder, count = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    make = maker(golang.command(folder), ours)
    for check in CHECKS:
        check(make)
    steps = [alternate(make, seed) for seed in golang.seeds(count)]
    print(f"{sum(steps)} steps in turns")
    print(f"{len(CHECKS) + len(steps)} passed, 0 failed")


if __name__ == "__main__":
    main()
