"""Text and JSON of any identifier, and a standard output that takes nothing."""
import os
import pty
import re
import subprocess

import pytest

ODD_IDS = [
    "plain",
    'quote " backslash \\ slash /',
    "tab\tline\nreturn\r",
    "".join(map(chr, range(1, 0x20))) + "\x7f",
    "c1 \x80\x9b\x9f",
    "é ü 日本語 🔒 \u2028 \ufeff",
    "comma,percent%41%00 space",
    "*?[a-z]$HOME`id`;&|<>(){}!#~'",
    "x" * 255,
    "é" * 127,
    "-",
    "-rf",
]


@pytest.mark.parametrize("odd", ODD_IDS)
def test_json_holds_any_identifier(leaselock, odd):
    lease = leaselock.json("obtain", "--client", odd, "--", odd)
    assert (lease["resource"], lease["client"]) == (odd, odd)
    assert [(listed["resource"], listed["client"]) for listed in leaselock.json("ls")] == [(odd, odd)]
    assert leaselock.json("show", "--", odd)["client"] == odd
    assert leaselock.json("renew", lease["lease"])["resource"] == odd
    assert leaselock.json("release", lease["lease"])["client"] == odd


@pytest.mark.parametrize("odd", ODD_IDS)
def test_a_lease_is_one_word_for_a_shell(leaselock, odd):
    """Unquoted on purpose, with every file name a glob could match."""
    script = 'lease=$("$1" obtain --client "$2" -- "$2") && set -- "$1" $lease && [ $# = 2 ] && "$1" release $lease'
    binary = os.environ["LEASELOCK_BIN"]
    words = ["sh", "-c", script, "sh", binary, odd]
    done = subprocess.run(words, env=leaselock.environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done
    assert leaselock.json("show", "--", odd)["state"] == "RELEASED"


@pytest.mark.parametrize("odd", ODD_IDS)
def test_lines_have_seven_fields(leaselock, odd):
    leaselock("obtain", "--client", odd, "--", odd)
    (line,) = re.findall("[^\n]*\n", leaselock("ls").stdout)
    fields = line[:-1].split("\t")
    assert len(fields) == 7
    for field in fields[:2]:
        raw = re.sub(rb"\\(x[0-9a-f]{2}|.)", lambda escape: decode(escape[1]), field.encode())
        assert raw.decode() == odd
    assert not re.search("[\x00-\x1f\x7f-\x9f]", line[:-1].replace("\t", ""))
    assert fields[2:4] == ["1", "HELD"]
    assert re.fullmatch(r"30\.000", fields[4]) and re.fullmatch(r"\d+\.\d{3}", fields[5])


def decode(escape):
    if escape[:1] == b"x":
        return bytes.fromhex(escape[1:].decode())
    return {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"\\": b"\\"}[escape]


def test_ls_without_leases(leaselock):
    assert leaselock("ls").stdout == ""
    assert leaselock("ls", "--json").stdout == "[]\n"


def on_terminal(leaselock, *arguments):
    controller, terminal = pty.openpty()
    leaselock(*arguments, stdout=terminal, stderr=subprocess.PIPE)
    os.close(terminal)
    pieces = []
    try:
        while piece := os.read(controller, 65536):
            pieces.append(piece)
    except OSError:
        pass
    os.close(controller)
    return b"".join(pieces).decode().replace("\r\n", "\n").splitlines()


def test_a_table_on_a_terminal(leaselock):
    leaselock.obtain("日本", "--client", "\x1b[2J")
    leaselock.obtain("a-longer-name", "--client", "me", "--ttl", "2h")
    heading, first, second = on_terminal(leaselock, "ls")
    assert heading.split() == ["RESOURCE", "CLIENT", "SEQUENCE", "STATE", "TTL", "REMAINING", "EXPIRY"]
    assert first.split()[0] == "a-longer-name" and first.split()[4] in ("2h00m", "1h59m")
    assert second.split()[1] == "\\x1b[2J"
    assert first.index(" me ") + 1 == heading.index("CLIENT")
    assert second.index("\\x1b") + 2 == heading.index("CLIENT"), "each of the two ideographs is two columns wide"


CLOSED = {"preexec_fn": lambda: os.close(1)}


def test_a_lease_that_cannot_be_printed_is_given_back(leaselock):
    with open("/dev/full", "wb") as full:
        assert "cannot write" in leaselock("obtain", "r", code=74, stdout=full, stderr=subprocess.PIPE).stderr
    assert leaselock.state("r") == "RELEASED"


def test_a_closed_output(leaselock):
    leaselock("obtain", "r", code=74, **CLOSED)
    assert leaselock.state("r") == "RELEASED"
    for arguments in (["ls", "--all"], ["show", "r"], ["version"], ["help"], ["floor"]):
        leaselock(*arguments, code=74, **CLOSED)
    assert leaselock.database.is_sound()


def test_a_reader_that_went_away(leaselock):
    leaselock("obtain", "r")
    reader, writer = os.pipe()
    os.close(reader)
    done = leaselock("ls", code=74, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.stderr == ""


def test_everything_closed(leaselock):
    """A database opened as descriptor 2 would be written to by the first message."""
    def close_all():
        for descriptor in (0, 1, 2):
            os.close(descriptor)

    leaselock("obtain", "--no-wait", "r", code=74, preexec_fn=close_all)
    leaselock.obtain("r")
    leaselock("obtain", "--no-wait", "r", code=75, preexec_fn=close_all)
    assert leaselock.database.is_sound()
