"""What can go wrong, one class for each row of libleaselock's error.def.

Names and codes come from the library; what is written here is which built-in exceptions a class also is. A wrong *type*
of argument is a plain ``TypeError``; a wrong *value* is :class:`InvalidArgument`.
"""

from __future__ import annotations

import errno as _errno

from . import _core


class Error(Exception):
    """Anything that libleaselock reports: ``str(error)`` is one line for people, the attributes are for programs."""

    code: int = 0
    """The C status, such as -20."""
    name: str = ""
    """Its name in C, such as ``"BUSY"``."""
    native_code: int = 0
    """The client library's own code, such as SQLite's extended result; 0 where there is none."""
    sqlstate: str | None = None
    """Five characters, where the engine has them."""
    resource_id: str | None = None
    """Which resource, for Busy and Lost."""
    holder: str | None = None
    """The client that has it now, as far as the engine knows."""
    sequence: int | None = None
    """The holder's sequence."""
    remaining: float | None = None
    """How many seconds the holder's lease has left."""


class OutOfMemory(Error, MemoryError):
    """There was no memory for the call."""


class InvalidArgument(Error, ValueError):
    """A value that the call does not take; nothing was changed."""


class Closed(Error):
    """The lock was closed, before the call or while it waited."""


class Forked(Error):
    """The handle, or the SQLite file behind it, was opened before this process was forked."""


class Interrupted(Error):
    """A wait was ended by ``DatabaseLock.interrupt()``. (Ctrl-C is KeyboardInterrupt.)"""


class CallbackFailed(Error):
    """A function slot of C failed. An exception of a backoff written in Python comes out as itself instead."""


class UnknownEngine(Error):
    """No engine for this kind of URL."""


class InternalError(Error):
    """A defect of libleaselock."""


class Busy(Error):
    """The resource is held, by anybody, the same client included, and no try was left."""


class Lost(Error):
    """The lease is not held any more: another was granted it, or could have been, or it was released by force."""


class Released(Error):
    """The lease was released by its holder."""


class SequenceExhausted(Error):
    """No sequence is left."""


class Unavailable(Error, ConnectionError):
    """The engine could not be reached within the operation's time."""


class IOFailed(Error, OSError):
    """Input or output failed."""

    errno = _errno.EIO


class DiskFull(Error, OSError):
    """No space is left for the database."""

    errno = _errno.ENOSPC


class PermissionDenied(Error, PermissionError):
    """The database may not be opened or written."""

    errno = _errno.EACCES


class ReadOnly(Error, OSError):
    """The database can only be read."""

    errno = _errno.EROFS


class NotFound(Error, FileNotFoundError):
    """No such file or directory."""

    errno = _errno.ENOENT


class IsDirectory(Error, IsADirectoryError):
    """The path is a directory."""

    errno = _errno.EISDIR


class NotADatabase(Error):
    """The file is no database."""


class Corrupt(Error):
    """The database is damaged."""


class NetworkFileSystem(Error):
    """The file system cannot be trusted with locks."""


class Moved(Error):
    """The database file was moved or replaced."""


class ClockUnusable(Error):
    """There is no clock that all holders share."""


class ForeignTables(Error):
    """Tables of the same names belong to somebody else."""


class NewerDatabase(Error):
    """The tables come from a newer version of libleaselock."""


class NoTables(Error):
    """The tables are missing."""


class Dirty(Error):
    """A migration failed half-way, and the version is marked as dirty."""


class UnknownVersion(Error):
    """The database's version is in no migration file."""


class NoMigration(Error, LookupError):
    """There is no such migration, or no further one."""


class VersionRows(Error):
    """The version table has more than one row."""


class BadVersion(Error):
    """The version table's row holds no version."""


class DuplicateMigration(Error):
    """Two migrations have one version and direction."""


class BadMigration(Error):
    """A migration's file cannot be used; the database was not touched."""

    file: str | None = None
    """Which file, for a failed run."""
    line: int | None = None
    """Its line, from 1."""
    column: int | None = None
    """Its column, from 1, in characters."""
    statement: str | None = None
    """The text of that line."""


class MigrationFailed(Error):
    """A statement of a migration failed; its migration was rolled back."""

    file: str | None = None
    """Which file."""
    line: int | None = None
    """Its line, from 1."""
    column: int | None = None
    """Its column, from 1, in characters."""
    statement: str | None = None
    """The text of that line."""


class MigrationConflict(Error):
    """Another runner moved the version the other way meanwhile."""


class BadConfig(Error, ValueError):
    """A configuration has an unknown key, a wrong type, or is no YAML."""

    file: str | None = None
    """Which file."""
    line: int | None = None
    """Its line, from 1."""


class NoSecret(Error, LookupError):
    """There is no secret of that name."""


_classes: dict[int, type[Error]] = {}
for _name, _code, _class in _core.error_table():
    _classes[_code] = globals()[_class]
    _classes[_code].name = _name
    _classes[_code].code = _code
    _classes[_code].__module__ = "leaselock"


def _exception_for(
    code: int,
    message: str,
    native_code: int,
    sqlstate: str,
    resource_id: str,
    holder: str,
    sequence: int,
    remaining_ms: int,
) -> Error:
    """Called by the wrapper with a copy of C's record, whose fields are empty where they do not apply."""
    # One argument only: with more, the classes that are OSErrors take them for errno and strerror.
    error = _classes[code](message)
    error.native_code = native_code
    error.sqlstate = sqlstate or None
    if resource_id:
        error.resource_id = resource_id
        error.holder = holder or None
        error.sequence = sequence or None
        error.remaining = max(remaining_ms, 0) / 1000 if holder else None
    return error


_core.set_exception_for(_exception_for)
