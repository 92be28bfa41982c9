"""Fixtures: every test that takes `url` (or what is made of it) runs once per engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from helpers import ENGINES, SMALL, new_url

import leaselock
from leaselock.testing import TestClock

hypothesis.settings.register_profile("full", deadline=None, max_examples=60, stateful_step_count=40)
hypothesis.settings.register_profile("small", deadline=None, max_examples=10, stateful_step_count=20)
hypothesis.settings.load_profile("small" if SMALL else "full")


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of its own, still to be made."""
    return new_url(request.param, tmp_path)


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
