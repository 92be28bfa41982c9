"""Fixtures: every test that takes `url` (or what is made of it) runs once per engine that suits it.

Without options that is memory and sqlite, with the tests that need no engine. With --engine it is that one, and only what
takes a `url`; postgresql runs under tests/postgresql/server.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from helpers import SMALL, new_url
from outside import Outside, outside

import leaselock
from leaselock.testing import TestClock

hypothesis.settings.register_profile("full", deadline=None, max_examples=60, stateful_step_count=40)
hypothesis.settings.register_profile("small", deadline=None, max_examples=10, stateful_step_count=20)
hypothesis.settings.load_profile("small" if SMALL else "full")

ENGINES = ("memory", "sqlite", "postgresql")
# what a test takes beside `url` may say on which engines it makes sense
SUITABLE = {
    "clock": ("memory", "sqlite"),  # the time of PostgreSQL is its server's
    "shared_url": ("sqlite", "postgresql"),
    "database": ("sqlite", "postgresql"),  # which migrations run on
    "postgresql_url": ("postgresql",),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=ENGINES, help="only the tests that take an engine, and only on this one")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "any_engine: asks nothing of the engine, and so is left out on a server, for time")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "url" in metafunc.fixturenames:
        only = metafunc.config.getoption("engine")
        limits = [SUITABLE[name] for name in metafunc.fixturenames if name in SUITABLE]
        engines = [only] if only else ["memory", "sqlite"]
        metafunc.parametrize("url", [name for name in engines if all(name in limit for limit in limits)], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    """Not skipped, but left out: what suits no engine of this run, and with --engine what takes none or asks none."""

    def belongs(item: pytest.Function) -> bool:
        if config.getoption("engine") == "postgresql" and item.get_closest_marker("any_engine"):
            return False
        if "url" in item.fixturenames:
            return item.callspec.params["url"] in ENGINES
        return not config.getoption("engine")

    config.hook.pytest_deselected(items=[item for item in items if not belongs(item)])
    items[:] = [item for item in items if belongs(item)]


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of its own, still to be made."""
    return new_url(request.param, tmp_path)


@pytest.fixture
def shared_url(url: str) -> str:
    """A database that other processes can open, too."""
    return url


@pytest.fixture
def database(shared_url: str) -> Iterator[Outside]:
    """The test's own view of that database."""
    database = outside(shared_url)
    yield database
    database.close()


@pytest.fixture
def postgresql_url(url: str) -> str:
    return url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where `file_url` keeps its leases."""
    return tmp_path / "file.db"


@pytest.fixture
def file_url(file: Path) -> str:
    return f"sqlite:{file}"


@pytest.fixture
def clock() -> Iterator[TestClock]:
    with TestClock() as clock:
        yield clock


@pytest.fixture
def locks(url: str) -> Iterator[leaselock.DatabaseLock]:
    with leaselock.open(url, client_id="tester") as locks:
        yield locks


@pytest.fixture
def rival(url: str) -> Iterator[leaselock.DatabaseLock]:
    """Another handle on the same database."""
    with leaselock.open(url, client_id="rival") as locks:
        yield locks
