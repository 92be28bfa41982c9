"""Bad input of every kind: a clear error of the right class, and nothing changed (contract, promise 9)."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import leaselock
from leaselock import DatabaseLock, InvalidArgument

pytestmark = pytest.mark.any_engine  # refused before one is asked; the engines are by the conformance suite

BAD_IDS = [
    pytest.param("", InvalidArgument, "is empty", id="empty"),
    pytest.param("x" * 256, InvalidArgument, "longer than 255 bytes", id="256 bytes"),
    pytest.param("é" * 128, InvalidArgument, "longer than 255 bytes", id="128 characters of two bytes"),
    pytest.param("a\0b", InvalidArgument, "contains a NUL", id="embedded NUL"),
    pytest.param("a\0", InvalidArgument, "contains a NUL", id="NUL at the end"),
    pytest.param("\ud800", InvalidArgument, "lone surrogate", id="lone surrogate"),
    pytest.param(b"a", TypeError, "must be str", id="bytes"),
    pytest.param(42, TypeError, "must be str", id="int"),
    pytest.param(True, TypeError, "must be str", id="bool"),
    pytest.param(["a"], TypeError, "must be str", id="list"),
]
NONE = pytest.param(None, TypeError, "must be str", id="None")

BAD_SECONDS = [
    pytest.param(-1, InvalidArgument, "is negative", id="negative"),
    pytest.param(-1e-9, InvalidArgument, "is negative", id="a little negative"),
    pytest.param(timedelta(seconds=-1), InvalidArgument, "is negative", id="negative timedelta"),
    pytest.param(math.nan, InvalidArgument, "is not a number", id="NaN"),
    pytest.param(-math.inf, InvalidArgument, "is negative", id="minus infinity"),
    pytest.param(10**400, InvalidArgument, "is out of range", id="beyond a float"),
    pytest.param("30", TypeError, "must be seconds", id="str"),
    pytest.param(b"30", TypeError, "must be seconds", id="bytes"),
    pytest.param(True, TypeError, "must be seconds", id="bool"),
    pytest.param(3j, TypeError, "", id="complex"),
    pytest.param([30], TypeError, "must be seconds", id="list"),
]
BAD_TTLS = [
    *BAD_SECONDS,
    pytest.param(0, InvalidArgument, "is zero", id="zero"),
    pytest.param(timedelta(0), InvalidArgument, "is zero", id="zero timedelta"),
    pytest.param(math.inf, InvalidArgument, "is endless", id="infinity"),
    pytest.param(1e-9, InvalidArgument, "from 100 ms to 24 h", id="a nanosecond"),
    pytest.param(0.099, InvalidArgument, "from 100 ms to 24 h", id="99 ms"),
    pytest.param(86400.001, InvalidArgument, "from 100 ms to 24 h", id="a day and a millisecond"),
    pytest.param(timedelta.max, InvalidArgument, "from 100 ms to 24 h", id="the longest timedelta"),
    pytest.param(1e300, InvalidArgument, "from 100 ms to 24 h", id="huge"),
]
BAD_INTEGERS = [
    pytest.param(-1, InvalidArgument, "", id="negative"),
    pytest.param(2**63, InvalidArgument, "is out of range", id="2^63"),
    pytest.param(-(2**64), InvalidArgument, "is out of range", id="-2^64"),
    pytest.param(1.0, TypeError, "must be int", id="float"),
    pytest.param("1", TypeError, "must be int", id="str"),
    pytest.param(True, TypeError, "must be int", id="bool"),
    pytest.param(None, TypeError, "must be int", id="None"),
]

OBTAINS: list[Callable[..., leaselock.Lease]] = [
    DatabaseLock.obtain,
    DatabaseLock.obtain_with_backoff,
    DatabaseLock.obtain_with_no_wait,
]
obtains = pytest.mark.parametrize("obtain", OBTAINS, ids=[obtain.__name__ for obtain in OBTAINS])


def refuses(
    expected: type[Exception], text: str, call: Callable[..., object], *arguments: object, **options: object
) -> None:
    """The call raises exactly this class, with this text; a TypeError is not one of the library's errors."""
    with pytest.raises(expected, match=text) as refused:
        call(*arguments, **options)
    assert type(refused.value) is expected


def assert_untouched(locks: DatabaseLock) -> None:
    assert locks.list(all=True) == [] and locks.raise_floor(0) == 0


@obtains
@pytest.mark.parametrize("bad, expected, text", [*BAD_IDS, NONE])
def test_resource(
    locks: DatabaseLock, obtain: Callable[..., object], bad: object, expected: type[Exception], text: str
) -> None:
    refuses(expected, f"resource.*{text}", obtain, locks, bad)
    assert_untouched(locks)


@obtains
@pytest.mark.parametrize("bad, expected, text", BAD_IDS)
def test_client(
    locks: DatabaseLock, obtain: Callable[..., object], bad: object, expected: type[Exception], text: str
) -> None:
    refuses(expected, f"client.*{text}", obtain, locks, "a", bad)
    assert_untouched(locks)


@obtains
@pytest.mark.parametrize("bad, expected, text", BAD_TTLS)
def test_ttl(
    locks: DatabaseLock, obtain: Callable[..., object], bad: object, expected: type[Exception], text: str
) -> None:
    refuses(expected, text, obtain, locks, "a", ttl=bad)
    assert_untouched(locks)


@obtains
@pytest.mark.parametrize("ttl", [0.1, 86400, timedelta(milliseconds=100), timedelta(days=1)])
def test_the_bounds_of_ttl_are_good(
    locks: DatabaseLock, obtain: Callable[..., leaselock.Lease], ttl: leaselock.Seconds
) -> None:
    with obtain(locks, "a", ttl=ttl) as lease:
        assert lease.ttl == (ttl.total_seconds() if isinstance(ttl, timedelta) else ttl)


@pytest.mark.parametrize("bad, expected, text", BAD_SECONDS)
def test_wait(locks: DatabaseLock, bad: leaselock.Seconds, expected: type[Exception], text: str) -> None:
    refuses(expected, text, locks.obtain, "a", wait=bad)
    refuses(expected, text, locks.obtain_with_backoff, "a", wait=bad)
    assert_untouched(locks)
    with locks.obtain("a") as lease:
        refuses(expected, text.replace("wait", "timeout"), lease.wait, bad)


@pytest.mark.parametrize("bad, expected, text", BAD_IDS)
def test_hold(locks: DatabaseLock, bad: str, expected: type[Exception], text: str) -> None:
    refuses(expected, text, locks.hold(bad).__enter__)
    refuses(expected, text, locks.hold("a", bad).__enter__)
    assert_untouched(locks)


@pytest.mark.parametrize("bad, expected, text", [*BAD_IDS, NONE])
def test_resume_ids(locks: DatabaseLock, bad: str, expected: type[Exception], text: str) -> None:
    refuses(expected, text, locks.resume, bad, "me", 1, "0" * 32)
    refuses(expected, "acquisition", locks.resume, "a", "me", 1, bad)
    assert_untouched(locks)


@pytest.mark.parametrize("acquisition", ["0" * 31, "0" * 33, "g" * 32, "A" * 32])
def test_resume_acquisition(locks: DatabaseLock, acquisition: str) -> None:
    refuses(InvalidArgument, "acquisition", locks.resume, "a", "me", 1, acquisition)


@pytest.mark.parametrize("bad, expected, text", BAD_INTEGERS)
def test_integers(locks: DatabaseLock, bad: int, expected: type[Exception], text: str) -> None:
    refuses(expected, f"sequence {text}", locks.resume, "a", "me", bad, "0" * 32)
    refuses(expected, f"floor {text}", locks.raise_floor, bad)
    refuses(expected, f"max_attempts {text}", leaselock.ExponentialBackoff, bad)
    assert_untouched(locks)


def test_bounds_of_integers(locks: DatabaseLock) -> None:
    refuses(InvalidArgument, "sequence", locks.resume, "a", "me", 0, "0" * 32)
    refuses(InvalidArgument, "floor", locks.raise_floor, 2**62 + 1)
    assert_untouched(locks)


@pytest.mark.parametrize("bad, expected, text", BAD_IDS)
def test_list(locks: DatabaseLock, bad: str, expected: type[Exception], text: str) -> None:
    refuses(expected, text, locks.list, bad)


@pytest.mark.parametrize("bad", [None, "lease", 42, object()])
def test_what_is_no_lease(locks: DatabaseLock, bad: leaselock.Lease) -> None:
    refuses(TypeError, "lease must be", locks.release, bad)
    refuses(TypeError, "lease must be", locks.renew, bad)


@pytest.mark.parametrize("bad", [3, "fast", object(), leaselock.ExponentialBackoff])
def test_what_is_no_backoff(locks: DatabaseLock, bad: leaselock.Backoff) -> None:
    refuses(TypeError, "", locks.obtain_with_backoff, "a", None, bad)
    refuses(TypeError, "", locks.hold("a", backoff=bad).__enter__)
    assert_untouched(locks)


@pytest.mark.parametrize("bad, expected, text", [*BAD_SECONDS, pytest.param(math.inf, InvalidArgument, "is endless")])
def test_interval(bad: leaselock.Seconds, expected: type[Exception], text: str) -> None:
    refuses(expected, text, leaselock.ExponentialBackoff, 3, bad)


@pytest.mark.parametrize("bad", [0, -1.5, math.nan, math.inf])
def test_multiplier(bad: float) -> None:
    refuses(InvalidArgument, "multiplier", leaselock.ExponentialBackoff, 3, 1.0, bad)


@pytest.mark.parametrize("bad", [None, "2", True, 2j])
def test_multiplier_of_a_wrong_type(bad: float) -> None:
    refuses(TypeError, "", leaselock.ExponentialBackoff, 3, 1.0, bad)


@pytest.mark.parametrize("bad, expected, text", [*BAD_TTLS])
def test_open_ttl(url: str, bad: leaselock.Seconds, expected: type[Exception], text: str) -> None:
    refuses(expected, text, leaselock.open, url, ttl=bad)


@pytest.mark.parametrize("bad, expected, text", BAD_IDS)
def test_open_client(url: str, bad: str, expected: type[Exception], text: str) -> None:
    refuses(expected, text, leaselock.open, url, client_id=bad)


@pytest.mark.parametrize("bad", [0, -1, math.nan, math.inf])
def test_open_operation_timeout(url: str, bad: float) -> None:
    refuses(InvalidArgument, "operation", leaselock.open, url, operation_timeout=bad)


@pytest.mark.parametrize(
    "bad, expected",
    [
        (None, TypeError),
        (b"memory:x", TypeError),
        (Path("leases.db"), TypeError),
        (42, TypeError),
        ("", leaselock.UnknownEngine),
        ("leases.db", leaselock.UnknownEngine),
        ("mysql://localhost/leases", leaselock.UnknownEngine),
        ("memory:", InvalidArgument),
        ("memory:x?mode=ro", InvalidArgument),
        ("memory:a\0b", InvalidArgument),
        ("memory:\ud800", InvalidArgument),
        ("memory:%zz", InvalidArgument),
        ("sqlite:", InvalidArgument),
        ("sqlite::memory:", InvalidArgument),
        ("sqlite://host/leases.db", InvalidArgument),
    ],
)
def test_open_url(bad: str, expected: type[Exception]) -> None:
    refuses(expected, "", leaselock.open, bad)


def test_unknown_option_makes_no_file(tmp_path: Path) -> None:
    refuses(InvalidArgument, "", leaselock.open, f"sqlite:{tmp_path}/leases.db?speed=11")
    assert list(tmp_path.iterdir()) == []


def test_foreign_tables_stay_as_they_are(file: Path, file_url: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE leaselock_leases (tenant TEXT, rent INTEGER)")
    connection.close()
    refuses(leaselock.ForeignTables, "leaselock_leases", leaselock.open, file_url)
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("leaselock_leases",)]
    connection.close()


def test_numbers_that_are_numbers(locks: DatabaseLock) -> None:
    """Whatever converts to a float by itself is a number of seconds."""
    with locks.obtain("a", ttl=Decimal("1.5")) as lease:  # type: ignore[arg-type]
        assert lease.ttl == 1.5


def test_unknown_arguments(locks: DatabaseLock) -> None:
    refuses(TypeError, "unexpected keyword", locks.obtain, "a", patience=3)
    refuses(TypeError, "positional", locks.obtain, "a", "me", 30)
    assert_untouched(locks)
