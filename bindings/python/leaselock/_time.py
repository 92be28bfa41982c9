"""Durations and times."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Union

Seconds = Union[float, timedelta]
"""Every duration that this package takes. What it gives is seconds as a float."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def utc_from_ms(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def ms_from_utc(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)
