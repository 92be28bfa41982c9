"""leaselock migrate before it gets to a database: new files, wrong usage, what is never shown."""
import os
import re
import subprocess

import pytest
from conftest import BINARY, PATIENCE, wait_until
from outside import Sqlite


def test_create(migrate, tmp_path):
    done = migrate("create", "first one")
    assert done.stdout == "".join(f"{migrate.folder}/000001_first one.{way}.sql\n" for way in ("up", "down"))
    report = migrate.json("create", "--ext", "txt", "--digits", "3", "more")
    assert report == {"version": 2, "files": [f"{migrate.folder}/002_more.{way}.txt" for way in ("up", "down")]}
    assert all(path.read_bytes() == b"" for path in migrate.folder.iterdir()) and len(os.listdir(migrate.folder)) == 4
    assert re.search(r"/20\d{12}_t\.up\.sql\n", migrate("create", "--time", "t").stdout)
    assert re.search(r"/1\d{9}_u\.up\.sql\n", migrate("create", "--unix", "u").stdout)
    migrate("create", "sequence", code=64)
    assert (tmp_path / "leases.db").exists() is False


@pytest.mark.parametrize("path", ["new/folder", "new/folder/", "file://new/folder"])
def test_create_makes_the_folder(leaselock, tmp_path, path):
    done = leaselock("migrate", "create", "--path", path, "x", cwd=tmp_path)
    assert done.stdout.splitlines()[0] == "new/folder/000001_x.up.sql"
    assert (tmp_path / "new/folder/000001_x.up.sql").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["nonsense"], ["up", "0"], ["up", "-1"], ["up", "x"], ["up", "1", "2"], ["down", "-1"], ["down", "0"],
        ["steps"],
        ["steps", "0"], ["steps", "--", "--1"], ["steps", "-"], ["goto"], ["goto", "-1"],
        ["goto", "9223372036854775808"],
        ["force"], ["force", "-2"], ["force", "x"], ["up", "--all"], ["up", "-f"], ["down", "--yes"], ["drop", "all"],
        ["up", "--digits", "3"], ["create"], ["create", ""], ["create", "a/b"], ["create", "--digits", "0", "x"],
        ["create", "--digits", "20", "x"], ["create", "--table", "t", "x"], ["version", "1"], ["status", "1"],
        ["up", "--ttl", "3"],
        ["up", "--wait", "soon"], ["up", "--table", ""], ["up", "--db", "nonsense:x"], ["up", "--db", "memory:x"],
    ],
)
def test_wrong_usage(migrate, arguments):
    migrate.tables(1)
    done = migrate(*arguments, code=64)
    assert done.stdout == "" and done.stderr.startswith("leaselock")
    assert len(os.listdir(migrate.folder)) == 2
    assert not migrate.leaselock.path.exists() or migrate.found() == []


def test_a_wrong_option_is_named(migrate):
    assert "migrate create has no --table" in migrate("create", "--table", "t", "x", code=64).stderr


@pytest.mark.parametrize("missing", ["--db", "--path"])
def test_what_is_missing_is_named(leaselock, tmp_path, missing):
    path = ["--path", str(tmp_path)] if missing == "--db" else []
    done = leaselock("migrate", "up", *path, code=64, environment={"LEASELOCK_DB": ""} if missing == "--db" else None)
    assert missing in done.stderr


def test_the_page(leaselock):
    page = leaselock("migrate", "--help").stdout
    assert leaselock("migrate", "up", "--help").stdout == leaselock("help", "migrate").stdout == page
    assert all(len(line) <= 80 for line in page.splitlines())
    assert [line for line in page.splitlines() if line.startswith("  75 ")] == [
        "  75   another runner, or somebody's transaction, did not end in time"
    ]


def test_a_bad_configuration(leaselock, tmp_path):
    config = tmp_path / "app.yaml"
    config.write_text("db:\n  urk: x\n")
    assert f"{config}:2" in leaselock("migrate", "up", "--config", config, code=78).stderr
    leaselock("migrate", "up", "--config", tmp_path / "missing.yaml", code=66)
    config.write_text(f"db:\n  migrations: {tmp_path}\n")
    assert "POSTGRES_USER" in leaselock("migrate", "up", "--config", config, "--secrets", tmp_path, code=78).stderr


SECRET = "hunter2"
URLS = [
    f"nonsense://u:{SECRET}@h/x",
    f"postgresql://u:{SECRET}@localhost:1/x",
    f"postgresql://localhost:1/x?user=u&password={SECRET}&connect_timeout=x",
    f"postgresql://u:a@{SECRET}/%zz@localhost:1/x",
    f"sqlite:x?password={SECRET}",
    f"sqlite3://x.db?{SECRET}",
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("way", ["--db", "environment", "--config"])
def test_a_password_is_in_no_message(migrate, tmp_path, url, way):
    migrate.tables(1)
    (tmp_path / "app.yaml").write_text(f"db:\n  url: '{url}'\n")
    database = {"--db": ["--db", url], "--config": ["--config", tmp_path / "app.yaml"], "environment": []}[way]
    environment = migrate.leaselock.environment | ({"LEASELOCK_DB": url} if way == "environment" else {})
    command = [BINARY, *migrate.arguments("up", "--json", *database)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, timeout=PATIENCE)
    assert done.returncode != 0 and done.stderr
    assert SECRET.encode() not in done.stdout + done.stderr


def test_a_secret_is_in_no_message(migrate, tmp_path):
    (tmp_path / "app.yaml").write_text("db:\n  host: localhost\n  port: 1\n")
    environment = {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": SECRET}
    command = [BINARY, *migrate.arguments("up", "--config", tmp_path / "app.yaml")]
    environment |= migrate.leaselock.environment
    done = subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE)
    assert done.returncode != 0 and SECRET.encode() not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["u:hunter2@h", "u:a:@hunter2@h"])
def test_a_password_leaves_the_list_of_processes(migrate, tmp_path, name):
    """To golang-migrate's URLs of SQLite it is a part of the path."""
    (tmp_path / name).mkdir()
    migrate.file("1_endless.up.sql", Sqlite.endless)
    job = migrate.start("up", "--db", f"sqlite3://{name}/x.db", cwd=tmp_path)
    wait_until(lambda: (tmp_path / name / "x.db").exists(), "the database")
    with open(f"/proc/{job.pid}/cmdline", "rb") as shown:
        line = shown.read()
    assert SECRET.encode() not in line
    assert b"sqlite3://u:" + b"*" * (len(name) - 4) + b"@h/x.db" in line
