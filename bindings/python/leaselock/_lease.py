"""What is held."""

from __future__ import annotations

import enum
import warnings
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING

from . import _core
from ._time import Seconds, utc_from_ms
from .errors import Error, Lost

if TYPE_CHECKING:
    from ._core import _Lease


class State(enum.Enum):
    """What is known of a lease. Only HELD and UNKNOWN are valid."""

    HELD = 1
    """Ours until the deadline at least."""
    UNKNOWN = 2
    """The engine could not be asked; still ours until the deadline."""
    LOST = 3
    """The engine says: somebody else was granted, or it was released by force."""
    EXPIRED = 4
    """The deadline passed; an explicit renew may revive it."""
    RELEASED = 5
    """Given up by this holder; a failed release can be tried again."""
    FORKED = 6
    """This process is a fork of the holder."""


def add_note(error: BaseException, problem: Error) -> None:
    """Tells of a second problem without hiding the first."""
    if hasattr(error, "add_note"):
        error.add_note(f"leaselock: besides, {problem}")
    elif error.__context__ is None:  # Python 3.10 has no notes; a traceback would lead back here, a cycle
        error.__context__ = problem.with_traceback(None)


class Lease:
    """A lease that was granted. Reading it asks nobody and never waits.

    As a context manager it is released at the end of the block; a lease that was lost or had expired by then is
    reported as :class:`Lost`, but never instead of an exception of the block, which gets a note. Dropping it unreleased
    ends its keeping, not the lease, which ends by its ttl.
    """

    __slots__ = ("_handle", "__weakref__")

    def __init__(self, handle: _Lease) -> None:
        self._handle = handle

    @property
    def resource_id(self) -> str:
        return _core.lease_resource(self._handle)

    @property
    def client_id(self) -> str:
        return _core.lease_client(self._handle)

    @property
    def sequence(self) -> int:
        """The fencing token: grows with every grant of the resource, at least 1."""
        return _core.lease_sequence(self._handle)

    @property
    def acquisition(self) -> str:
        """The random id of this grant. It proves ownership: keep it to yourself."""
        return _core.lease_acquisition(self._handle)

    @property
    def ttl(self) -> float:
        """Seconds of the grant; renewals keep it."""
        return _core.lease_ttl(self._handle) / 1000

    @property
    def expiry(self) -> datetime:
        """When the engine lets others have it: UTC, by the engine's clock. For people; ``valid`` decides."""
        return utc_from_ms(_core.lease_expiry(self._handle))

    @property
    def state(self) -> State:
        return State(_core.lease_state(self._handle))

    @property
    def valid(self) -> bool:
        """True only while nobody else can have been granted the resource."""
        return _core.lease_valid(self._handle)

    @property
    def remaining(self) -> float:
        """Seconds until it stops being valid; 0 when it is not."""
        return _core.lease_remaining(self._handle) / 1000

    @property
    def lost_to(self) -> str | None:
        """Who took it, once the state is LOST; None when it was released by force."""
        return _core.lease_lost_to(self._handle)

    def renew(self) -> None:
        """Gives it its whole ttl again, from now; revives one that expired and that nobody took since. Raises Lost."""
        _core.lease_renew(self._handle)

    def release(self) -> bool:
        """Gives it up: True, or False when it was not ours any more. Can be tried again when it fails."""
        return _core.lease_release(self._handle)

    def keep(self) -> None:
        """From now on a background thread of the library renews it, until it is released, lost, expired or dropped."""
        _core.lease_keep(self._handle)

    def wait(self, timeout: Seconds | None = None) -> State:
        """Waits until it is no longer valid, or for `timeout`; gives the state at that moment."""
        return State(_core.lease_wait(self._handle, timeout))

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        state = self.state
        try:
            ours = self.release()
        except Error as problem:
            if error is None:
                raise
            add_note(error, problem)
            return
        if state is State.RELEASED or (ours and state is not State.EXPIRED):
            return
        loss = self._loss(state)
        if error is None:
            raise loss
        add_note(error, loss)

    def _loss(self, state: State) -> Lost:
        how = "expired" if state is State.EXPIRED else f'was lost to "{self.lost_to}"' if self.lost_to else "was lost"
        loss = Lost(f'"{self.resource_id}" {how} while it was needed')
        loss.resource_id = self.resource_id
        loss.holder = self.lost_to
        return loss

    def __repr__(self) -> str:
        what = f"{self.resource_id!r} of {self.client_id!r}, sequence {self.sequence}, {self.state.name}"
        return f"<leaselock.Lease {what}>"

    def __del__(self) -> None:
        if _core.lease_valid(self._handle):
            warnings.warn(f"unreleased {self!r}", ResourceWarning, source=self)


def handle_of(lease: Lease) -> _Lease:
    if not isinstance(lease, Lease):
        raise TypeError(f"lease must be a leaselock.Lease, not {type(lease)}")
    return lease._handle
