"""leaselock migrate: what each command does and prints, and with which exit code."""
import os
import re
import subprocess

import pytest
from conftest import BINARY, PATIENCE, wait_until
from migrations import ENDLESS, Migrations


@pytest.fixture
def migrate(leaselock):
    return Migrations(leaselock)


def lines(done):
    """Milliseconds are what they are."""
    return re.sub(r"\t\d+$", "", done.stdout, flags=re.MULTILINE).splitlines()


def test_up_and_down(migrate):
    migrate.tables()
    assert lines(migrate("up", "2")) == ["up\t1\ta", "up\t2\tb"]
    assert migrate.version() == "2"
    assert lines(migrate("up")) == ["up\t3\tc"]
    assert migrate.found() == ["a", "b", "c"]
    assert lines(migrate("down", "1")) == ["down\t3\tc"]
    assert lines(migrate("down", "--all")) == ["down\t2\tb", "down\t1\ta"]
    assert migrate.version() == "none"
    assert migrate.found() == []


def test_steps_and_goto(migrate):
    migrate.tables()
    assert lines(migrate("steps", "2")) == ["up\t1\ta", "up\t2\tb"]
    assert lines(migrate("steps", "-1")) == ["down\t2\tb"]
    assert lines(migrate("steps", "--", "-1")) == ["down\t1\ta"]
    assert lines(migrate("goto", "2")) == ["up\t1\ta", "up\t2\tb"]
    assert lines(migrate("goto", "0001")) == ["down\t2\tb"]


def test_no_change_is_no_failure(migrate):
    migrate.tables()
    migrate("up")
    done = migrate("up")
    assert (done.stdout, done.stderr) == ("", "leaselock: no change\n")
    report = migrate.json("goto", "3")
    assert report == {"migrations": [], "result": "NO_CHANGE", "from": 3, "to": 3, "dirty": False, "missing": 0}


def test_short(migrate):
    migrate.tables(2)
    done = migrate("up", "5", code=81)
    assert lines(done) == ["up\t1\ta", "up\t2\tb"] and "3 short" in done.stderr
    migrate("up", "1", code=66)
    report = migrate.json("steps", "-3", code=81)
    assert (report["result"], report["missing"], report["from"], report["to"]) == ("SHORT", 1, 2, None)
    migrate("down", "1", code=66)


def test_json_of_a_run(migrate):
    migrate.tables(2)
    report = migrate.json("up")
    for migration in report["migrations"]:
        assert 0 <= migration.pop("ms") < 60000
    assert report == {
        "migrations": [
            {"version": 1, "title": "a", "file": "1_a.up.sql", "direction": "up"},
            {"version": 2, "title": "b", "file": "2_b.up.sql", "direction": "up"},
        ],
        "result": "DONE",
        "from": None,
        "to": 2,
        "dirty": False,
        "missing": 0,
    }
    assert [migration["direction"] for migration in migrate.json("down", "--all")["migrations"]] == ["down", "down"]


def test_what_was_done_before_a_failure_is_told(migrate):
    migrate.tables(2)
    migrate.file("3_broken.up.sql", "CREATE TABLE c (x);\n  CREATE TABEL d (x);")
    report = migrate.json("up", code=80)
    assert [migration["version"] for migration in report["migrations"]] == [1, 2]
    assert (report["result"], report["from"], report["to"]) == ("FAILED", None, 2)
    message = report["error"].pop("message")
    assert message.startswith('3_broken.up.sql:2:10: near "TABEL": syntax error')
    assert report["error"] == {"name": "MIGRATION_FAILED", "file": "3_broken.up.sql", "line": 2, "column": 10}
    done = migrate("up", code=80)
    assert (done.stdout, done.stderr) == ("", f"leaselock: {message}\n")
    assert migrate.found() == ["a", "b"] and migrate.version() == "2"


def test_force_and_version(migrate):
    migrate.tables()
    migrate("up")
    migrate("force", "2")
    assert migrate.json("version") == {"version": 2, "dirty": False}
    assert migrate.json("force", "-1")["to"] is None
    assert migrate.json("version") == {"version": None, "dirty": False}
    migrate("force", "3")
    migrate("force", "none")
    assert migrate.version() == "none"
    assert migrate.found() == ["a", "b", "c"]


def test_a_dirty_database(migrate):
    migrate.tables()
    migrate("up", "1")
    migrate.leaselock.connect().execute("UPDATE schema_migrations SET version = 2, dirty = 1")
    for command in (["up"], ["down", "--all"], ["goto", "1"], ["steps", "1"]):
        assert "force" in migrate(*command, "--no-wait", code=79).stderr
    assert migrate.json("up", "--no-wait", code=79)["error"]["name"] == "DIRTY"
    assert migrate.version() == "2 (dirty)"
    assert "dirty at version 2" in migrate("status").stderr
    migrate("force", "1")
    assert lines(migrate("up")) == ["up\t2\tb", "up\t3\tc"]


def test_status(migrate):
    migrate.tables(2)
    migrate.file("20260131120000_later.up.sql", "")
    migrate.file("3_only_back.down.sql", "")
    migrate("up", "1")
    assert migrate("status").stdout.splitlines() == [
        "1\tAPPLIED\tup,down\ta",
        "2\tPENDING\tup,down\tb",
        "3\tPENDING\tdown\tonly_back",
        "20260131120000\tPENDING\tup\tlater",
    ]
    report = migrate.json("status")
    assert (report["version"], report["dirty"], report["pending"]) == (1, False, 3)
    only_back = {"version": 3, "title": "only_back", "state": "PENDING", "up": False, "down": True}
    assert report["migrations"][2] == only_back


def test_status_of_an_unknown_version(migrate):
    migrate.tables(1)
    migrate("force", "7")
    assert migrate("status").stdout.splitlines()[1] == "7\tMISSING\tnone\t"
    migrate("up", code=66)


def test_looking_writes_nothing(migrate):
    migrate.tables(1)
    migrate("up")
    before = migrate.leaselock.path.read_bytes()
    migrate("status"), migrate("version")
    assert migrate.leaselock.path.read_bytes() == before


def test_drop(migrate):
    migrate.tables()
    migrate("up")
    migrate("drop", code=64)
    assert migrate.found() == ["a", "b", "c"]
    migrate("drop", "--yes")
    assert migrate.found() == [] and migrate.version() == "none"
    assert migrate.json("drop", "-f")["result"] == "NO_CHANGE"


def test_down_without_a_number_needs_all(migrate):
    migrate.tables()
    migrate("up")
    assert "--all" in migrate("down", code=64, input=b"y\n").stderr
    migrate("down", "2", "--all", code=64)
    assert migrate.version() == "3"


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


def test_another_table(migrate):
    migrate.tables(1)
    migrate("up", "--table", "mine")
    assert migrate.found() == ["a", "mine"]
    assert migrate.json("version", "--table", "mine")["version"] == 1
    assert migrate.version() == "none"


def test_options_stand_anywhere(migrate):
    """golang-migrate wants them first."""
    migrate.tables(2)
    migrate.leaselock("migrate", "--path", migrate.folder, "--db", f"sqlite://{migrate.leaselock.path}", "goto", "2")
    migrate.leaselock("migrate", "down", "--path", migrate.folder, "1", "--json")
    assert migrate.version() == "1"


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


def test_bad_files(migrate):
    migrate("up", code=66)
    migrate.file("1_a.up.sql", "")
    migrate.file("01_b.up.sql", "")
    migrate("up", code=65)
    migrate.leaselock("migrate", "up", "--path", str(migrate.folder / "missing"), code=66)
    (migrate.folder / "01_b.up.sql").unlink()
    (migrate.folder / "2_broken.up.sql").symlink_to("nowhere")
    assert lines(migrate("up", code=65)) == ["up\t1\ta"]


def test_a_foreign_table(migrate):
    migrate.tables(1)
    migrate.leaselock.connect().execute("CREATE TABLE schema_migrations (version VARCHAR(255) PRIMARY KEY)")
    migrate("up", code=65)
    assert migrate.found() == []


def test_no_database(migrate):
    migrate.tables(1)
    migrate.leaselock.path.write_bytes(b"this is no database, and long enough to be sure of it. " * 100)
    migrate("up", code=65)


def test_somebody_else_is_at_work(migrate):
    migrate.tables(1)
    other = migrate.leaselock.connect()
    other.execute("BEGIN IMMEDIATE")
    assert str(os.getpid()) in migrate("up", "--no-wait", code=75).stderr
    assert migrate.json("up", "--wait", "0.2", code=75)["error"]["name"] == "UNAVAILABLE"
    job = migrate.start("up", "--wait", "forever")
    other.execute("ROLLBACK")
    assert job.end() == (0, "")
    assert migrate.found() == ["a"]


def test_two_at_once(migrate):
    migrate.tables(8)
    jobs = [migrate.start("up") for _ in range(4)]
    applied = b"".join(job.process.stdout.read() for job in jobs)
    assert all(job.end()[0] == 0 for job in jobs)
    assert sorted(line.split(b"\t")[1] for line in applied.splitlines()) == [b"%d" % version for version in range(1, 9)]


def test_odd_titles(migrate):
    odd = 'tab\tquote" é 日本 \x1b[31m \\'
    migrate.file(f"1_{odd}.up.sql", "")
    migrate.file(f"1_{odd}.down.sql", "")
    assert migrate.json("status")["migrations"][0]["title"] == odd
    assert migrate.json("up")["migrations"][0] | {"ms": 0} == {
        "version": 1, "title": odd, "file": f"1_{odd}.up.sql", "direction": "up", "ms": 0,
    }
    assert lines(migrate("down", "1")) == ['down\t1\ttab\\tquote" é 日本 \\x1b[31m \\\\']


def test_the_longest_names_and_numbers(migrate):
    title = "\x01" * 228
    migrate.file(f"9223372036854775807_{title}.up.md", "CREATE TABLE a (x)")
    assert migrate.json("up")["to"] == 2**63 - 1
    assert migrate("status").stdout == f"{2**63 - 1}\tAPPLIED\tup\t" + "\\x01" * 228 + "\n"


def test_an_output_that_takes_nothing(migrate):
    migrate.tables(2)
    with open("/dev/full", "wb") as full:
        assert "cannot write" in migrate("up", code=74, stdout=full, stderr=subprocess.PIPE).stderr
    assert migrate.version() == "2"


def test_what_cannot_run_in_a_transaction_is_told(migrate):
    migrate.file("1_vacuum.up.sql", "VACUUM;")
    done = migrate("up")
    assert lines(done) == ["up\t1\tvacuum"] and "1_vacuum.up.sql" in done.stderr


def test_a_failure_outside_of_a_transaction_is_dirty(migrate):
    migrate.tables(1)
    migrate.file("2_b.up.sql", "PRAGMA journal_mode = WAL; CREATE TABEL b (x);")
    report = migrate.json("up", code=79)
    assert (report["result"], report["dirty"], report["to"]) == ("FAILED", True, 1)
    assert report["error"]["name"] == "MIGRATION_FAILED" and report["error"]["line"] == 1
    assert migrate.json("version") == {"version": 2, "dirty": True}
    migrate("up", "--no-wait", code=79)


def test_a_configuration(migrate, tmp_path):
    migrate.tables()
    config = tmp_path / "app.yaml"
    config.write_text(f"db:\n  url: sqlite:{tmp_path}/app.db\n  migrations: {migrate.folder}\n")
    leaselock = migrate.leaselock
    assert lines(leaselock("migrate", "up", "1", "--config", config)) == ["up\t1\ta"]
    assert leaselock.json("migrate", "status", "--config", config)["pending"] == 2
    assert not leaselock.path.exists(), "it goes before LEASELOCK_DB"
    leaselock("migrate", "up", "--config", config, "--db", f"sqlite:{tmp_path}/other.db", "--path", migrate.folder)
    assert leaselock.json("migrate", "version", "--db", f"sqlite:{tmp_path}/other.db")["version"] == 3
    (tmp_path / "empty").mkdir()
    leaselock("migrate", "up", "--config", config, "--path", tmp_path / "empty", code=66)
    created = leaselock("migrate", "create", "--config", config, "d").stdout
    assert created.startswith(f"{migrate.folder}/000004_d.up.sql\n")


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
    migrate.file("1_endless.up.sql", ENDLESS)
    job = migrate.start("up", "--db", f"sqlite3://{name}/x.db", cwd=tmp_path)
    wait_until(lambda: (tmp_path / name / "x.db").exists(), "the database")
    with open(f"/proc/{job.pid}/cmdline", "rb") as shown:
        line = shown.read()
    assert SECRET.encode() not in line
    assert b"sqlite3://u:" + b"*" * (len(name) - 4) + b"@h/x.db" in line
