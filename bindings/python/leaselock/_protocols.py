"""What an application may bring itself."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, Union, runtime_checkable

if TYPE_CHECKING:
    from ._lease import Lease

Seconds = Union[float, timedelta]
"""Every duration that this package takes. What it gives is seconds as a float."""


@runtime_checkable
class Backoff(Protocol):
    """How often a busy resource is tried again, and after which pauses; any object with these methods will do.

    An obtain calls ``start()`` once, then ``next()`` after each try in vain, on the thread that obtains. What they raise
    ends the obtain and comes out unchanged. One object of your own serves one obtain at a time.
    """

    def start(self) -> None:
        """Back to the beginning."""

    def next(self) -> Seconds | None:
        """The next pause, or None: no further try."""

    def attempts(self) -> int:
        """How many pauses were given since the start."""

    def max_attempts(self) -> int:
        """How many pauses there are from start to end."""


@runtime_checkable
class Lock(Protocol):
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
    ) -> AbstractContextManager[Lease]: ...

    def renew(self, lease: Lease) -> None: ...

    def release(self, lease: Lease) -> bool: ...
