"""What a database of leases should do, in plain Python: the model that test_model.py compares the library with.

Times are milliseconds since the model began. A ``Row`` is what the database knows, a ``Grant`` what one obtain was
given, a ``Handle`` what one lease object knows of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from leaselock import State

MARGIN_MIN = 50
MARGIN_SHARE = 50
DEFAULT_PAUSES = (1000, 1500, 2250)


@dataclass(eq=False)
class Grant:
    client: str
    sequence: int
    ttl: int
    given_up: bool = False

    @property
    def margin(self) -> int:
        return max(MARGIN_MIN, self.ttl // MARGIN_SHARE)


@dataclass(eq=False)
class Row:
    """The last grant of one resource."""

    grant: Grant
    deadline: int
    released: bool = False


@dataclass(eq=False)
class Handle:
    resource: str
    grant: Grant
    deadline: int
    mark: State = State.HELD
    lost_to: str | None = None


class Busy(Exception):
    def __init__(self, row: Row, remaining: int) -> None:
        self.holder, self.sequence, self.remaining = row.grant.client, row.grant.sequence, remaining


class Lost(Exception):
    def __init__(self, to: str | None) -> None:
        self.to = to


class Released(Exception):
    pass


@dataclass
class Database:
    now: int = 0
    floor: int = 0
    rows: dict[str, Row] = field(default_factory=dict)

    def is_held(self, resource: str) -> bool:
        row = self.rows.get(resource)
        return row is not None and not row.released and row.deadline > self.now

    def obtain_with_no_wait(self, client: str, resource: str, ttl: int) -> Handle:
        row = self.rows.get(resource)
        if row and self.is_held(resource):
            raise Busy(row, row.deadline - self.now)
        grant = Grant(client, max(row.grant.sequence if row else 0, self.floor) + 1, ttl)
        self.rows[resource] = Row(grant, self.now + ttl)
        return Handle(resource, grant, self.now + ttl - grant.margin)

    def obtain(self, client: str, resource: str, ttl: int) -> Handle:
        for pause in DEFAULT_PAUSES:
            if not self.is_held(resource):
                break
            self.now += pause
        return self.obtain_with_no_wait(client, resource, ttl)

    def _renew_row(self, resource: str, grant: Grant) -> int:
        """The holder's new deadline."""
        row = self.rows[resource]
        if row.grant is not grant:
            raise Lost(row.grant.client)
        if row.released:
            raise Lost(None)
        row.deadline = max(row.deadline, self.now + grant.ttl)
        return row.deadline - grant.margin

    def renew(self, handle: Handle) -> None:
        if handle.mark is State.RELEASED:
            raise Released
        try:
            handle.deadline = self._renew_row(handle.resource, handle.grant)
        except Lost as lost:
            if handle.mark is State.HELD:
                handle.mark, handle.lost_to = State.LOST, lost.to
            raise

    def resume(self, handle: Handle) -> Handle:
        return Handle(handle.resource, handle.grant, self._renew_row(handle.resource, handle.grant))

    def release(self, handle: Handle) -> bool:
        if handle.mark is State.HELD:
            handle.mark = State.RELEASED
        row = self.rows[handle.resource]
        if row.grant is not handle.grant:
            return False
        row.released = row.grant.given_up = True
        return True

    def raise_floor(self, floor: int) -> int:
        self.floor = max(self.floor, floor)
        return self.floor

    def state(self, handle: Handle) -> State:
        if handle.mark is not State.HELD:
            return handle.mark
        return State.HELD if self.now < handle.deadline else State.EXPIRED

    def remaining(self, handle: Handle) -> int:
        return handle.deadline - self.now if self.state(handle) is State.HELD else 0

    def row_state(self, resource: str) -> State:
        if self.rows[resource].released:
            return State.RELEASED
        return State.HELD if self.is_held(resource) else State.EXPIRED
