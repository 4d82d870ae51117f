"""Canonical texts: one spelling for each number, boolean and date, whatever type holds it.

A CSV file spells five as "5" or "5.0". Parquet stores it as int64, double or decimal. One program
writes "True", another writes "true". Categories, and labels of two files, are compared by their
canonical texts, so the storage type of a value does not matter.

Leading zeros are significant: "007" is a name and no number. So is "+5".
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.tables.numeric import GROUPED, TICKS, is_text

if TYPE_CHECKING:
    from collections.abc import Callable

# Without leading zeros; an exponent only as programs write it, since 7e12 may be a code.
_NUMBER = (
    r"-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)"
    r"|-?\d(?:\.\d+)?[eE][+-]\d{1,4}|-?\d\.\d+[eE]\d{1,4}"
    rf"|{GROUPED.removeprefix('^').removesuffix('$')}"
)
_BOOLEAN = "[tT]rue|TRUE|[fF]alse|FALSE"
_CLOCK = r"\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
_DATE = rf"\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]{_CLOCK}(?:Z|[+-]\d{{2}}:?\d{{2}})?)?"
_SPELLED = re.compile(rf"(?P<boolean>{_BOOLEAN})|(?P<date>{_DATE})|(?P<number>{_NUMBER})")
# The same for Arrow, which knows no such groups.
_CANDIDATE = rf"^(?:{_BOOLEAN}|{_DATE}|{_NUMBER})$"
_PARTS = re.compile(r"([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?")
# Numbers with more digits before the point are written with an exponent.
_WRITTEN_OUT = 40


def canonical(value: object) -> str:
    """Return the canonical text of one value that is not missing.

    >>> [canonical(value) for value in (5, 5.0, "5.0", "1.50", np.float32(0.1), True, "TRUE")]
    ['5', '5', '5', '1.5', '0.1', 'true', 'true']
    >>> [canonical(text) for text in ("007", "clerk", "2024-05-01T00:00:00", "1e+16", "1,000")]
    ['007', 'clerk', '2024-05-01', '10000000000000000', '1000']
    """
    if isinstance(value, str):
        return _of_text(str(value))
    if isinstance(value, (bool, np.bool_)):
        return str(value).lower()
    if isinstance(value, Integral):
        return number_text(str(int(value)))
    if isinstance(value, (float, np.floating)):
        return number_text(str(value)) if math.isfinite(value) else str(float(value))
    if isinstance(value, decimal.Decimal):
        return number_text(str(value))
    if isinstance(value, (datetime.datetime, datetime.date)):
        return _of_text(value.isoformat())
    return str(value)


def canonical_texts(values: pa.Array) -> pa.Array:
    """Return the canonical texts of Arrow values, null where they are null or NaN.

    Meant for the unique values of a column: values that are not texts are converted one by one.

    >>> canonical_texts(pa.array([1.0, None, 0.5])).to_pylist()
    ['1', None, '0.5']
    """
    kind, types = values.type, pa.types
    if is_text(kind):
        return _of_texts(values)
    if types.is_null(kind):
        return pa.nulls(len(values), pa.string())
    if types.is_date(kind) or types.is_timestamp(kind):
        return _of_dates(values)
    if types.is_floating(kind):
        plain = values.cast(pa.float32()) if types.is_float16(kind) else values
        # NumPy scalars print at their own precision: 0.1 in 32 bits is "0.1".
        numbers = plain.fill_null(math.nan).to_numpy(zero_copy_only=False)
        gaps = np.isnan(numbers).tolist()
        texts = [None if gap else canonical(v) for v, gap in zip(numbers, gaps, strict=True)]
        return pa.array(texts, pa.string())
    spell: Callable[[object], str] = canonical
    if types.is_time(kind) or types.is_duration(kind):
        in_32_bits = types.is_time32(kind)
        values = values.cast(pa.int32() if in_32_bits else pa.int64())
        spell = _clock_of(TICKS[kind.unit]) if types.is_time(kind) else _seconds_of(kind.unit)
    return pa.array([None if v is None else spell(v) for v in values.to_pylist()], pa.string())


def number_text(spelling: str) -> str:
    """Return a decimal number in its shortest spelling, without rounding.

    >>> [number_text(text) for text in ("12.50", "-0.0", "1e-05", "1.5E+300", ".5")]
    ['12.5', '0', '0.00001', '15e299', '0.5']
    """
    match = _PARTS.fullmatch(spelling)
    if match is None:
        return spelling
    sign, integer, fraction, exponent = match.groups()
    exponent_of_ten = int(exponent or 0) - len(fraction)
    digits = (integer + fraction).lstrip("0")
    short = digits.rstrip("0")
    exponent_of_ten += len(digits) - len(short)
    if not short:
        return "0"
    sign = "-" if sign == "-" else ""
    if exponent_of_ten >= 0 and len(short) + exponent_of_ten <= _WRITTEN_OUT:
        return sign + short + "0" * exponent_of_ten
    if -_WRITTEN_OUT <= exponent_of_ten < 0:
        padded = short.rjust(1 - exponent_of_ten, "0")
        return f"{sign}{padded[:exponent_of_ten]}.{padded[exponent_of_ten:]}"
    return f"{sign}{short}e{exponent_of_ten}" if exponent_of_ten else sign + short


def _of_text(text: str) -> str:
    """Return a text in its canonical spelling if it spells a number, a boolean or a date."""
    match = _SPELLED.fullmatch(text)
    if match is None:
        return text
    if match["boolean"]:
        return text.lower()
    return _of_date(text) if match["date"] else number_text(text.replace(",", ""))


def _of_texts(values: pa.Array) -> pa.Array:
    """Return texts; those that spell a number, a boolean or a date are in canonical spelling."""
    spelled = pc.match_substring_regex(values, _CANDIDATE).fill_null(pa.scalar(False))  # noqa: FBT003
    if not pc.any(spelled, min_count=0).as_py():
        return values
    respelled = [_of_text(text) for text in values.filter(spelled).to_pylist()]
    return pc.replace_with_mask(values, spelled, pa.array(respelled, values.type))


def _of_date(text: str) -> str:
    """Return an ISO 8601 text in UTC, as `_spelled_out` writes it; any other text unchanged."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return text
    fraction = re.search(r"\.\d+", text)
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(datetime.UTC)
        except OverflowError:
            return text
    seconds = moment.replace(microsecond=0, tzinfo=None).isoformat(" ")
    return _spelled_out(seconds + (fraction[0] if fraction else ""))


def _of_dates(values: pa.Array) -> pa.Array:
    """Return dates and timestamps as texts; those with a zone in UTC."""
    kind = values.type
    unit, ticks = ("D", pa.int32()) if pa.types.is_date32(kind) else ("ms", pa.int64())
    if pa.types.is_timestamp(kind):
        unit = kind.unit
    # Python's dates end with the year 9999; NumPy's do not.
    numbers = values.cast(ticks).cast(pa.int64()).fill_null(0).to_numpy()
    texts = np.datetime_as_string(numbers.view(f"M8[{unit}]")).tolist()
    spelled = [_spelled_out(text.replace("T", " ")) for text in texts]
    return pc.if_else(values.is_valid(), pa.array(spelled, pa.string()), None)


def _spelled_out(moment: str) -> str:
    """Return a moment without the zeros at the end of its fraction, and without midnight.

    >>> _spelled_out("2024-05-01 12:30:00.500000"), _spelled_out("2024-05-01 00:00:00")
    ('2024-05-01 12:30:00.5', '2024-05-01')
    """
    if "." in moment:
        moment = moment.rstrip("0").rstrip(".")
    return moment.removesuffix(" 00:00:00")


def _clock_of(ticks: int) -> Callable[[object], str]:
    """Return the function that spells a time of day; its argument counts ticks, so many per second."""

    def spell(value: object) -> str:
        """Return hours, minutes and seconds."""
        seconds, rest = divmod(int(str(value)), ticks)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        return clock + (number_text(f"{rest}e-{len(str(ticks)) - 1}")[1:] if rest else "")

    return spell


def _seconds_of(unit: str) -> Callable[[object], str]:
    """Return the function that spells a duration as a number of seconds."""
    places = len(str(TICKS[unit])) - 1
    return lambda value: number_text(f"{value}e-{places}")
