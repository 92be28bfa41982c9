"""The record that processes keep of what they held, and the check that it never was wrong.

A process writes ``granted`` for each grant, and ``held`` with a time of the engine's clock at which it certainly held
the lease: the time is read first, and the lease is asked afterwards whether it is valid still.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import leaselock


@dataclass(frozen=True)
class Event:
    kind: str
    """granted or held"""
    client: str
    resource: str
    sequence: int
    nanoseconds: int

    @classmethod
    def parse(cls, line: str) -> Event:
        kind, client, resource, sequence, nanoseconds = line.split("\t")
        return cls(kind, client, resource, int(sequence), int(nanoseconds))


class Writer:
    """Each event is on its way before the next thing happens: a killed process loses at most a part of a line."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def _write(self, kind: str, lease: leaselock.Lease, nanoseconds: int) -> None:
        self._file.write(f"{kind}\t{lease.client_id}\t{lease.resource_id}\t{lease.sequence}\t{nanoseconds}\n")
        self._file.flush()

    def granted(self, lease: leaselock.Lease) -> None:
        self._write("granted", lease, time.clock_gettime_ns(time.CLOCK_BOOTTIME))

    def held(self, lease: leaselock.Lease) -> bool:
        """Records that the lease is held, if it is."""
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if not lease.valid:
            return False
        self._write("held", lease, now)
        return True


def read(folder: Path) -> list[Event]:
    """The events of all files; a last line that was cut off is left out."""
    return [
        Event.parse(line)
        for path in sorted(folder.iterdir())
        for line in path.read_text().splitlines(keepends=True)
        if line.endswith("\n")
    ]


def problems_of(events: list[Event]) -> list[str]:
    """Every contradiction to: one holder at a time, and the order of sequences is the order of holding."""
    clients: dict[tuple[str, int], set[str]] = defaultdict(set)
    grants: dict[tuple[str, int], int] = defaultdict(int)
    times: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        clients[event.resource, event.sequence].add(event.client)
        if event.kind == "granted":
            grants[event.resource, event.sequence] += 1
        else:
            times[event.resource][event.sequence].append(event.nanoseconds)
    problems = [
        f"{resource}: sequence {sequence} went to {', '.join(sorted(who))}"
        for (resource, sequence), who in clients.items()
        if len(who) > 1
    ]
    problems += [
        f"{resource}: sequence {sequence} was granted {count} times"
        for (resource, sequence), count in grants.items()
        if count > 1
    ]
    for resource, held in times.items():
        sequences = sorted(held)
        problems += [
            f"{resource}: {later} was held while {earlier} still was, or before it"
            for earlier, later in zip(sequences, sequences[1:])
            if min(held[later]) <= max(held[earlier])
        ]
    return problems
