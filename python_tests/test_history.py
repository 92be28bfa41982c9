"""The checker of histories finds what it is there for."""

from __future__ import annotations

from pathlib import Path

import history
import pytest
from history import Event

import leaselock


def held(client: str, sequence: int, *times: int, resource: str = "a") -> list[Event]:
    return [Event("granted", client, resource, sequence, times[0])] + [
        Event("held", client, resource, sequence, time) for time in times
    ]


GOOD = held("x", 1, 10, 20) + held("y", 2, 30, 40) + held("x", 5, 50)


def test_good_histories() -> None:
    assert history.problems_of([]) == []
    assert history.problems_of(GOOD) == []
    assert history.problems_of(GOOD + held("y", 1, 15, resource="b")) == []  # another resource is another matter


@pytest.mark.parametrize(
    "bad, problem",
    [
        (held("y", 3, 35, 45), "3 was held while 2"),  # overlap
        (held("y", 3, 31, 32), "3 was held while 2"),  # overlap, all inside another one
        (held("y", 6, 15), "6 was held while 5"),  # a sequence that fell behind in time
        (held("y", 4, 60), "5 was held while 4"),  # a sequence that does not grow
        (held("y", 6, 50), "6 was held while 5"),  # at the very same moment
        (held("y", 5, 60), "sequence 5 went to x, y"),  # the same number twice
        (held("x", 5, 60), "sequence 5 was granted 2 times"),  # even to the same client
    ],
)
def test_bad_histories(bad: list[Event], problem: str) -> None:
    assert any(problem in found for found in history.problems_of(GOOD + bad))


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    with open(tmp_path / "one", "w") as file, leaselock.open("memory:history") as locks:
        writer = history.Writer(file)
        with locks.obtain("a b", "c d") as lease:
            writer.granted(lease)
            assert writer.held(lease)
        assert not writer.held(lease)
        file.write("held\tcut o")
    events = history.read(tmp_path)
    assert [(event.kind, event.client, event.resource, event.sequence) for event in events] == [
        ("granted", "c d", "a b", 1),
        ("held", "c d", "a b", 1),
    ]
    assert 0 < events[0].nanoseconds <= events[1].nanoseconds
