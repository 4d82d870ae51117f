"""Dates as numbers: seconds since 1970, and the cycles of the calendar.

Times with a zone are converted to UTC; times without one are taken as UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.tables.numeric import (
    TICKS,
    decoded,
    floats,
    is_text,
    parsed_by_text,
    readings,
    unreadable,
    without_words,
)

if TYPE_CHECKING:
    from epochal.tables.numeric import Place

# Seconds. The year is the mean Gregorian one: a calendar day moves by at most a day or two.
CYCLES = {"year": 31_556_952, "week": 604_800, "day": 86_400}


def is_date(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type are dates or times on the calendar."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def seconds(column: pa.ChunkedArray, place: Place) -> np.ndarray:
    """Return dates as float64 seconds since 1970-01-01 UTC, NaN where missing.

    Texts are read as ISO 8601 ("2024-05-01", "2024-05-01 12:30:00+02:00").

    >>> from epochal.tables.numeric import Place
    >>> print(seconds(pa.chunked_array([["1970-01-02", None]]), Place("day")))
    [86400.    nan]
    """
    column = decoded(column)
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if is_text(kind):
        return _parsed(column, place)
    if pa.types.is_date32(kind):
        return floats(column.cast(pa.int32())) * 86_400.0
    if pa.types.is_date64(kind):
        return floats(column.cast(pa.int64())) / 1e3
    if pa.types.is_timestamp(kind):
        return floats(column.cast(pa.int64())) / TICKS[kind.unit]
    raise unreadable(column, place, "dates")


class Extent(NamedTuple):
    """The first and the last of some times, and of their phases in each cycle, in seconds."""

    low: np.ndarray  # (1 + cycles,); infinite where there is no time
    high: np.ndarray

    @classmethod
    def of(cls, times: np.ndarray) -> Extent:
        """Return the extent of times, shape (rows,); missing ones are ignored."""
        times = times[np.isfinite(times)]
        places = [times, *(np.mod(times, period) for period in CYCLES.values())]
        return cls(
            np.array([place.min(initial=np.inf) for place in places]),
            np.array([place.max(initial=-np.inf) for place in places]),
        )

    def merge(self, other: Extent) -> Extent:
        """Return the extent of the times of both."""
        return Extent(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    @property
    def varying(self) -> tuple[str, ...]:
        """The names of the cycles that are informative.

        A cycle is informative if the times span at least one period and differ in phase.

        >>> Extent.of(np.arange(10) * 86_400.0).varying
        ('week',)
        """
        span, *ranges = self.high - self.low
        cycles = zip(CYCLES.items(), ranges, strict=True)
        return tuple(name for (name, period), range_ in cycles if span >= period and range_ > 0)


def waves(times: np.ndarray, cycle: str) -> np.ndarray:
    """Return sine and cosine of 2π t / period, shape (rows, 2); 0, 0 where missing.

    >>> print(waves(np.array([0.0, 21_600.0]), "day").round(6))
    [[0. 1.]
     [1. 0.]]
    """
    angle = np.mod(times, CYCLES[cycle]) * (2 * np.pi / CYCLES[cycle])
    pairs: np.ndarray = np.nan_to_num(np.column_stack((np.sin(angle), np.cos(angle))))
    return pairs


def _parsed(column: pa.ChunkedArray, place: Place) -> np.ndarray:
    """Return texts as seconds; Arrow parses them, or Python where Arrow cannot."""
    for texts in readings(column, place.words):
        # All without a zone, or all with one; Python parses a mixture.
        for zone in (None, "UTC"):
            try:
                ticks = floats(texts.cast(pa.timestamp("us", zone)).cast(pa.int64()))
            except pa.ArrowInvalid:
                continue
            return without_words(ticks / TICKS["us"], place, _seconds_of_text)
    values = parsed_by_text(column, _seconds_of_text, place, "a date like 2024-05-01")
    return without_words(values, place, _seconds_of_text)


def _seconds_of_text(text: str) -> float:
    """Return the seconds since 1970 of an ISO 8601 text; ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
