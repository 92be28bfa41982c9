"""Where passwords come from."""

from __future__ import annotations

import os
import typing
from collections import abc
from typing import TYPE_CHECKING, Union

from . import _core

if TYPE_CHECKING:
    from ._core import _Secrets


@typing.runtime_checkable
class SecretsManager(typing.Protocol):
    """An object that knows secrets. It is called on the thread that needs one; what it raises comes out unchanged."""

    def get(self, name: str, /) -> str | None:
        """The secret, or None where there is none of that name."""


class Secrets:
    """Secrets of one source. The library asks for one by name when it needs it, and writes none into a message."""

    __slots__ = ("_handle",)

    def __init__(self, values: abc.Mapping[str, str]) -> None:
        """Those given; they are copied."""
        self._handle = _core.secrets_new_static()
        for name, value in values.items():
            _core.secrets_set(self._handle, name, value)

    @classmethod
    def environment(cls) -> Secrets:
        """The process's environment: a secret's name is the variable's."""
        return cls._of(_core.secrets_new_environment())

    @classmethod
    def directory(cls, path: str | os.PathLike[str] | None = None) -> Secrets:
        """A folder with one file per secret, as containers mount them. None is /run/secrets."""
        return cls._of(_core.secrets_new_directory(None if path is None else os.fspath(path)))

    @classmethod
    def custom(cls, source: abc.Callable[[str], str | None] | SecretsManager) -> Secrets:
        """A function from name to secret, or an object with such a function as its ``get``; None means "no such"."""
        function = source.get if isinstance(source, SecretsManager) else source
        if not callable(function):
            raise TypeError(f"secrets must be a function or have a get, and {type(source)} is neither")
        return cls._of(_core.secrets_new_custom(function))

    @classmethod
    def _of(cls, handle: _Secrets) -> Secrets:
        secrets = cls.__new__(cls)
        secrets._handle = handle
        return secrets

    def get(self, name: str, /) -> str:
        """Reads one secret. Raises NoSecret."""
        return _core.secrets_get(self._handle, name)

    def __repr__(self) -> str:
        return "<leaselock.Secrets>"


AnySecrets = Union[Secrets, abc.Mapping[str, str], SecretsManager, "abc.Callable[[str], str | None]"]
"""What functions take for secrets: a mapping, a function and an object with ``get`` count as well."""


def handle_of(secrets: AnySecrets | None) -> _Secrets | None:
    if secrets is None:
        return None
    if isinstance(secrets, Secrets):
        return secrets._handle
    if isinstance(secrets, abc.Mapping):
        return Secrets(secrets)._handle
    return Secrets.custom(secrets)._handle
