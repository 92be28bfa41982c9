"""leaselock migrate: what each command does and prints, and with which exit code."""
import re
import subprocess


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
    migrate.file("3_broken.up.sql", "CREATE TABLE c (x int);\n  CREATE TABEL d (x int);")
    report = migrate.json("up", code=80)
    assert [migration["version"] for migration in report["migrations"]] == [1, 2]
    assert (report["result"], report["from"], report["to"]) == ("FAILED", None, 2)
    message = report["error"].pop("message")
    assert message.startswith(f"3_broken.up.sql:2:10: {migrate.database.syntax_error}")
    assert report["error"].pop("sqlstate", None) == migrate.database.sqlstate
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
    migrate.database.ask("UPDATE schema_migrations SET version = 2, dirty = true")
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


def test_looking_writes_nothing(migrate, file):
    migrate.tables(1)
    migrate("up")
    before = file.read_bytes()
    migrate("status"), migrate("version")
    assert file.read_bytes() == before


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


def test_another_table(migrate):
    migrate.tables(1)
    migrate("up", "--table", "mine")
    assert migrate.found() == ["a", "mine"]
    assert migrate.json("version", "--table", "mine")["version"] == 1
    assert migrate.version() == "none"


def test_options_stand_anywhere(migrate):
    """golang-migrate wants them first."""
    migrate.tables(2)
    migrate.leaselock("migrate", "--path", migrate.folder, "--db", migrate.leaselock.database.url, "goto", "2")
    migrate.leaselock("migrate", "down", "--path", migrate.folder, "1", "--json")
    assert migrate.version() == "1"


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
    migrate.database.ask("CREATE TABLE schema_migrations (version VARCHAR(255) PRIMARY KEY)")
    migrate("up", code=65)
    assert migrate.found() == []


def test_no_database(migrate, file):
    migrate.tables(1)
    file.write_bytes(b"this is no database, and long enough to be sure of it. " * 100)
    migrate("up", code=65)


def test_somebody_else_is_at_work(migrate):
    migrate.tables(1)
    with migrate.database.somebody_at_work() as process:
        assert re.search(rf"\b{process}\b", migrate("up", "--no-wait", code=75).stderr)
        assert migrate.json("up", "--wait", "0.2", code=75)["error"]["name"] == "UNAVAILABLE"
        job = migrate.start("up", "--wait", "forever")
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
    migrate.file(f"9223372036854775807_{title}.up.md", "CREATE TABLE a (x int)")
    assert migrate.json("up")["to"] == 2**63 - 1
    assert migrate("status").stdout == f"{2**63 - 1}\tAPPLIED\tup\t" + "\\x01" * 228 + "\n"


def test_an_output_that_takes_nothing(migrate):
    migrate.tables(2)
    with open("/dev/full", "wb") as full:
        assert "cannot write" in migrate("up", code=74, stdout=full, stderr=subprocess.PIPE).stderr
    assert migrate.version() == "2"


def test_what_cannot_run_in_a_transaction_is_told(migrate):
    migrate.file("1_vacuum.up.sql", migrate.database.alone)
    done = migrate("up")
    assert lines(done) == ["up\t1\tvacuum"] and "1_vacuum.up.sql" in done.stderr


def test_a_failure_outside_of_a_transaction_is_dirty(migrate):
    migrate.tables(1)
    migrate.file("2_b.up.sql", f"{migrate.database.alone} CREATE TABEL b (x);")
    report = migrate.json("up", code=79)
    assert (report["result"], report["dirty"], report["to"]) == ("FAILED", True, 1)
    assert report["error"]["name"] == "MIGRATION_FAILED" and report["error"]["line"] == 1
    assert migrate.json("version") == {"version": 2, "dirty": True}
    migrate("up", "--no-wait", code=79)


def test_a_configuration(migrate, file, tmp_path):
    migrate.tables()
    config = tmp_path / "app.yaml"
    config.write_text(f"db:\n  url: sqlite:{tmp_path}/app.db\n  migrations: {migrate.folder}\n")
    leaselock = migrate.leaselock
    assert lines(leaselock("migrate", "up", "1", "--config", config)) == ["up\t1\ta"]
    assert leaselock.json("migrate", "status", "--config", config)["pending"] == 2
    assert not file.exists(), "it goes before LEASELOCK_DB"
    leaselock("migrate", "up", "--config", config, "--db", f"sqlite:{tmp_path}/other.db", "--path", migrate.folder)
    assert leaselock.json("migrate", "version", "--db", f"sqlite:{tmp_path}/other.db")["version"] == 3
    (tmp_path / "empty").mkdir()
    leaselock("migrate", "up", "--config", config, "--path", tmp_path / "empty", code=66)
    created = leaselock("migrate", "create", "--config", config, "d").stdout
    assert created.startswith(f"{migrate.folder}/000004_d.up.sql\n")
