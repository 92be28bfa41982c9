"""Random directories of migrations for PostgreSQL, as real ones are; no file fails, whatever ran before it."""

from __future__ import annotations

import pathlib
import random

SETUP = "CREATE TABLE public.base (x int)"  # there before any migration

# Also where the tools split at semicolons, each in its way.
PLAIN = [
    "CREATE TABLE IF NOT EXISTS t{v} (id serial PRIMARY KEY, x text DEFAULT 'x');\n"
    "INSERT INTO t{v} (x) VALUES ('{v}''s');",
    "-- only a comment",
    "",
    " \n\t\r\n",
    "CREATE TABLE IF NOT EXISTS t{v} (x text); INSERT INTO t{v} VALUES ('é ─┐ \\ 漢'), (E'\\'\\\\')",
    "CREATE SCHEMA IF NOT EXISTS other;\nSET search_path TO other, public;\nCREATE TABLE IF NOT EXISTS t{v} (x int);\n",
    "CREATE TEMPORARY TABLE IF NOT EXISTS carried (x int)",
    "CREATE TABLE IF NOT EXISTS t{v} AS SELECT to_regclass('pg_temp.carried') IS NOT NULL AS carried,"
    " current_schema() AS here, current_setting('DateStyle') AS dates, current_setting('client_encoding') AS encoding",
    "ALTER TABLE {table} ADD COLUMN IF NOT EXISTS note text DEFAULT 'a note'; UPDATE {table} SET note = 'another';",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS i{v} ON public.base (x)",
    "VACUUM public.base;",
]
WHOLE = [
    "CREATE TABLE IF NOT EXISTS t{v} (x text DEFAULT ';'); /* ; /* nested; ' */ */"
    " INSERT INTO t{v} DEFAULT VALUES; -- ;\n",
    "BEGIN;\nCREATE TABLE IF NOT EXISTS t{v} (x int);\nINSERT INTO t{v} VALUES ({v});\nCOMMIT;\n",
    "BEGIN ISOLATION LEVEL REPEATABLE READ;\n"
    "CREATE TABLE IF NOT EXISTS t{v} AS SELECT current_setting('transaction_isolation') AS level;\nEND",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n"
    "CREATE TABLE IF NOT EXISTS t{v} AS SELECT current_setting('transaction_isolation') AS level;",
    "BEGIN; INSERT INTO public.base VALUES ({v}); COMMIT;\nBEGIN; INSERT INTO public.base VALUES (-{v}); COMMIT;",
    "-- it commits\nDO $$ BEGIN INSERT INTO public.base VALUES ({v}); COMMIT;"
    " INSERT INTO public.base VALUES ({v}); END $$;",
    "CREATE OR REPLACE FUNCTION f{v}() RETURNS int LANGUAGE plpgsql AS $body$\n"
    "BEGIN\n  PERFORM ';$$';\n  RETURN CASE 1 WHEN 1 THEN {v} END;\nEND;\n$body$;\n"
    "CREATE TABLE IF NOT EXISTS t{v} AS SELECT f{v}() AS x;",
    "CREATE OR REPLACE FUNCTION f{v}() RETURNS int LANGUAGE sql\n"
    "BEGIN ATOMIC SELECT 1; SELECT CASE 1 WHEN 1 THEN {v} END; END;\n"
    "CREATE OR REPLACE VIEW v{v} AS SELECT f{v}() AS x",
    "CREATE TABLE IF NOT EXISTS t{v} (x int);\r\n"
    "CREATE OR REPLACE FUNCTION f{v}() RETURNS trigger LANGUAGE plpgsql AS $$\r\n"
    "BEGIN NEW.x := NEW.x + 1; RETURN NEW; END $$;\r\nDROP TRIGGER IF EXISTS r ON t{v};\r\n"
    "CREATE TRIGGER r BEFORE INSERT ON t{v} FOR EACH ROW EXECUTE FUNCTION f{v}();\r\n"
    "INSERT INTO t{v} VALUES ({v});\r\n",
    "DROP TYPE IF EXISTS e{v} CASCADE; CREATE TYPE e{v} AS ENUM ('a'); ALTER TYPE e{v} ADD VALUE 'b;';",
]
DOWN = (
    "DROP VIEW IF EXISTS v{v}; DROP TABLE IF EXISTS t{v} CASCADE; DROP FUNCTION IF EXISTS f{v}() CASCADE;"
    "\nDROP TYPE IF EXISTS e{v} CASCADE;\n"
)
DOWNS = [
    DOWN,
    DOWN,
    f"BEGIN;\n{DOWN}COMMIT;\n",
    "DROP INDEX CONCURRENTLY IF EXISTS public.i{v};",
    "ALTER TABLE {table} DROP COLUMN IF EXISTS note",
]


def write_file(path: pathlib.Path, body: str, version: int, table: str) -> None:
    path.write_bytes(body.replace("{v}", str(version)).replace("{table}", table).encode())


def bodies(split: bool) -> tuple[list[str], list[str]]:
    """All that go up, and all that go down."""
    return (PLAIN, [DOWN]) if split else (PLAIN + WHOLE, DOWNS)


def write_all(directory: pathlib.Path, table: str, split: bool) -> None:
    """Each of them, in their order; the table is the version table, as a script calls it."""
    ups, downs = bodies(split)
    for version, body in enumerate(ups, 1):
        write_file(directory / f"{version:03}_a.up.sql", body, version, table)
        write_file(directory / f"{version:03}_a.down.sql", downs[version % len(downs)], version, table)


def write_some(directory: pathlib.Path, table: str, split: bool, chance: random.Random) -> list[int]:
    """Versions with gaps, some one-way."""
    ups, downs = bodies(split)
    versions = sorted(chance.sample(range(30), 10))
    for version in versions:
        for way in chance.choice([("up", "down"), ("up", "down"), ("up", "down"), ("down",), ("up",)]):
            body = chance.choice(ups if way == "up" else downs)
            name = f"{version:0{chance.choice([1, 6])}}_a.b.{way}.{chance.choice(['sql', 'md'])}"
            write_file(directory / name, body, version, table)
    return versions


def call(versions: list[int], chance: random.Random) -> tuple[list[str], list[str]]:
    """The same one in the languages of golang-migrate and of leaselock."""
    number, version = str(chance.randint(1, 4)), str(chance.choice(versions))
    return chance.choice([
        (["up", number], ["up", number]),
        (["up", number], ["steps", number]),
        (["down", number], ["down", number]),
        (["down", number], ["steps", f"-{number}"]),
        (["goto", version], ["goto", version]),
        (["up"], ["up"]),
        (["down", "-all"], ["down", "--all"]),
        (["force", version], ["force", version]),
        (["force", "--", "-1"], ["force", "-1"]),
    ])
