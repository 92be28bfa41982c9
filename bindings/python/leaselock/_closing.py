"""What handles that have to be closed have in common."""

from __future__ import annotations

import os
import typing
import warnings
from types import TracebackType

from . import _lease
from .errors import Error

_Self = typing.TypeVar("_Self", bound="Closing")


class Closing:
    """Closed by the end of a ``with``; warns when it is dropped unclosed."""

    __slots__ = ("_closed", "_process", "__weakref__")

    def __init__(self) -> None:
        self._closed = False
        self._process = os.getpid()

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Error as problem:
            if error is None:
                raise
            _lease.add_note(error, problem)

    def __del__(self) -> None:
        # A forked child cannot close what its parent opened.
        if not self._closed and self._process == os.getpid():
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self)
