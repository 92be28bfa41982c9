"""Leases on named resources, with fencing tokens, kept in the database you already run. ::

    with leaselock.open("sqlite:leases.db", ttl=30) as locks:
        with locks.hold("invoice-42", client_id="worker-7") as lease:   # obtain, keep renewing, release
            charge(fence=lease.sequence)

Durations are seconds (int or float) or timedelta. Errors derive from :class:`leaselock.Error`.
"""

from __future__ import annotations

import os as _os
import re as _re
import typing as _typing

from . import _core, _secrets
from ._backoff import Backoff, ExponentialBackoff, NoBackoff, new_backoff
from ._config import Config
from ._lease import Lease, State
from ._lock import DatabaseLock, Entry, Lock
from ._migrations import (
    MigrationEntry,
    MigrationKind,
    MigrationListing,
    MigrationResult,
    Migrations,
    MigrationSource,
    MigrationState,
    MigrationStep,
    Progress,
    create_migration,
    db_migrations,
    migration_succeeded,
    migrations,
)
from ._secrets import AnySecrets, Secrets, SecretsManager
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
    "AnySecrets",
    "Backoff",
    "BadConfig",
    "BadMigration",
    "BadVersion",
    "Busy",
    "CallbackFailed",
    "ClockUnusable",
    "Closed",
    "Config",
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
    "MigrationEntry",
    "MigrationFailed",
    "MigrationKind",
    "MigrationListing",
    "MigrationResult",
    "MigrationSource",
    "MigrationState",
    "MigrationStep",
    "Migrations",
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
    "Progress",
    "ReadOnly",
    "Released",
    "Seconds",
    "Secrets",
    "SecretsManager",
    "SequenceExhausted",
    "State",
    "Unavailable",
    "UnknownEngine",
    "UnknownVersion",
    "VersionRows",
    "create_migration",
    "db_migrations",
    "migration_succeeded",
    "migrations",
    "new_backoff",
    "open",
]

__version__: str = _core.version()


def open(
    target: str | _os.PathLike[str] | Config,
    *,
    ttl: Seconds | None = None,
    client_id: str | None = None,
    operation_timeout: Seconds | None = None,
    install: bool = True,
    secrets: AnySecrets | None = None,
) -> DatabaseLock:
    """Opens a database of leases, and installs its tables where they are missing or older.

    :param target: ``sqlite:PATH``, ``sqlite:///absolute/path``, ``postgresql://…`` or ``memory:NAME``; or a
        :class:`Config`; or the path of one, which ends in .yaml or .yml. A configuration says the other parameters itself
    :param ttl: how long a lease lasts unless renewed, from 0.1 s to 24 h; None is 30 s
    :param client_id: who obtains, where an obtain does not say; None is ``host:pid``
    :param operation_timeout: how long one operation may take to reach the engine; None is 5 s
    :param install: False only checks the tables: what is missing is :class:`NoTables` (which says what, and how to get it)
        or :class:`NotFound`
    :param secrets: where a configuration's POSTGRES_USER and POSTGRES_PASSWORD come from
    """
    if isinstance(target, (str, _os.PathLike)) and _is_config(_os.fspath(target)):
        target = Config.load(target)
    if not isinstance(target, Config):
        if secrets is not None:
            raise TypeError("secrets are for a configuration; a URL has its own")
        return DatabaseLock(_core.lock_open(_typing.cast(str, target), client_id, ttl, operation_timeout, install))
    given = {"ttl": ttl, "client_id": client_id, "operation_timeout": operation_timeout, "install": None if install else False}
    for key, value in given.items():
        if value is not None:
            raise TypeError(f"{key} is said by the configuration")
    return DatabaseLock(_core.lock_open_config(target._handle, _secrets.handle_of(secrets)))


def _is_config(target: str) -> bool:
    return target.endswith((".yaml", ".yml")) and not _re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", target)
