"""Numbers and booleans from Arrow columns of any type, as float64.

NaN is a missing value. The error for a value that cannot be read names the column, the row and
the value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.config.csv_options import PLAIN
from epochal.errors import CellError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_BOOLEANS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
# A number with commas between its thousands; not 0,637, which is a decimal comma.
GROUPED = r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$"
_HEXADECIMAL = r"0[xX][0-9a-fA-F]{1,16}"
# Ticks per second of the units that Arrow counts times in.
TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class Place(NamedTuple):
    """The position of values: the column's name, and the number of its first row (counted from 0).

    `words` are the texts that mean a missing value in a column of numbers, booleans or dates;
    `why` says in messages why these are expected.
    """

    name: str
    first_row: int = 0
    words: Sequence[str] = PLAIN.words
    why: str = ", as in training"


def numbers(column: pa.ChunkedArray, place: Place) -> np.ndarray:
    """Return a column as float64 numbers: booleans as 0 and 1, durations in seconds.

    >>> print(numbers(pa.chunked_array([["1.5", "NA", " -2"]]), Place("height")))
    [ 1.5  nan -2. ]
    """
    column = decoded(column)
    kind = column.type
    if is_text(kind):
        return _parsed(column, place)
    if pa.types.is_duration(kind) or pa.types.is_time(kind):
        integers = column.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64())
        return floats(integers) / TICKS[kind.unit]
    if not is_number(kind) and not pa.types.is_boolean(kind) and not pa.types.is_null(kind):
        raise unreadable(column, place, "numbers")
    return floats(column)


def booleans(column: pa.ChunkedArray, place: Place) -> np.ndarray:
    """Return a column of booleans as float64 zeros and ones.

    >>> print(booleans(pa.chunked_array([["True", "false", None]]), Place("smoker")))
    [ 1.  0. nan]
    """
    column = decoded(column)
    if is_text(column.type):
        return parsed_by_text(column, lambda text: _BOOLEANS[text.lower()], place, "true or false")
    values = numbers(column, place)
    invalid = ~(np.isnan(values) | (values == 0) | (values == 1))
    if invalid.any():
        row = int(invalid.argmax())
        before = f"column {place.name!r} holds {values[row]:g} in"
        expected = f"true or false{place.why}"
        raise CellError.in_row(before, place.first_row + row, "", expected)
    return values


def is_number(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type are numbers (booleans are not)."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a dictionary-encoded column decoded, a column of string views as strings."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    return column.cast(pa.string()) if pa.types.is_string_view(kind) else column


def parsed_by_text(
    column: pa.ChunkedArray, parse: Callable[[str], float], place: Place, expected: str
) -> np.ndarray:
    """Return texts as float64; the parser is called once for each unique text.

    The parser refuses a text with ValueError or KeyError. It does not see texts that mean a
    missing value, nor spaces around a text.
    """
    encoded = pc.utf8_trim_whitespace(column).dictionary_encode().combine_chunks()
    texts = encoded.dictionary.to_pylist()
    values = np.full(len(texts) + 1, np.nan)
    for index, text in enumerate(texts):
        if text is None or text in place.words:
            continue
        try:
            values[index] = parse(text)
        except (ValueError, KeyError):
            row = first_row_of(pc.equal(encoded.indices, index), place)
            before = f"column {place.name!r} holds {text[:60]!r} in"
            raise CellError.in_row(before, row, "", expected + place.why) from None
    indices: np.ndarray = encoded.indices.fill_null(len(texts)).to_numpy()
    return np.take(values, indices)


def readings(column: pa.ChunkedArray, words: Sequence[str]) -> Iterator[pa.ChunkedArray]:
    """Yield the texts unchanged, then trimmed, with null for the words that mean a missing value.

    Usually the unchanged texts can be parsed, which is faster than making the second column.
    """
    yield column
    trimmed = pc.utf8_trim_whitespace(column)
    is_null = pc.is_in(trimmed, value_set=pa.array(words, column.type))
    yield pc.if_else(is_null, pa.scalar(None, column.type), trimmed)


def without_words(values: np.ndarray, place: Place, parse: Callable[[str], float]) -> np.ndarray:
    """Return values parsed from texts, with NaN for the numbers that mean a missing value.

    >>> print(without_words(np.array([-999.0, 1.5]), Place("height", 0, ("", "-999")), float))
    [nan 1.5]
    """
    missing = []
    for word in place.words:
        try:
            missing.append(parse(word))
        except ValueError:
            continue
    is_missing = np.isin(values, np.array(missing)) if missing else np.zeros(0, bool)
    return np.where(is_missing, np.nan, values) if is_missing.any() else values


def first_row_of(chosen: pa.Array | pa.ChunkedArray, place: Place) -> int:
    """Return the number of the first row for which a boolean column is true."""
    return place.first_row + max(int(pc.index(chosen, True).as_py()), 0)


def unreadable(column: pa.ChunkedArray, place: Place, expected: str) -> CellError:
    """Return the error for a column of an unexpected type; it names the row of the first value."""
    row = first_row_of(pc.is_valid(column), place)
    before = f"column {place.name!r} holds {column.type} values, the first in"
    return CellError.in_row(before, row, "", expected)


def is_text(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type are texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _parsed(column: pa.ChunkedArray, place: Place) -> np.ndarray:
    """Return texts as float64 numbers; Arrow parses them, or Python where Arrow cannot."""
    for texts in readings(column, place.words):
        try:
            return without_words(floats(texts), place, number_of_text)
        except pa.ArrowInvalid:
            continue
    values = parsed_by_text(column, number_of_text, place, "a number")
    return without_words(values, place, number_of_text)


def number_of_text(text: str) -> float:
    """Return the number a text spells; its digits may be grouped by commas, not by underscores.

    >>> number_of_text("-1,234,567.5"), number_of_text("0x1F")
    (-1234567.5, 31.0)
    """
    if "_" in text:
        raise ValueError
    if re.fullmatch(_HEXADECIMAL, text):
        # As Arrow reads it: a signed integer of 64 bits.
        number = int(text, 16)
        return float(number if number < 2**63 else number - 2**64)
    return float(text.replace(",", "") if re.fullmatch(GROUPED, text) else text)


def floats(column: pa.ChunkedArray) -> np.ndarray:
    """Return an Arrow column as float64, NaN where null."""
    if pa.types.is_decimal(column.type):
        # Arrow divides by a power of ten, which changes the last bit.
        column = column.cast(pa.string())
    values: np.ndarray = column.cast(pa.float64(), safe=False).to_numpy()
    return values
