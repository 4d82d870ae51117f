"""Lists, object arrays and masked arrays as arrays of numbers."""

from __future__ import annotations

import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.errors import CellTypeError, DataError
from epochal.tables.conversion import converting, number_of, shown, shown_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_EXPECTED = "numbers (a data frame may have texts, categories and dates too)"


@contextmanager
def masked_as_nan() -> Iterator[None]:
    """Return a context in which NumPy takes `numpy.ma.masked` for NaN without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*converting a masked element", UserWarning)
        yield


def unmasked(values: Any) -> Any:
    """Return a masked array with NaN, NaT or None for masked values; anything else unchanged.

    >>> print(unmasked(np.ma.array([1, 2], mask=[False, True])))
    [ 1. nan]
    """
    if not isinstance(values, np.ma.MaskedArray):
        return values
    mask = np.ma.getmaskarray(values)
    if not mask.any():
        return values.data
    plain: np.ndarray = values.data.astype(float if values.dtype.kind in "biu" else values.dtype)
    if plain.dtype.kind == "f":
        plain[mask] = np.nan
    elif plain.dtype.kind in "mM":
        plain[mask] = "NaT"
    else:
        plain = plain.astype(object)
        plain[mask] = None
    return plain


def as_array(rows: Any, row_shape: Sequence[int] = ()) -> Any:
    """Return lists, masked arrays and arrays of objects or texts as arrays of numbers; others unchanged.

    An empty list becomes an array without rows of shape `row_shape`, if that is known.

    >>> as_array([[1, None], [2.5, True]])
    array([[1. , nan],
           [2.5, 1. ]])
    """
    if isinstance(rows, (list, tuple)):
        if not len(rows) and row_shape:
            return np.empty((0, *row_shape))
        rows = _stacked(rows)
    rows = unmasked(rows)
    if isinstance(rows, np.ndarray) and rows.dtype.kind in "OUST":
        return _numbers(rows.astype(object, copy=False))
    return rows


def _stacked(rows: Any) -> np.ndarray:
    """Return a list as an array, of objects unless all values are numbers."""
    with converting("X", "rows of one length, of numbers"), masked_as_nan():
        plain = np.asarray(rows)
        # In a mixture with texts, NumPy turns numbers into texts.
        return np.array(rows, dtype=object) if plain.dtype.kind in "USO" else plain


def _numbers(rows: np.ndarray) -> np.ndarray:
    """Return an array of objects as float64; the error for one that is no number names row and column."""
    with suppress(Exception), masked_as_nan():
        return rows.astype(np.float64)
    # One by one, since NumPy does not convert pandas.NA, and the error names a position.
    result = np.empty(rows.shape)
    for index, value in np.ndenumerate(rows):
        try:
            result[index] = number_of(value)
        except Exception as error:
            raise _no_number(value, index, error) from error
    return result


def _no_number(value: Any, index: Any, error: Exception) -> DataError:
    """Return the error for a value that is no number, with Python's message for a TypeError."""
    row, *column = index
    where = f"row {row}" + (f", column {', '.join(map(str, column))}" if column else "")
    problem = f"X holds {shown_value(value)} in {where} (the first is 0)"
    hint = "give a data frame, or encode texts as numbers"
    if isinstance(error, TypeError):
        return CellTypeError(f"{problem}: {shown(error)}", _EXPECTED, hint)
    return DataError(problem, _EXPECTED, hint)
