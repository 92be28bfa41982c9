"""Help, options, bad input, exit codes of what fails, and where the database is."""
import os
import stat

import pytest

COMMANDS = ["run", "obtain", "renew", "release", "ls", "show", "floor", "migrate", "version"]
TOO_LONG = "x" * 256
BAD_IDS = ["", TOO_LONG, b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"a\xf8b"]
BAD_TTLS = [
    "0", "-1", "-0", "inf", "nan", "1e30", "0.05", "99ms", "86400.001", "25h",
    "", " 1", "1 s", "0x10", "1h30m", "1.2.3", ".",
]
LEASE = "r,c,1,0123456789abcdef0123456789abcdef,2026-01-31T12:00:00.000Z"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page(leaselock, command):
    page = leaselock(command, "--help").stdout
    assert page.startswith(f"leaselock {command} - ")
    assert "SYNOPSIS\n  leaselock " + command in page
    assert "DESCRIPTION" in page and "OPTIONS" in page and "EXIT CODES" in page
    assert leaselock("help", command).stdout == page
    assert all(len(line) <= 80 for line in page.splitlines())


def test_the_overview_names_every_command(leaselock):
    page = leaselock("help").stdout
    assert leaselock("--help").stdout == page
    for command in COMMANDS:
        assert f"\n  {command} " in page


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["help", "nonsense"],
        ["obtain"],
        ["obtain", "a", "b"],
        ["obtain", "--nonsense", "a"],
        ["obtain", "--grace", "1", "a"],
        ["obtain", "--ttl"],
        ["ls", "a"],
        ["ls", "--ttl", "3"],
        ["show"],
        ["version", "--db", "memory:x"],
        ["renew"],
        ["release", LEASE, "more"],
        ["renew", "--resource", "r"],
        ["renew", LEASE, "--resource", "r"],
        ["run", "r"],
        ["run", "r", "--"],
        ["run", "r", "true"],
        ["run", "--", "true"],
        ["run"],
    ],
)
def test_wrong_usage(leaselock, arguments):
    done = leaselock(*arguments, code=64)
    assert done.stdout == ""
    assert done.stderr.startswith("leaselock")
    assert not leaselock.path.exists()


def test_options_may_follow_operands(leaselock):
    assert leaselock.json("obtain", "r", "--ttl", "7")["ttl"] == 7
    leaselock("run", "other", "--ttl", "20", "--", "test", "--ttl", "=", "--ttl")


def test_a_resource_may_look_like_an_option(leaselock):
    assert leaselock.json("obtain", "--", "--ttl")["resource"] == "--ttl"
    done = leaselock("run", "--", "-r", "--", "sh", "-c", 'echo "$LEASELOCK_RESOURCE"')
    assert done.stdout == "-r\n"


@pytest.mark.parametrize(
    "text, seconds",
    [("30", 30), ("1.5", 1.5), ("0.1", 0.1), ("500ms", 0.5), ("90s", 90), ("5m", 300), ("1h", 3600), ("1d", 86400)],
)
def test_durations(leaselock, text, seconds):
    assert leaselock.json("obtain", "--ttl", text, "r")["ttl"] == seconds


@pytest.mark.parametrize("ttl", BAD_TTLS)
@pytest.mark.parametrize("command", ["obtain", "run"])
def test_bad_ttl(leaselock, command, ttl):
    program = ["--", "touch", str(leaselock.path)] if command == "run" else []
    done = leaselock(command, "--ttl", ttl, "r", *program, code=64)
    assert "--ttl" in done.stderr
    assert not leaselock.path.exists()


@pytest.mark.parametrize("option", ["--wait", "--grace"])
@pytest.mark.parametrize("value", ["-1", "inf", "nan", "1e30", "9999999999999999", "soon", ""])
def test_bad_wait_and_grace(leaselock, option, value):
    done = leaselock("run", option, value, "r", "--", "touch", str(leaselock.path), code=64)
    assert option in done.stderr
    assert not leaselock.path.exists()


@pytest.mark.parametrize("bad", BAD_IDS)
@pytest.mark.parametrize(
    "arguments",
    [
        ["obtain", None],
        ["obtain", "r", "--client", None],
        ["run", None, "--", "touch", "ran"],
        ["run", "r", "--client", None, "--", "touch", "ran"],
        ["show", None],
        ["renew", "--resource", None, "--client", "c", "--sequence", "1", "--acquisition", "0" * 32],
        ["release", "--resource", "r", "--client", None, "--sequence", "1", "--acquisition", "0" * 32],
    ],
)
def test_bad_ids(leaselock, tmp_path, arguments, bad):
    done = leaselock(*[bad if argument is None else argument for argument in arguments], code=64, cwd=tmp_path)
    assert done.stderr.startswith("leaselock: ")
    assert leaselock.json("ls", "--all") == []
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "token",
    [
        "", "r", "r,c,1", LEASE + ",more", LEASE[1:], "%" + LEASE, "%ff" + LEASE, "r" * 3000 + LEASE,
        LEASE.replace("r,", "r%00,", 1), LEASE.replace("abc", "ABC"), LEASE.replace("abc", ""),
        *(LEASE.replace(",1,", f",{sequence},") for sequence in ("0", "-1", "x", "9223372036854775808")),
    ],
)
@pytest.mark.parametrize("command", ["renew", "release"])
def test_bad_leases(leaselock, command, token):
    assert leaselock(command, "--", token, code=64).stdout == ""
    assert leaselock.json("ls", "--all") == []


@pytest.mark.parametrize(
    "option, value",
    [("--sequence", bad) for bad in ("0", "-1", "1.0")] + [("--acquisition", bad) for bad in ("0", "g" * 32)],
)
def test_bad_parts_of_a_lease(leaselock, option, value):
    parts = {"--resource": "r", "--client": "c", "--sequence": "1", "--acquisition": "0" * 32} | {option: value}
    leaselock("renew", *[word for part in parts.items() for word in part], code=64)


@pytest.mark.parametrize("floor", ["-1", "4611686018427387905", "99999999999999999999", "1.5", "x", ""])
def test_bad_floor(leaselock, floor):
    leaselock("floor", "--", floor, code=64)
    assert leaselock.json("floor") == {"floor": 0}


def test_messages_cannot_write_to_the_terminal(leaselock):
    done = leaselock("\x1b[31m\nred", code=64)
    assert done.stderr == 'leaselock: "\\x1b[31m\\nred" is not a command; see leaselock help\n'


def test_unknown_engine(leaselock):
    assert "leaselock: " in leaselock("ls", "--db", "nonsense:x", code=64).stderr


def test_missing_directory(leaselock, tmp_path):
    leaselock("ls", "--db", f"sqlite://{tmp_path}/missing/leases.db", code=66)


def test_directory(leaselock, tmp_path):
    leaselock("ls", "--db", f"sqlite://{tmp_path}", code=66)


def test_not_a_database(leaselock):
    leaselock.path.write_bytes(b"this is no database, and long enough to be sure of it. " * 100)
    before = leaselock.path.read_bytes()
    leaselock("obtain", "r", code=65)
    assert leaselock.path.read_bytes() == before


def test_a_locked_database_is_unavailable(leaselock):
    leaselock("ls")
    other = leaselock.connect()
    other.execute("BEGIN IMMEDIATE")
    leaselock("obtain", "--no-wait", "r", code=69)
    other.execute("ROLLBACK")
    assert leaselock.json("ls", "--all") == []


def test_no_permission(leaselock, tmp_path):
    """As nobody: root may do everything."""
    leaselock("ls")
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.stat().st_uid == os.getuid() and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    leaselock.path.chmod(0o600)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    if not nobody:
        leaselock.path.chmod(0)
    leaselock("obtain", "r", code=77, **nobody)


def test_the_users_own_database(leaselock, tmp_path):
    state = tmp_path / "state of ? and %"
    leaselock("obtain", "r", environment={"LEASELOCK_DB": "", "XDG_STATE_HOME": str(state)})
    assert (state / "leaselock" / "leases.db").is_file()
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "leaselock").stat().st_mode) == 0o700


@pytest.mark.parametrize("state_home", ["", "relative"])
def test_the_users_own_database_at_home(leaselock, tmp_path, state_home):
    own = {"LEASELOCK_DB": "", "XDG_STATE_HOME": state_home, "HOME": str(tmp_path)}
    leaselock("obtain", "r", environment=own, cwd=tmp_path)
    assert (tmp_path / ".local/state/leaselock/leases.db").is_file()
    assert not (tmp_path / "relative").exists()


def test_the_users_own_directory_cannot_be_made(leaselock, tmp_path):
    (tmp_path / "file").write_text("")
    leaselock("ls", code=73, environment={"LEASELOCK_DB": "", "XDG_STATE_HOME": str(tmp_path / "file")})


def test_db_goes_before_the_environment(leaselock, tmp_path):
    leaselock("obtain", "--db", f"sqlite://{tmp_path}/other.db", "r")
    assert (tmp_path / "other.db").exists()
    assert not leaselock.path.exists()
