"""A handle on one database of leases."""

from __future__ import annotations

import builtins
import contextlib
import typing
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType

from . import _backoff, _core, _lease
from ._backoff import Backoff
from ._closing import Closing
from ._lease import Lease, State
from ._time import Seconds, utc_from_ms

if typing.TYPE_CHECKING:
    from ._core import _Listing, _Lock


@typing.runtime_checkable
class Lock(typing.Protocol):
    """What code that needs leases depends on; :class:`DatabaseLock` is one."""

    def obtain(
        self, resource_id: str, client_id: str | None = None, *, ttl: Seconds | None = None, wait: Seconds | None = None
    ) -> Lease: ...

    def obtain_with_backoff(
        self,
        resource_id: str,
        client_id: str | None = None,
        backoff: Backoff | None = None,
        *,
        ttl: Seconds | None = None,
        wait: Seconds | None = None,
    ) -> Lease: ...

    def obtain_with_no_wait(
        self, resource_id: str, client_id: str | None = None, *, ttl: Seconds | None = None
    ) -> Lease: ...

    def hold(
        self,
        resource_id: str,
        client_id: str | None = None,
        *,
        ttl: Seconds | None = None,
        wait: Seconds | None = None,
        backoff: Backoff | None = None,
    ) -> contextlib.AbstractContextManager[Lease]: ...

    def renew(self, lease: Lease) -> None: ...

    def release(self, lease: Lease) -> bool: ...


@dataclass(frozen=True)
class Entry:
    """One lease as the database knows it."""

    resource_id: str
    client_id: str
    """Who has it, or had it last."""
    sequence: int
    ttl: float
    remaining: float
    """Seconds it had left when it was listed; 0 when it is not held."""
    expiry: datetime
    state: State
    """HELD, EXPIRED or RELEASED."""


class DatabaseLock(Closing):
    """Leases in one database, made by :func:`leaselock.open`. May be used from several threads.

    In all of these ``client_id`` None means the lock's own, ``ttl`` None the lock's own. A resource that is held, by
    anybody, the same client included, raises :class:`Busy` once no try is left. A wait ends early by ``close()`` or
    ``interrupt()`` on another thread, and by Ctrl-C.
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: _Lock) -> None:
        self._handle = handle
        super().__init__()

    @property
    def client_id(self) -> str:
        """The client id of obtains that name none."""
        return _core.lock_client(self._handle)

    @property
    def closed(self) -> bool:
        return self._closed

    def obtain(
        self, resource_id: str, client_id: str | None = None, *, ttl: Seconds | None = None, wait: Seconds | None = None
    ) -> Lease:
        """Obtains a lease; while somebody holds it, tries again by the default backoff, or until `wait` is over."""
        return Lease(_core.lock_obtain(self._handle, resource_id, client_id, ttl, wait))

    def obtain_with_backoff(
        self,
        resource_id: str,
        client_id: str | None = None,
        backoff: Backoff | None = None,
        *,
        ttl: Seconds | None = None,
        wait: Seconds | None = None,
    ) -> Lease:
        """The same with pauses by `backoff` (None: the default one); `wait` cuts it."""
        handle = _core.backoff_new_default() if backoff is None else _backoff.handle_of(backoff)
        return Lease(_core.lock_obtain_with_backoff(self._handle, resource_id, client_id, handle, ttl, wait))

    def obtain_with_no_wait(
        self, resource_id: str, client_id: str | None = None, *, ttl: Seconds | None = None
    ) -> Lease:
        """One try, which does take over an expired lease."""
        return Lease(_core.lock_obtain_with_no_wait(self._handle, resource_id, client_id, ttl))

    def hold(
        self,
        resource_id: str,
        client_id: str | None = None,
        *,
        ttl: Seconds | None = None,
        wait: Seconds | None = None,
        backoff: Backoff | None = None,
    ) -> contextlib.AbstractContextManager[Lease]:
        """For a ``with`` block: obtains, keeps renewing in the background, releases at the end.

        Leaving the block raises :class:`Lost` when the lease was lost or had expired by then, but never instead of an
        exception of the block, which gets a note. Long blocks look at ``lease.valid``.
        """
        return _Hold(self, resource_id, client_id, ttl, wait, backoff)

    def renew(self, lease: Lease) -> None:
        """Gives the lease its whole ttl again, from now. Raises Lost."""
        _core.lock_renew(self._handle, _lease.handle_of(lease))

    def release(self, lease: Lease) -> bool:
        """Gives the lease up: True, or False when it was not ours any more."""
        return _core.lock_release(self._handle, _lease.handle_of(lease))

    def resume(self, resource_id: str, client_id: str | None, sequence: int, acquisition: str) -> Lease:
        """Takes up again, by one renewal, a lease that was obtained elsewhere, as by another process. Raises Lost."""
        return Lease(_core.lock_resume(self._handle, resource_id, client_id, sequence, acquisition))

    def list(self, resource_id: str | None = None, all: bool = False) -> builtins.list[Entry]:
        """What is held, sorted by resource; with `all` also what was; with `resource_id` that one, held or not."""
        listing = _core.lock_list(self._handle, resource_id, all)
        return [_entry(listing, index) for index in range(_core.listing_count(listing))]

    def raise_floor(self, floor: int) -> int:
        """From now on every new sequence is greater than `floor`; it only ever raises. Gives the floor in force."""
        return _core.lock_raise_floor(self._handle, floor)

    def interrupt(self) -> None:
        """Ends the waits in progress on this handle: they raise Interrupted. Later ones are not concerned."""
        _core.lock_interrupt(self._handle)

    def close(self) -> None:
        """Ends all waits and all keeping, and disconnects. Releases nothing. May be called again."""
        self._closed = True
        _core.lock_close(self._handle)

    def __repr__(self) -> str:
        return f"<leaselock.DatabaseLock of {self.client_id!r}{', closed' if self._closed else ''}>"


class _Hold:
    __slots__ = ("_lock", "_resource_id", "_client_id", "_ttl", "_wait", "_backoff", "_lease")

    def __init__(
        self,
        lock: DatabaseLock,
        resource_id: str,
        client_id: str | None,
        ttl: Seconds | None,
        wait: Seconds | None,
        backoff: Backoff | None,
    ) -> None:
        self._lock = lock
        self._resource_id = resource_id
        self._client_id = client_id
        self._ttl = ttl
        self._wait = wait
        self._backoff = backoff
        self._lease: Lease | None = None

    def _obtain(self) -> Lease:
        if self._backoff is None:
            return self._lock.obtain(self._resource_id, self._client_id, ttl=self._ttl, wait=self._wait)
        return self._lock.obtain_with_backoff(
            self._resource_id, self._client_id, self._backoff, ttl=self._ttl, wait=self._wait
        )

    def __enter__(self) -> Lease:
        lease = None
        try:
            self._lease = lease = self._obtain()
            lease.keep()
            return lease
        except BaseException as error:
            if lease is not None:  # keep failed, or Ctrl-C came right after the grant
                lease.__exit__(type(error), error, error.__traceback__)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._lease is not None:
            self._lease.__exit__(kind, error, traceback)


def _entry(listing: _Listing, index: int) -> Entry:
    return Entry(
        resource_id=_core.listing_resource(listing, index),
        client_id=_core.listing_client(listing, index),
        sequence=_core.listing_sequence(listing, index),
        ttl=_core.listing_ttl(listing, index) / 1000,
        remaining=_core.listing_remaining(listing, index) / 1000,
        expiry=utc_from_ms(_core.listing_expiry(listing, index)),
        state=State(_core.listing_state(listing, index)),
    )
