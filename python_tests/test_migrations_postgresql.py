"""Migrations on a server: its codes, its URLs, its passwords, and what runs outside of a transaction."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from outside import Outside

import leaselock

PASSWORD = "p@ss:w/rd?&%41#"  # with all that a URL would take for its own
FILES = {"1_a.up.sql": "CREATE TABLE a (x int); INSERT INTO a VALUES (1), (1);", "1_a.down.sql": "DROP TABLE a;"}


def test_a_failure_has_the_servers_code_and_detail(postgresql_url: str) -> None:
    body = "CREATE TABLE a (x int PRIMARY KEY);\nINSERT INTO a VALUES (1);\nINSERT INTO a VALUES (1);\n"
    with leaselock.migrations(postgresql_url, {"1_a.up.sql": body}) as migrations:
        with pytest.raises(leaselock.MigrationFailed, match="Key .x.=.1. already exists") as failed:
            migrations.up()
        assert (migrations.version(), migrations.dirty()) == (None, False)
    assert (failed.value.sqlstate, failed.value.file, failed.value.line) == ("23505", "1_a.up.sql", 3)
    assert failed.value.statement == "INSERT INTO a VALUES (1);"


def test_an_index_that_is_built_concurrently_and_fails_is_dirty(postgresql_url: str, database: Outside) -> None:
    files = FILES | {"2_i.up.sql": "CREATE UNIQUE INDEX CONCURRENTLY i ON a (x);"}
    with leaselock.migrations(postgresql_url, files, wait=0.1) as migrations:
        with pytest.raises(leaselock.MigrationFailed) as failed:
            migrations.up()
        assert (failed.value.sqlstate, failed.value.file) == ("23505", "2_i.up.sql")
        assert (migrations.version(), migrations.dirty()) == (2, True)
        with pytest.raises(leaselock.Dirty, match="dirty at version 2"):
            migrations.up()
        assert database.ask("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == ["0"]  # what failed is gone
        database.ask("DELETE FROM a")
        migrations.force(1)
        assert (migrations.up().to_version, migrations.dirty()) == (2, False)
    assert database.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == ["t"]


@pytest.mark.parametrize(
    "options, tables",
    [
        ("x-migrations-table=versions", ["a", "versions"]),
        ("x-migrations-table=%22{schema}%22.%22v.2%22&x-migrations-table-quoted=1", ["a", "v.2"]),
    ],
)
def test_the_urls_table(options: str, tables: list[str], postgresql_url: str, database: Outside) -> None:
    (schema,) = database.ask("SELECT current_schema()")
    with leaselock.migrations(f"{postgresql_url}&{options.format(schema=schema)}", FILES) as migrations:
        assert migrations.up().to_version == 1
    assert database.tables() == tables


def test_the_urls_search_path(postgresql_url: str, database: Outside) -> None:
    """As lib/pq takes it: by itself, not in `options`."""
    (schema,) = database.ask("SELECT current_schema()")
    url = f"{postgresql_url.partition('?')[0]}?search_path={schema}"
    with leaselock.migrations(url, FILES) as migrations:
        migrations.up()
    assert database.tables() == ["a", "schema_migrations"]


def test_who_has_the_lock_is_said(postgresql_url: str, database: Outside) -> None:
    with leaselock.migrations(postgresql_url, FILES, wait=0.1) as migrations, database.somebody_at_work() as process:
        with pytest.raises(leaselock.Unavailable, match=rf"lock of .*process {process} \(psql\)"):
            migrations.up()


@pytest.fixture
def app(database: Outside) -> Iterator[str]:
    """A role that the server asks for its password."""
    (names,) = database.ask("SELECT current_schema(), current_database()")
    schema, name = names.split("|")
    database.ask(f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'; GRANT USAGE, CREATE ON SCHEMA {schema} TO app")
    database.ask(f"ALTER ROLE app IN DATABASE {name} SET search_path = {schema}")
    yield "app"
    database.ask("DROP OWNED BY app; DROP ROLE app")


def test_a_configuration_and_its_secrets(postgresql_url: str, database: Outside, app: str, tmp_path: Path) -> None:
    """The values of a deployment, the way of one: a server elsewhere, a file, a secret for the role."""
    (tmp_path / "m").mkdir()
    for name, body in FILES.items():
        (tmp_path / "m" / name).write_text(body)
    server = urlsplit(os.environ["LEASELOCK_TEST_POSTGRESQL_TCP"])
    config = leaselock.Config.parse(
        f"db:\n  host: {unquote(server.hostname or '')}\n  port: {server.port}\n  dbname: {server.path[1:]}\n"
        f"  migrations: {tmp_path}/m\n"
    )
    with leaselock.db_migrations(config, {"POSTGRES_USER": app, "POSTGRES_PASSWORD": PASSWORD}) as migrations:
        assert leaselock.migration_succeeded(migrations.up())
        assert leaselock.migration_succeeded(migrations.up())
    owned = f"SELECT tablename FROM pg_tables WHERE tableowner = '{app}' ORDER BY tablename"
    assert database.ask(owned) == ["a", "schema_migrations"]
    if not os.environ["LEASELOCK_TEST_POSTGRESQL_DATA"]:
        return  # a server that was given, which may trust everybody
    with pytest.raises(leaselock.PermissionDenied) as refused:
        leaselock.db_migrations(config, {"POSTGRES_USER": app, "POSTGRES_PASSWORD": "wrong-" + PASSWORD})
    assert PASSWORD not in str(refused.value)
