"""Conversion of user objects to Arrow columns and NumPy arrays: failures become a `DataError`.

The error names the object, and the row if a single value fails.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.errors import DataError, EpochalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

EXPECTED = "numbers, texts, dates, or true and false"
HINT = "convert it to numbers or text, or leave it out"
# Characters of a library's message, and of a value, that are shown.
_LONGEST = 200


@contextmanager
def converting(
    what: str,
    expected: str = EXPECTED,
    *,
    values: Iterable[Any] = (),
    convert: Callable[[Any], Any] | None = None,
    passed: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Return a context in which exceptions of libraries become errors that name the object.

    Args:
        what: the subject of "cannot be read".
        expected: what it should be.
        values: one per row; the error names the first on which `convert` fails.
        convert: converts a single value.
        passed: types of exceptions that pass unchanged.
    """
    try:
        yield
    except (EpochalError, MemoryError, Warning):
        # A warning filter of the user may turn warnings into exceptions.
        raise
    except Exception as error:
        # Each library has its own exceptions, and new versions add some.
        if type(error) in passed:
            raise
        place = "" if convert is None else _place(values, convert)
        reason = shown(" ".join(str(error).split()) or type(error).__name__)
        raise DataError(f"{what} cannot be read{place}: {reason}", expected, HINT) from error


def shown_value(value: object) -> str:
    """Return the representation of a value for a message: ASCII, of bounded length.

    >>> shown_value("text"), shown_value(10**5000)
    ("'text'", 'one of type int')
    """
    try:
        return shown(ascii(value))
    except Exception:  # noqa: BLE001  (a whole number may be too long to be written, an object may raise anything)
        return f"one of type {type(value).__name__}"


def shown(value: object) -> str:
    """Return a value for a message: of bounded length, without characters that UTF-8 cannot write.

    >>> shown("a" * 300)[-3:], shown(chr(0xD800)) == chr(92) + "ud800"
    ('aa…', True)
    """
    text = str(value).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def is_unwritable(value: object) -> bool:
    """Return whether UTF-8 cannot write a value: half of a surrogate pair, or too many digits.

    >>> [is_unwritable(value) for value in (chr(0xD800), 10**5000, "é", 7)]
    [True, True, False, False]
    """
    try:
        str(value).encode()
    except ValueError:
        return True
    return False


def refuse_unwritable(values: Iterable[object], what: str) -> None:
    """Return nothing if all values can be written; refuse the first that cannot.

    `what` describes the value and has a field for its number from 0, as in "the name of column {}".
    """
    for number, value in enumerate(values):
        if is_unwritable(value):
            reason = (
                "holds half of a character" if isinstance(value, str) else "has too many digits"
            )
            problem = f"{what.format(number)} is {shown_value(value)}, which {reason}"
            raise DataError(problem, "text that UTF-8 can write", "mend or rename it")


def is_gap(value: object) -> bool:
    """Return whether a value is missing: None, NaN, NaT, pandas.NA or masked.

    >>> [is_gap(value) for value in (None, float("nan"), np.datetime64("NaT"), 0, "nan")]
    [True, True, True, False, False]
    """
    if value is None or value is np.ma.masked or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    kinds = (float, np.floating, np.datetime64, np.timedelta64)
    return isinstance(value, kinds) and bool(value != value)  # noqa: PLR0124  (not a number)


def number_of(value: Any) -> float:
    """Return an object as a float; NaN if it is missing.

    >>> number_of(None), number_of(True), number_of("1.5")
    (nan, 1.0, 1.5)
    """
    return math.nan if is_gap(value) else float(value)


def _place(values: Iterable[Any], convert: Callable[[Any], Any]) -> str:
    """Return the first row whose value cannot be converted, and the value, as part of a message."""
    for row, value in enumerate(values):
        try:
            convert(value)
        except Exception:  # noqa: BLE001  (only whether it fails matters)
            kind = type(value).__name__
            return f" (row {row} holds {shown_value(value)} of type {kind!r})"
    return ""
