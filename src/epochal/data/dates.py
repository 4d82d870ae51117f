"""Dates as numbers: seconds since 1970, and the cycles of the calendar.

Times with a zone are taken as UTC, times without one as they are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.data.numbers import TICKS, decoded, first_row_of, floats, is_text, parsed_by_text
from epochal.errors import DataError

if TYPE_CHECKING:
    from epochal.data.numbers import Place

# Seconds. The year is the mean Gregorian one: a calendar day moves by at most a day or two.
CYCLES = {"year": 31_556_952, "week": 604_800, "day": 86_400}


def is_date(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type are dates or times on the calendar."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def seconds(column: pa.ChunkedArray, place: Place) -> np.ndarray:
    """Return dates as float64 seconds since 1970-01-01 UTC, NaN where missing.

    Texts are read as ISO 8601 ("2024-05-01", "2024-05-01 12:30:00+02:00").

    >>> from epochal.data.numbers import Place
    >>> print(seconds(pa.chunked_array([["1970-01-02", None]]), Place("day")))
    [86400.    nan]
    """
    column = decoded(column)
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if is_text(kind):
        return parsed_by_text(column, _seconds_of_text, place, "a date like 2024-05-01")
    if pa.types.is_date32(kind):
        return floats(column.cast(pa.int32())) * 86_400.0
    if pa.types.is_date64(kind):
        return floats(column.cast(pa.int64())) / 1e3
    if pa.types.is_timestamp(kind):
        return floats(column.cast(pa.int64())) / TICKS[kind.unit]
    row = first_row_of(pc.is_valid(column), place)
    raise DataError(f"column {place.name!r} holds {kind} values (row {row})", "dates")


def varying_cycles(times: np.ndarray) -> tuple[str, ...]:
    """Return the names of the cycles that say more than the time itself does.

    A cycle counts when the times span at least one whole turn of it and are
    not all at the same point of it.

    >>> varying_cycles(np.arange(10) * 86_400.0)
    ('week',)
    """
    times = times[np.isfinite(times)]
    if not len(times):
        return ()
    span = times.max() - times.min()
    return tuple(
        name
        for name, period in CYCLES.items()
        if span >= period and np.ptp(np.mod(times, period)) > 0
    )


def waves(times: np.ndarray, cycle: str) -> np.ndarray:
    """Return sine and cosine of 2π t / period, shape (rows, 2); 0, 0 where missing.

    >>> print(waves(np.array([0.0, 21_600.0]), "day").round(6))
    [[0. 1.]
     [1. 0.]]
    """
    angle = np.mod(times, CYCLES[cycle]) * (2 * np.pi / CYCLES[cycle])
    pairs: np.ndarray = np.nan_to_num(np.column_stack((np.sin(angle), np.cos(angle))))
    return pairs


def _seconds_of_text(text: str) -> float:
    """Return the seconds since 1970 of an ISO 8601 text; ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
