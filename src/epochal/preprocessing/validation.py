"""Validation of new rows: columns matched to the schema by name or position, values as numbers."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from epochal.errors import CellError, ColumnError, DataError
from epochal.tables.dates import seconds
from epochal.tables.numeric import Place, booleans, numbers
from epochal.tables.schema import refuse_repeated

if TYPE_CHECKING:
    from epochal.tables.rows import Rows
    from epochal.tables.schema import Schema

_READERS = {"number": numbers, "boolean": booleans, "date": seconds}


def matched(rows: Rows, schema: Schema) -> Rows:
    """Return rows with the columns of the schema, in its order.

    Tables are matched by name; columns that are not in the schema are ignored with a warning.
    Arrays, and tables for the schema of an array, are matched by position.
    """
    names = schema.names
    if isinstance(rows, pa.Table):
        if not schema.named:
            _expect_shape((rows.num_columns,), schema)
            return rows.rename_columns(names)
        present = set(rows.column_names)
        missing = [name for name in names if name not in present]
        if len(missing) == len(names) and schema.is_numbered:
            _expect_shape((rows.num_columns,), schema)
            return rows.rename_columns(names)
        if missing:
            raise ColumnError.from_missing(missing, rows.column_names, "the data")
        if rows.column_names == names:
            return rows
        refuse_repeated(rows.column_names)
        _warn_of_surplus(rows.column_names, names)
        return rows.select(names)
    _expect_shape(rows.shape[1:], schema)
    if rows.dtype.kind not in "biuf":
        expected = "numbers (a data frame may have texts, categories and dates too)"
        raise DataError(f"the array holds values of type {rows.dtype}", expected)
    if all(column.kind == "number" for column in schema.columns):
        return rows
    dense = rows if isinstance(rows, np.ndarray) else rows.toarray()
    return pa.table(dict(zip(names, (pa.array(c, from_pandas=True) for c in dense.T), strict=True)))


def is_plain(data: object, columns: int) -> bool:
    """Return whether data are an array of numbers with this many columns and need no other check.

    The checks of scikit-learn take longer than the prediction of one row.

    >>> is_plain(np.zeros((1, 3)), 3), is_plain(np.zeros((1, 3)), 4), is_plain([[0.0]], 1)
    (True, False, False)
    """
    if type(data) is not np.ndarray or data.ndim < 2 or data.dtype.kind not in "biuf":
        return False
    return len(data) > 0 and data.shape[1] == columns


def block(part: Rows, schema: Schema, first_row: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the numeric columns of matched rows, and a mask of missing values (None: no value is missing).

    The values are a new float64 array of shape (rows, numeric columns), NaN where missing. The error
    for infinity names column and row; `first_row` is the number of the first of these rows there.
    """
    numeric = [column for column in schema.columns if column.is_numeric]
    if isinstance(part, pa.Table):
        values = np.empty((part.num_rows, len(numeric)))
        for index, column in enumerate(numeric):
            place = Place(column.name, first_row, schema.words)
            values[:, index] = _READERS[column.kind](part.column(column.name), place)
    elif isinstance(part, np.ndarray):
        values = np.array(part.reshape(len(part), len(numeric)), dtype=np.float64, order="C")
    else:
        values = part.toarray().astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        # A finite sum means that all values are finite; it is faster than a test of each.
        if math.isfinite(values.sum()):
            return values, None
    refuse_infinity(np.isinf(values), values, schema, first_row)
    return values, np.isnan(values)


def refuse_infinity(
    flags: np.ndarray, values: np.ndarray, schema: Schema, first_row: int, reason: str = ""
) -> None:
    """Refuse the first flagged value of a block; the error names its column and row."""
    if not flags.any():
        return
    row, index = np.argwhere(flags)[0]
    name = [column.name for column in schema.columns if column.is_numeric][index]
    before = f"Input X contains infinity{reason}: {values[row, index]:g} in column {name!r},"
    hint = "a missing value may be NaN or None"
    raise CellError.in_row(before, first_row + row, " (the first is 0)", "finite numbers", hint)


def _warn_of_surplus(present: list[str], names: list[str]) -> None:
    """Warn of columns that are not in the schema."""
    surplus = sorted(set(present) - set(names))
    if not surplus:
        return
    shown = ", ".join(map(repr, surplus[:5]))
    others = f" and {len(surplus) - 5} more" if len(surplus) > 5 else ""
    noun = "column" if len(surplus) == 1 else "columns"
    message = f"{noun} {shown}{others} ignored: the model was trained without"
    warnings.warn(message, UserWarning, stacklevel=4)


def _expect_shape(shape: tuple[int, ...], schema: Schema) -> None:
    """Refuse rows whose shape is not that of the training rows."""
    expected = (len(schema.columns),) if schema.named else schema.shape
    if tuple(shape) == expected:
        return
    if len(shape) == len(expected) == 1:
        problem = f"X has {shape[0]} features"
        raise DataError(problem, f"{expected[0]} features as input, as in training")
    raise DataError(f"every row of X has the shape {tuple(shape)}", f"{expected}, as in training")
