"""Several clients on one database, in any order of steps, against the model; time is the test clock's."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from helpers import new_url
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from model import Busy, Database, Handle, Lost, Released

import leaselock
from leaselock import DatabaseLock, Lease, State
from leaselock.testing import TestClock

CLIENTS = ("one", "two", "three")
clients = st.sampled_from(CLIENTS)
resources = st.sampled_from(("a", "b"))
# around the shortest, the margin's bend at 2.5 s, and the pauses of the default backoff
ttls = st.sampled_from((100, 101, 1000, 2500, 2550, 4750, 4751, 60_000))
# to a lease's last moments and past them
steps = st.one_of(st.sampled_from((1, 50, 51, 100, 2450, 2500, 60_000)), st.integers(1, 70_000))


Pair = tuple[Lease, Handle]


class MemoryMachine(RuleBasedStateMachine):
    engine = "memory"
    leases: Bundle[Any] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.clock = TestClock()
        self.clock.start()
        self.folder = tempfile.TemporaryDirectory()
        self.url = new_url(self.engine, Path(self.folder.name))
        self.opened: list[DatabaseLock] = []
        self.locks: dict[str, DatabaseLock] = {}
        for client in CLIENTS:
            self.open_again(client)
        self.model = Database()
        self.pairs: list[Pair] = []
        self.granted: dict[str, list[int]] = {}

    def teardown(self) -> None:
        for lease, _ in self.pairs:
            lease.release()
        for locks in self.opened:
            locks.close()
        self.clock.stop()
        self.folder.cleanup()

    def compare_obtain(self, method: str, client: str, resource: str, ttl: int) -> object:
        call = getattr(self.locks[client], method)
        try:
            expected = getattr(self.model, method)(client, resource, ttl)
        except Busy as busy:
            with pytest.raises(leaselock.Busy) as raised:
                call(resource, ttl=ttl / 1000)
            error = raised.value
            assert (error.holder, error.sequence) == (busy.holder, busy.sequence)
            assert error.remaining == busy.remaining / 1000
            return multiple()
        lease = call(resource, ttl=ttl / 1000)
        sequences = self.granted.setdefault(resource, [])
        assert not sequences or lease.sequence > sequences[-1]
        sequences.append(lease.sequence)
        self.pairs.append((lease, expected))
        return lease, expected

    @rule(target=leases, client=clients, resource=resources, ttl=ttls)
    def obtain_with_no_wait(self, client: str, resource: str, ttl: int) -> object:
        return self.compare_obtain("obtain_with_no_wait", client, resource, ttl)

    @rule(target=leases, client=clients, resource=resources, ttl=ttls)
    def obtain(self, client: str, resource: str, ttl: int) -> object:
        return self.compare_obtain("obtain", client, resource, ttl)

    @rule(pair=leases)
    def renew(self, pair: Pair) -> None:
        lease, handle = pair
        try:
            self.model.renew(handle)
        except Released:
            with pytest.raises(leaselock.Released):
                lease.renew()
        except Lost as lost:
            with pytest.raises(leaselock.Lost) as raised:
                lease.renew()
            assert (raised.value.resource_id, raised.value.holder) == (handle.resource, lost.to)
        else:
            lease.renew()

    @rule(pair=leases)
    def release(self, pair: Pair) -> None:
        assert pair[0].release() is self.model.release(pair[1])

    @rule(target=leases, pair=leases, client=clients)
    def resume(self, pair: Pair, client: str) -> object:
        lease, handle = pair
        arguments = (lease.resource_id, lease.client_id, lease.sequence, lease.acquisition)
        try:
            expected = self.model.resume(handle)
        except Lost as lost:
            with pytest.raises(leaselock.Lost) as raised:
                self.locks[client].resume(*arguments)
            assert raised.value.holder == lost.to
            return multiple()
        again = self.locks[client].resume(*arguments)
        self.pairs.append((again, expected))
        return again, expected

    @rule(client=clients, beyond=st.integers(-5, 1500))
    def raise_floor(self, client: str, beyond: int) -> None:
        floor = max(0, self.model.floor + beyond)
        assert self.locks[client].raise_floor(floor) == self.model.raise_floor(floor)

    @rule(step=steps)
    def time_passes(self, step: int) -> None:
        self.clock.advance(step / 1000)
        self.model.now += step

    @rule(step=st.integers(-(10**7), 10**7))
    def wall_clock_is_set(self, step: int) -> None:
        self.clock.step_wall(step / 1000)

    @rule(client=clients)
    def open_again(self, client: str) -> None:
        """One more handle on the database; leases of the one before go on."""
        self.locks[client] = leaselock.open(self.url, client_id=client)
        self.opened.append(self.locks[client])

    @invariant()
    def handles_know_what_they_should(self) -> None:
        for lease, handle in self.pairs:
            assert (lease.state, lease.lost_to) == (self.model.state(handle), handle.lost_to)
            assert lease.remaining == self.model.remaining(handle) / 1000
            assert lease.valid is (lease.state is State.HELD)
            assert (lease.sequence, lease.client_id) == (handle.grant.sequence, handle.grant.client)

    @invariant()
    def no_two_hold_one_resource(self) -> None:
        """All handles of one grant are one holder, so one may release what the others still think they have."""
        holders: dict[str, set[int]] = {}
        for lease, handle in self.pairs:
            if lease.valid and not handle.grant.given_up:
                holders.setdefault(handle.resource, set()).add(lease.sequence)
        assert all(len(sequences) == 1 for sequences in holders.values())

    @invariant()
    def lists_agree(self) -> None:
        entries = self.locks["one"].list(all=True)
        assert [entry.resource_id for entry in entries] == sorted(self.model.rows)
        for entry in entries:
            row = self.model.rows[entry.resource_id]
            assert entry.state is self.model.row_state(entry.resource_id)
            assert (entry.client_id, entry.sequence) == (row.grant.client, row.grant.sequence)
            assert entry.ttl == row.grant.ttl / 1000
            assert entry.remaining == (max(row.deadline - self.model.now, 0) / 1000 if not row.released else 0)


class SqliteMachine(MemoryMachine):
    engine = "sqlite"


TestMemory = MemoryMachine.TestCase
TestSqlite = SqliteMachine.TestCase
TestSqlite.settings = settings(max_examples=settings().max_examples // 2)  # it writes to a disk
