"""Leases on named resources, with fencing tokens, kept in the database you already run. ::

    with leaselock.open("sqlite:leases.db", ttl=30) as locks:
        with locks.hold("invoice-42", client_id="worker-7") as lease:   # obtain, keep renewing, release
            charge(fence=lease.sequence)

Durations are seconds (int or float) or timedelta. Errors derive from :class:`leaselock.Error`.
"""

from __future__ import annotations

from . import _core
from ._backoff import Backoff, ExponentialBackoff, NoBackoff, new_backoff
from ._lease import Lease, State
from ._lock import DatabaseLock, Entry, Lock
from ._time import Seconds
from .errors import (
    BadConfig,
    BadMigration,
    BadVersion,
    Busy,
    CallbackFailed,
    ClockUnusable,
    Closed,
    Corrupt,
    Dirty,
    DiskFull,
    DuplicateMigration,
    Error,
    ForeignTables,
    Forked,
    InternalError,
    Interrupted,
    InvalidArgument,
    IOFailed,
    IsDirectory,
    Lost,
    MigrationConflict,
    MigrationFailed,
    Moved,
    NetworkFileSystem,
    NewerDatabase,
    NoMigration,
    NoSecret,
    NoTables,
    NotADatabase,
    NotFound,
    OutOfMemory,
    PermissionDenied,
    ReadOnly,
    Released,
    SequenceExhausted,
    Unavailable,
    UnknownEngine,
    UnknownVersion,
    VersionRows,
)

__all__ = [
    "Backoff",
    "BadConfig",
    "BadMigration",
    "BadVersion",
    "Busy",
    "CallbackFailed",
    "ClockUnusable",
    "Closed",
    "Corrupt",
    "DatabaseLock",
    "Dirty",
    "DiskFull",
    "DuplicateMigration",
    "Entry",
    "Error",
    "ExponentialBackoff",
    "ForeignTables",
    "Forked",
    "IOFailed",
    "InternalError",
    "Interrupted",
    "InvalidArgument",
    "IsDirectory",
    "Lease",
    "Lock",
    "Lost",
    "MigrationConflict",
    "MigrationFailed",
    "Moved",
    "NetworkFileSystem",
    "NewerDatabase",
    "NoBackoff",
    "NoMigration",
    "NoSecret",
    "NoTables",
    "NotADatabase",
    "NotFound",
    "OutOfMemory",
    "PermissionDenied",
    "ReadOnly",
    "Released",
    "Seconds",
    "SequenceExhausted",
    "State",
    "Unavailable",
    "UnknownEngine",
    "UnknownVersion",
    "VersionRows",
    "new_backoff",
    "open",
]

__version__: str = _core.version()


def open(
    target: str,
    *,
    ttl: Seconds = 30.0,
    client_id: str | None = None,
    operation_timeout: Seconds | None = None,
) -> DatabaseLock:
    """Opens a database of leases, and installs its tables where they are missing.

    :param target: ``sqlite:PATH``, ``sqlite:///absolute/path`` or ``memory:NAME``
    :param ttl: how long a lease lasts unless renewed, from 0.1 s to 24 h
    :param client_id: who obtains, where an obtain does not say; None is ``host:pid``
    :param operation_timeout: how long one operation may take to reach the engine; None is 5 s
    """
    return DatabaseLock(_core.lock_open(target, client_id, ttl, operation_timeout))
