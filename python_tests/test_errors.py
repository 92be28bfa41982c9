"""One exception class for each row of error.def, with attributes."""

from __future__ import annotations

import errno
import os
import pickle
import re
from pathlib import Path

import pytest

import leaselock

ERROR_DEF = Path(__file__).parents[1] / "libleaselock/include/leaselock/error.def"
ROWS = re.findall(r'^LEASELOCK_ERROR\((\w+), (-\d+), "[^"]*", (\w+)\)$', ERROR_DEF.read_text(), re.M)


def test_error_def_was_read() -> None:
    assert len(ROWS) == ERROR_DEF.read_text().count("\nLEASELOCK_ERROR(") > 20


@pytest.mark.parametrize("name, code, exception", ROWS)
def test_each_row_has_its_class(name: str, code: str, exception: str) -> None:
    cls = getattr(leaselock, exception)
    assert issubclass(cls, leaselock.Error) and cls is not leaselock.Error
    assert (cls.name, cls.code) == (name, int(code))
    assert exception in leaselock.__all__
    assert cls.__module__ == "leaselock" and cls.__doc__


def test_there_are_no_other_classes() -> None:
    assert {cls.__name__ for cls in leaselock.Error.__subclasses__()} == {exception for _, _, exception in ROWS}


@pytest.mark.parametrize(
    "cls, builtin",
    [
        (leaselock.InvalidArgument, ValueError),
        (leaselock.OutOfMemory, MemoryError),
        (leaselock.Unavailable, ConnectionError),
        (leaselock.NotFound, FileNotFoundError),
        (leaselock.IsDirectory, IsADirectoryError),
        (leaselock.PermissionDenied, PermissionError),
        (leaselock.DiskFull, OSError),
    ],
)
def test_builtins_that_classes_also_are(cls: type[leaselock.Error], builtin: type[Exception]) -> None:
    assert issubclass(cls, builtin)
    assert str(cls("one line")) == "one line"


def test_files_that_are_no_databases(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no database " * 100)
    with pytest.raises(FileNotFoundError) as missing:
        leaselock.open(f"sqlite:{tmp_path}/no/such/leases.db")
    assert missing.value.errno == errno.ENOENT
    with pytest.raises(IsADirectoryError):
        leaselock.open(f"sqlite:{tmp_path}")
    with pytest.raises(leaselock.NotADatabase) as refused:
        leaselock.open(f"sqlite:{text}")
    assert refused.value.native_code == 26  # SQLITE_NOTADB
    assert text.read_text() == "no database " * 100


def test_busy_tells_who_has_it(locks: leaselock.DatabaseLock, rival: leaselock.DatabaseLock) -> None:
    with locks.obtain("invoice-42", ttl=60) as lease, pytest.raises(leaselock.Busy) as busy:
        rival.obtain_with_no_wait("invoice-42")
    error = busy.value
    assert (error.code, error.name, error.native_code, error.sqlstate) == (-20, "BUSY", 0, None)
    assert (error.resource_id, error.holder, error.sequence) == ("invoice-42", "tester", lease.sequence)
    assert error.remaining is not None and 50 < error.remaining <= 60
    assert str(error) == '"invoice-42" is held by "tester"'


def test_lost_tells_to_whom(locks: leaselock.DatabaseLock, rival: leaselock.DatabaseLock) -> None:
    lease = locks.obtain("invoice-42")
    rival.resume("invoice-42", "tester", lease.sequence, lease.acquisition).release()
    with rival.obtain("invoice-42") as taken, pytest.raises(leaselock.Lost) as lost:
        lease.renew()
    assert (lost.value.resource_id, lost.value.holder) == ("invoice-42", "rival")
    assert lost.value.sequence == taken.sequence == lease.sequence + 1


def test_what_does_not_apply_is_none() -> None:
    with pytest.raises(leaselock.UnknownEngine) as unknown:
        leaselock.open("carrier-pigeon:coop")
    error = unknown.value
    assert (error.resource_id, error.holder, error.sequence, error.remaining) == (None, None, None, None)


def test_errors_survive_pickling(locks: leaselock.DatabaseLock) -> None:
    with locks.obtain("invoice-42"), pytest.raises(leaselock.Busy) as busy:
        locks.obtain_with_no_wait("invoice-42")
    copy = pickle.loads(pickle.dumps(busy.value))
    assert type(copy) is leaselock.Busy
    assert (str(copy), copy.holder, copy.remaining) == (str(busy.value), "tester", busy.value.remaining)


def test_text_that_is_no_utf8_is_replaced(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    with pytest.raises(leaselock.IsDirectory, match="\N{REPLACEMENT CHARACTER}"):
        leaselock.open(f"sqlite:{tmp_path}/%ff")
