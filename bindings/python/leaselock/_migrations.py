"""Schema migrations."""

from __future__ import annotations

import enum
import os
from collections import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union

from . import _config, _core, _secrets
from ._closing import Closing
from ._config import Config
from ._secrets import AnySecrets
from ._time import Seconds
from .errors import BadMigration, MigrationFailed

if TYPE_CHECKING:
    from ._core import _Migrations, _MigrationListing, _MigrationResult

MigrationSource = Union[str, "os.PathLike[str]", "abc.Mapping[str, str | bytes]"]
"""A directory, or what would be its files: names such as ``"000001_users.up.sql"`` and their statements."""


class MigrationKind(enum.Enum):
    """How a run ended. Only DONE and NO_CHANGE have succeeded."""

    DONE = 1
    """Everything that was asked for."""
    NO_CHANGE = 2
    """The database was there already."""
    SHORT = 3
    """steps: all there were, fewer than asked for."""
    STOPPED = 4
    """``stop()`` was heard; what is listed is applied."""
    RUNNING = 5
    """The run has not ended: what a progress function gets."""


class MigrationState(enum.Enum):
    """Where a version stands."""

    APPLIED = 1
    PENDING = 2
    MISSING = 3
    """The database is at this version, and no file has it."""


@dataclass(frozen=True)
class MigrationStep:
    """One migration that was run."""

    version: int
    """Its own; after a down the database is at the one before."""
    title: str
    file: str | None
    """None where there is no file for this direction: then nothing ran, and only the version moved."""
    is_up: bool
    duration: float


@dataclass(frozen=True)
class MigrationResult:
    """What a run did."""

    kind: MigrationKind
    from_version: int | None
    """None: no version, nothing was applied yet."""
    to_version: int | None
    applied: tuple[MigrationStep, ...]
    """What was run, ups and downs, in that order."""
    missing: int
    """How many steps were missing, for SHORT."""
    dirty: bool
    """It was stopped, and left the database dirty at ``to_version``."""

    @property
    def succeeded(self) -> bool:
        return self.kind in (MigrationKind.DONE, MigrationKind.NO_CHANGE)


Progress = abc.Callable[[MigrationResult], object]
"""Called after each migration that was run, on the thread that runs them, with the result so far.

Of these migrations it may only call ``stop()``. What it raises stops the run: no further migration begins, those that
were run stay applied, and it comes out of the run unchanged.
"""


@dataclass(frozen=True)
class MigrationEntry:
    """One version that is in the source, or that the database is at."""

    version: int
    title: str
    state: MigrationState
    has_up: bool
    has_down: bool


@dataclass(frozen=True)
class MigrationListing:
    """All migrations of the source, sorted by version, and where the database stands."""

    version: int | None
    dirty: bool
    """A migration failed half-way."""
    migrations: tuple[MigrationEntry, ...]

    @property
    def pending(self) -> tuple[MigrationEntry, ...]:
        return tuple(entry for entry in self.migrations if entry.state is MigrationState.PENDING)


class Migrations(Closing):
    """The migrations of one source, to be run on one database. May be used from several threads.

    A run that fails raises; the migrations before the failing one stay applied. MigrationFailed and BadMigration know
    file, line, column and statement. Ctrl-C cancels the statement that runs; its migration is rolled back.
    """

    __slots__ = ("_handle", "_progress")

    def __init__(self, handle: _Migrations, progress: Progress | None) -> None:
        self._handle = handle
        self._progress = None if progress is None else _following(progress)
        super().__init__()

    @property
    def closed(self) -> bool:
        return self._closed

    def up(self) -> MigrationResult:
        """Applies all that is pending."""
        return self._run(_core.migrations_up, self._progress)

    def down(self) -> MigrationResult:
        """Takes everything back, to no version."""
        return self._run(_core.migrations_down, self._progress)

    def steps(self, count: int) -> MigrationResult:
        """Applies the next `count` migrations, or takes the last -count back. SHORT where there are fewer."""
        return self._run(_core.migrations_steps, count, self._progress)

    def goto(self, version: int) -> MigrationResult:
        """Up or down to exactly that version."""
        return self._run(_core.migrations_goto, version, self._progress)

    def force(self, version: int | None) -> MigrationResult:
        """Writes the version, clean, and runs nothing: what to do after a dirty database was repaired by hand."""
        return self._run(_core.migrations_force, -1 if version is None else version)

    def drop(self) -> MigrationResult:
        """Drops every table and view, except for those of leases."""
        return self._run(_core.migrations_drop)

    def version(self) -> int | None:
        """The database's version; None where nothing is applied. Takes no lock and writes nothing."""
        return _core.migrations_version(self._handle)

    def dirty(self) -> bool:
        """True: a migration failed half-way."""
        return _core.migrations_dirty(self._handle)

    def status(self) -> MigrationListing:
        """All migrations and their states. Takes no lock, writes nothing, and is no error on a dirty database."""
        return _listing(_core.migrations_status(self._handle))

    def stop(self, *, now: bool = False) -> None:
        """Stops the run in progress, or the next one: its result is STOPPED. For any thread; waits for nobody.

        :param now: cancel the statement that runs, instead of ending after the migration that runs
        """
        _core.migrations_stop(self._handle, now)

    def close(self) -> None:
        """Closes the connection, after a run in progress. May be called again, but not by what a run calls back."""
        _core.migrations_close(self._handle)
        self._closed = True

    def _run(self, function: abc.Callable[..., _MigrationResult], *arguments: Any) -> MigrationResult:
        try:
            return _result(function(self._handle, *arguments))
        except (BadMigration, MigrationFailed) as error:
            file = _core.migrations_failed_file(self._handle)
            if file:  # else it is what a progress function raised
                error.file = file
                error.line = _core.migrations_failed_line(self._handle) or None
                error.column = _core.migrations_failed_column(self._handle) or None
                error.statement = _core.migrations_failed_text(self._handle) or None
            raise

    def __repr__(self) -> str:
        return f"<leaselock.Migrations{', closed' if self._closed else ''}>"


def migrations(
    url: str,
    source: MigrationSource,
    *,
    table: str | None = None,
    wait: Seconds | None = None,
    progress: Progress | None = None,
) -> Migrations:
    """Connects to the database and reads the names in the source. Changes nothing, but may create an empty database.

    :param url: ``sqlite:PATH``, ``sqlite:///absolute/path``, golang-migrate's ``sqlite3://PATH``, or ``postgresql://…``
    :param table: the version table; None is the URL's x-migrations-table, else schema_migrations
    :param wait: how long to wait for other runners; None is the URL's _busy_timeout, else 5 s
    :param progress: see :data:`leaselock.Progress`
    """
    _check_progress(progress)
    if not isinstance(source, abc.Mapping):
        return Migrations(_core.migrations_open_directory(url, os.fspath(source), table, wait), progress)
    handle = _core.migration_source_new()
    for name, body in source.items():
        _core.migration_source_add(handle, name, body)
    return Migrations(_core.migrations_open_source(url, handle, table, wait), progress)


def db_migrations(
    config: Config,
    secrets: AnySecrets | None = None,
    *,
    table: str | None = None,
    wait: Seconds | None = None,
    progress: Progress | None = None,
) -> Migrations:
    """The folder ``db.migrations`` of a configuration, to be run on its database.

    :param secrets: where POSTGRES_USER and POSTGRES_PASSWORD come from, where the database needs them
    """
    _check_progress(progress)
    handle = _core.migrations_open(_config.handle_of(config), _secrets.handle_of(secrets), table, wait)
    return Migrations(handle, progress)


def create_migration(
    directory: str | os.PathLike[str],
    title: str,
    *,
    numbering: Literal["sequence", "time", "unix"] = "sequence",
    digits: int = 6,
    extension: str = "sql",
) -> MigrationResult:
    """Creates two empty files, up and down, and the directory where it is missing. Needs no database.

    :param numbering: the highest version there is and 1; or the time, as 20060102150405 in UTC; or seconds since 1970
    :param digits: of a sequence, 1 to 19
    :param extension: with or without its dot
    :return: the two files, and their version
    """
    return _result(_core.migrations_create(os.fspath(directory), title, numbering, digits, extension))


def migration_succeeded(result: MigrationResult | None) -> bool:
    """True for DONE and NO_CHANGE only."""
    return result is not None and result.succeeded


def _check_progress(progress: Progress | None) -> None:
    if progress is not None and not callable(progress):
        raise TypeError(f"progress must be callable, and {type(progress)} is not")


def _following(progress: Progress) -> abc.Callable[[_MigrationResult], object]:
    """What C calls: its result is gone when it returns, so that the function gets a copy."""
    return lambda so_far: progress(_result(so_far))


def _result(result: _MigrationResult) -> MigrationResult:
    return MigrationResult(
        kind=MigrationKind(_core.migration_result_kind(result)),
        from_version=_core.migration_result_from(result),
        to_version=_core.migration_result_to(result),
        applied=tuple(_step(result, index) for index in range(_core.migration_result_count(result))),
        missing=_core.migration_result_missing(result),
        dirty=_core.migration_result_dirty(result),
    )


def _step(result: _MigrationResult, index: int) -> MigrationStep:
    return MigrationStep(
        version=_core.migration_result_version(result, index),
        title=_core.migration_result_title(result, index),
        file=_core.migration_result_file(result, index) or None,
        is_up=_core.migration_result_is_up(result, index),
        duration=_core.migration_result_duration(result, index) / 1000,
    )


def _listing(listing: _MigrationListing) -> MigrationListing:
    return MigrationListing(
        version=_core.migration_listing_current(listing),
        dirty=_core.migration_listing_dirty(listing),
        migrations=tuple(_entry(listing, index) for index in range(_core.migration_listing_count(listing))),
    )


def _entry(listing: _MigrationListing, index: int) -> MigrationEntry:
    return MigrationEntry(
        version=_core.migration_listing_version(listing, index),
        title=_core.migration_listing_title(listing, index),
        state=MigrationState(_core.migration_listing_state(listing, index)),
        has_up=_core.migration_listing_has_up(listing, index),
        has_down=_core.migration_listing_has_down(listing, index),
    )
