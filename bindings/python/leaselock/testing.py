"""Time in your hands, for tests of code that uses leases."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import TracebackType

from . import _core
from ._time import Seconds, ms_from_utc

_START = datetime(2030, 1, 1, tzinfo=timezone.utc)
_BOOT_MS = 1_000_000


class TestClock:
    """A clock that stands still until it is moved. While it runs, a pause of an obtain moves it instead of sleeping.

    It is the whole process's: start it before other threads use leaselock, with no lease held from before. ::

        with TestClock() as clock, leaselock.open("memory:test", ttl=30) as locks:
            lease = locks.obtain("invoice-42")
            clock.advance(31)
            assert not lease.valid
    """

    __test__ = False  # pytest: not a class of tests

    def __init__(self, wall: datetime = _START) -> None:
        self._wall_ms = ms_from_utc(wall)

    def start(self) -> None:
        _core.test_clock_start(_BOOT_MS, self._wall_ms)

    def advance(self, seconds: Seconds) -> None:
        """Moves all clocks. Negative, for tests of clocks that go wrong: back."""
        _core.test_clock_advance(_milliseconds(seconds))

    def step_wall(self, seconds: Seconds) -> None:
        """Moves the wall clock alone, as an administrator would."""
        _core.test_clock_step_wall(_milliseconds(seconds))

    def stop(self) -> None:
        """Back to the machine's clocks."""
        _core.test_clock_stop()

    def __enter__(self) -> TestClock:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _milliseconds(seconds: Seconds) -> int:
    return round((seconds.total_seconds() if isinstance(seconds, timedelta) else seconds) * 1000)
