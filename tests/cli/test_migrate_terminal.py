"""leaselock migrate as people see it: tables, a caret under what failed, questions."""
import os
import pty
import re

import pytest
from conftest import BINARY


class Screen:
    """The command on a terminal of its own, with what is typed at it. Code and lines are there once it has ended."""

    def __init__(self, migrate, *arguments, typed=""):
        pid, controller = pty.fork()
        if pid == 0:
            os.execve(BINARY, [BINARY, *migrate.arguments(*arguments)], migrate.leaselock.environment)
        os.write(controller, typed.encode())
        seen = b""
        try:
            while piece := os.read(controller, 65536):
                seen += piece
        except OSError:
            pass
        os.close(controller)
        self.code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.lines = seen.decode().replace("\r\n", "\n").splitlines()


def test_status_is_a_table(migrate):
    migrate.tables(1)
    migrate.file("20260131120000_日本\x1b.up.sql", "")
    migrate("up", "1")
    screen = Screen(migrate, "status")
    assert screen.lines == [
        "VERSION         STATE    FILES    TITLE",
        "1               APPLIED  up,down  a",
        "20260131120000  PENDING  up       日本\\x1b",
        "leaselock: at version 1, 1 pending",
    ]


def test_a_run_in_words(migrate):
    migrate.tables(1)
    migrate.file("2_b.down.sql", "")
    applied, moved = Screen(migrate, "up").lines
    assert applied.startswith("applied 1 a (") and applied.endswith(" ms)")
    assert moved == "applied 2, which has no file for it"
    assert Screen(migrate, "down", "1").lines[0].startswith("took back 2 b (")


@pytest.mark.parametrize(
    "statement, shown, place",
    [
        ("CREATE TABLE a (x int);\n  CREATE TABEL d (x);", "  CREATE TABEL d (x);", "TABEL"),
        ("CREATE\tTABEL d (x);", "CREATE TABEL d (x);", "TABEL"),
        ("SELECT '日本é'; CREATE TABEL d (x);", "SELECT '日本é'; CREATE TABEL d (x);", "TABEL"),
        ("SELECT 1;\r\nSELECT 'it\x1b', TABEL;\r\nSELECT 2;", "SELECT 'it\\x1b', TABEL;", "TABEL"),
        (f"SELECT '{'x' * 120}', TABEL + '{'y' * 120}';", f"{'x' * 47}', TABEL + '{'y' * 41}", "TABEL"),
    ],
)
def test_a_caret_under_what_failed(migrate, statement, shown, place):
    migrate.file("1_a.up.sql", statement)
    screen = Screen(migrate, "up")
    message, line, caret = screen.lines
    assert message.startswith("leaselock: 1_a.up.sql:") and screen.code == 80
    assert line == "  " + shown
    assert caret.endswith("^") and caret.strip() == "^"
    columns = sum(2 if character in "日本" else 1 for character in line[: line.index(place)])
    assert len(caret) == columns + 1


def test_a_caret_behind_the_end(migrate):
    migrate.file("1_a.up.sql", "CREATE TABLE a (")
    message, line, caret = Screen(migrate, "up").lines
    assert re.search("incomplete input|syntax error at end of input", message) and line == "  CREATE TABLE a ("
    assert "^" in caret


def test_no_caret_where_the_place_is_not_kept(migrate):
    migrate.file("1_a.up.sql", f"SELECT '{'x' * 400}', TABEL;")
    assert len(Screen(migrate, "up").lines) == 1


@pytest.mark.any_engine
@pytest.mark.parametrize(
    "answer, code", [("y\n", 0), ("Y\n", 0), ("n\n", 82), ("\n", 82), ("yes\n", 82), ("\x04", 82)]
)
@pytest.mark.parametrize("command, question", [("down", "Take back every migration?"), ("drop", "Drop every table")])
def test_what_takes_all_asks_first(migrate, command, question, answer, code):
    migrate.tables(2)
    migrate("up")
    screen = Screen(migrate, command, typed=answer)
    assert screen.code == code and any(question in line for line in screen.lines)
    assert migrate.found() == ([] if code == 0 else ["a", "b"])


def test_who_says_so_is_not_asked(migrate):
    migrate.tables(2)
    migrate("up")
    assert "[y/N]" not in "".join(Screen(migrate, "down", "--all").lines)
    assert Screen(migrate, "drop", "-f").code == 0
