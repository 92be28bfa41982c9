"""leaselock migrate on a server: its codes, its URLs, its passwords, and what runs outside of a transaction."""
import json
import os
from urllib.parse import unquote, urlsplit

import pytest
from conftest import wait_until

PASSWORD = "p@ss:w/rd?&%41#"  # with all that a URL would take for its own


def test_a_failure_has_the_servers_code_and_detail(migrate, server):
    migrate.file("1_a.up.sql", "CREATE TABLE a (x int PRIMARY KEY);\nINSERT INTO a VALUES (1), (1);\n")
    report = migrate.json("up", code=80)
    assert "Key (x)=(1) already exists" in report["error"].pop("message")
    assert report["error"] == {
        "name": "MIGRATION_FAILED", "sqlstate": "23505", "file": "1_a.up.sql", "line": 2, "column": 1,
    }
    assert "Key (x)=(1) already exists" in migrate("up", code=80).stderr
    assert migrate.found() == []


def test_an_index_that_is_built_concurrently_and_fails_is_dirty(migrate, server):
    migrate.file("1_a.up.sql", "CREATE TABLE a (x int); INSERT INTO a VALUES (1), (1);")
    migrate.file("2_i.up.sql", "CREATE UNIQUE INDEX CONCURRENTLY i ON a (x);")
    done = migrate("up", code=79)
    assert done.stdout.startswith("up\t1\ta\t") and len(done.stdout.splitlines()) == 1
    assert "2_i.up.sql" in done.stderr and "dirty" in done.stderr
    assert migrate.version() == "2 (dirty)"
    assert "force" in migrate("up", "--no-wait", code=79).stderr
    server("DELETE FROM a")
    migrate("force", "1")
    assert "cannot run in a transaction" in migrate("up").stderr
    assert migrate.version() == "2"
    assert server("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == ["t"]


def test_the_urls_table(migrate, server):
    """An option goes before it."""
    migrate.tables(1)
    url = f"{migrate.leaselock.database.url}&x-migrations-table=versions"
    migrate("up", "--db", url)
    assert migrate.found() == ["a", "versions"]
    assert migrate.json("version", "--db", url)["version"] == 1
    assert migrate.json("version", "--db", url, "--table", "other")["version"] is None


def test_who_has_the_lock_is_said(migrate, server):
    with migrate.database.somebody_at_work() as process:
        assert f"process {process} (psql)" in migrate("drop", "--yes", "--no-wait", code=75).stderr


def test_another_run_says_that_it_is_leaselock(migrate, server):
    migrate.file("1_a.up.sql", migrate.database.long)
    job = migrate.start("up")
    wait_until(migrate.database.is_inside, "the migration")
    assert "(libleaselock)" in migrate("up", "--no-wait", code=75).stderr
    migrate.database.open_gate()
    assert job.end() == (0, "")


@pytest.fixture
def app(migrate, server):
    """A role that the server asks for its password, in this schema."""
    schema = migrate.database.schema
    (database,) = server("SELECT current_database()")
    server(f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'; GRANT USAGE, CREATE ON SCHEMA {schema} TO app")
    server(f"ALTER ROLE app IN DATABASE {database} SET search_path = {schema}")
    yield "app"
    server("DROP OWNED BY app; DROP ROLE app")


def test_a_configuration_and_its_secrets(migrate, app, tmp_path):
    migrate.tables(2)
    there = urlsplit(os.environ["LEASELOCK_TEST_POSTGRESQL_TCP"])
    config, secrets = tmp_path / "app.yaml", tmp_path / "secrets"
    config.write_text(
        f"db:\n  host: {unquote(there.hostname)}\n  port: {there.port}\n  dbname: {there.path[1:]}\n"
        f"  migrations: {migrate.folder}\n"
    )
    secrets.mkdir()
    (secrets / "POSTGRES_USER").write_text(f"{app}\n")
    (secrets / "POSTGRES_PASSWORD").write_text(f"{PASSWORD}\n")
    up = ["migrate", "up", "--config", str(config), "--secrets", str(secrets)]
    assert json.loads(migrate.leaselock(*up, "--json").stdout)["to"] == 2
    owned = migrate.database.ask(f"SELECT tablename FROM pg_tables WHERE tableowner = '{app}' ORDER BY tablename")
    assert owned == ["a", "b", "schema_migrations"]
    if not os.environ["LEASELOCK_TEST_POSTGRESQL_DATA"]:
        return  # a server that was given, which may trust everybody
    (secrets / "POSTGRES_PASSWORD").write_text("wrong-" + PASSWORD)
    assert PASSWORD not in migrate.leaselock(*up, code=77).stderr
