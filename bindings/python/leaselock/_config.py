"""A program's configuration."""

from __future__ import annotations

import contextlib
import os
import re
from collections import abc
from typing import TYPE_CHECKING, Union

from . import _core
from .errors import BadConfig

if TYPE_CHECKING:
    from ._core import _Config

Path = Union[str, "os.PathLike[str]"]


class Config:
    """Which database, which migrations, how locks behave. YAML, one level of sections::

        db:
          url: sqlite:app.db          # or engine, host, port, dbname
          migrations: ./db/migrations
        lock:
          ttl: 30                     # seconds
          client_id: worker-7

    Keys are named with a dot: ``"db.url"``. An unknown key, a key twice and a value of the wrong type raise
    :class:`BadConfig`, which names file and line. Passwords are in :class:`Secrets`.
    """

    __slots__ = ("_handle", "_name")

    def __init__(self, values: abc.Mapping[str, str | int | float] | None = None) -> None:
        """All defaults, except for what `values` says."""
        self._handle = _core.config_new()
        self._name: str | None = None
        for key, value in (values or {}).items():
            self.set(key, value)

    @classmethod
    def load(cls, path: Path) -> Config:
        """Reads a file."""
        name = os.fspath(path)
        with _placed(name):
            return cls._of(_core.config_load(name), name)

    @classmethod
    def parse(cls, text: str | bytes, name: str = "config") -> Config:
        """Reads a text, which messages call `name`."""
        with _placed(name):
            return cls._of(_core.config_parse(text, name), name)

    @classmethod
    def _of(cls, handle: _Config, name: str) -> Config:
        config = cls.__new__(cls)
        config._handle = handle
        config._name = name
        return config

    @staticmethod
    def keys() -> list[str]:
        """The names of all keys there are."""
        names: list[str] = []
        while (name := _core.config_key(len(names))) is not None:
            names.append(name)
        return names

    def get(self, key: str) -> str | None:
        """A value as text, its default where it is not set, None where there is neither. KeyError: no such key."""
        value = _core.config_get(self._handle, key)
        if value is None and key not in self.keys():
            raise KeyError(key)
        return value

    def set(self, key: str, value: str | int | float) -> None:
        """Sets one value, checked like one of a file."""
        _core.config_set(self._handle, key, value if isinstance(value, str) else str(value))

    def __repr__(self) -> str:
        # No values: a URL can have a password in it.
        return f"<leaselock.Config{f' of {self._name!r}' if self._name else ''}>"


@contextlib.contextmanager
def _placed(name: str) -> abc.Iterator[None]:
    """Gives a BadConfig the file and line that its message begins with."""
    try:
        yield
    except BadConfig as error:
        place = re.match(re.escape(name) + r":(\d+): ", str(error))
        if place:
            error.file = name
            error.line = int(place[1])
        raise


def handle_of(config: Config) -> _Config:
    if not isinstance(config, Config):
        raise TypeError(f"config must be a leaselock.Config, such as Config.load(path), not {type(config)}")
    return config._handle
