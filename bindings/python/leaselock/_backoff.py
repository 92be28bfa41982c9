"""How often a busy resource is tried again, and after which pauses."""

from __future__ import annotations

import typing

from . import _core
from ._time import Seconds

if typing.TYPE_CHECKING:
    from ._core import _Backoff


@typing.runtime_checkable
class Backoff(typing.Protocol):
    """Any object with these four methods.

    An obtain calls ``start()`` once, then ``next()`` after each try in vain, on the thread that obtains. What they
    raise ends the obtain and comes out unchanged. One object of your own serves one obtain at a time.
    """

    def start(self) -> None:
        """Back to the beginning."""

    def next(self) -> Seconds | None:
        """The next pause, or None: no further try."""

    def attempts(self) -> int:
        """How many pauses were given since the start."""

    def max_attempts(self) -> int:
        """How many pauses there are from start to end."""


class _BuiltinBackoff:
    """Every obtain works on its own copy, so that one object serves all threads; the methods are for looking at it."""

    __slots__ = ("_handle",)

    _handle: _Backoff

    def start(self) -> None:
        """Back to the beginning."""
        _core.backoff_start(self._handle)

    def next(self) -> float | None:
        """The next pause in seconds, or None: no further try."""
        delay_ms = _core.backoff_next(self._handle)
        return None if delay_ms < 0 else delay_ms / 1000

    def attempts(self) -> int:
        """How many pauses were given since the start."""
        return _core.backoff_attempts(self._handle)

    def max_attempts(self) -> int:
        """How many pauses there are from start to end."""
        return _core.backoff_max_attempts(self._handle)


class ExponentialBackoff(_BuiltinBackoff):
    """``max_attempts`` retries after the first try, with pauses of initial_interval × multiplierⁿ, in whole ms.

    The default sleeps 1.0, 1.5 and 2.25 s: a resource that stays busy is tried four times in 4.75 s.
    """

    __slots__ = ("_arguments",)

    def __init__(self, max_attempts: int = 3, initial_interval: Seconds = 1.0, multiplier: float = 1.5) -> None:
        self._handle = _core.backoff_new_exponential(max_attempts, initial_interval, multiplier)
        self._arguments = (max_attempts, initial_interval, multiplier)

    def __repr__(self) -> str:
        return "leaselock.ExponentialBackoff(max_attempts={!r}, initial_interval={!r}, multiplier={!r})".format(
            *self._arguments
        )


class NoBackoff(_BuiltinBackoff):
    """One try, no retry."""

    __slots__ = ()

    def __init__(self) -> None:
        self._handle = _core.backoff_new_none()

    def __repr__(self) -> str:
        return "leaselock.NoBackoff()"


def new_backoff() -> ExponentialBackoff:
    """The default: 3 attempts, 1 s, × 1.5."""
    return ExponentialBackoff()


def handle_of(backoff: Backoff) -> _Backoff:
    # exactly these: a subclass may have methods of its own
    if type(backoff) is ExponentialBackoff or type(backoff) is NoBackoff:
        return backoff._handle
    if not isinstance(backoff, Backoff):
        raise TypeError(f"backoff must have start, next, attempts and max_attempts, and {type(backoff)} has not")
    return _core.backoff_new_custom(backoff)
