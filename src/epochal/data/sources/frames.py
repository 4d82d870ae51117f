"""Data frames and columns of any library, as Arrow tables and NumPy labels.

What is no data frame (arrays, lists, sparse matrices) passes through as it is:
the classifier checks it by scikit-learn's rules. The index of a frame is never
a column.
"""

from __future__ import annotations

import datetime
import decimal
import numbers
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from epochal.data.sources.tables import plain, refuse_duplicates
from epochal.data.sources.typed_labels import labels_of
from epochal.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

_FRAME = "the data frame"
_WRITABLE = (str, bool, np.bool_, numbers.Real, decimal.Decimal, datetime.date, datetime.time)


def is_frame(data: Any) -> bool:
    """Return whether `as_rows` would turn the object into a table.

    >>> is_frame(pa.table({"a": [1]})), is_frame([[1]])
    (True, False)
    """
    if isinstance(data, (pa.Table, pa.RecordBatch)) or nw.dependencies.is_pandas_dataframe(data):
        return True
    return isinstance(nw.from_native(data, pass_through=True), (nw.DataFrame, nw.LazyFrame))


def as_rows(data: Any) -> Any:
    """Return a data frame as an Arrow table of plain types; anything else unchanged.

    Column names become text; None, NaN, NaT and pandas.NA become null. Columns
    of mixed Python values become text. Duplicate names are refused.
    """
    if isinstance(data, pa.Table):
        return plain(data, "the table")
    if isinstance(data, pa.RecordBatch):
        return plain(pa.Table.from_batches([data]), "the record batch")
    if nw.dependencies.is_pandas_dataframe(data):
        return plain(_from_pandas(data), _FRAME)
    frame = nw.from_native(data, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    if not isinstance(frame, nw.DataFrame):
        return data
    objects = [name for name, kind in frame.schema.items() if kind == nw.Object]
    if objects:
        hint = "convert the column to numbers or text, or leave it out"
        raise DataError(f"column {objects[0]!r} holds Python objects", "plain values", hint)
    return plain(frame.to_arrow(), _FRAME)


def feature_names(rows: Any) -> list[str] | None:
    """Return the names of the columns of a table; None for arrays, which have none."""
    return list(rows.column_names) if isinstance(rows, pa.Table) else None


def as_labels(labels: Any) -> np.ndarray:
    """Return labels as a NumPy array; missing ones stay None, NaN or NaT in it.

    Columns of pandas, polars and Arrow become arrays of integers, floats,
    booleans or (text) objects. Frames give two dimensions; lists become objects, so that
    NumPy changes none of their labels; the rest is `numpy.asarray`.

    >>> as_labels(pa.chunked_array([["yes", None]]))
    array(['yes', None], dtype=object)
    """
    if isinstance(labels, (pa.Array, pa.ChunkedArray)):
        return labels_of(labels)
    if is_frame(labels):
        columns = [labels_of(column) for column in as_rows(labels).columns]
        return np.column_stack(columns) if columns else np.empty((0, 0))
    if nw.dependencies.is_pandas_series(labels):
        return _labels_from_pandas(labels)
    series = nw.from_native(labels, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        return labels_of(series.to_arrow())
    if hasattr(labels, "toarray"):
        hint = "give the labels as a one-dimensional array"
        raise DataError("the target is a sparse matrix", "one label per row", hint)
    if isinstance(labels, (list, tuple)) and not any(isinstance(x, (list, tuple)) for x in labels):
        return _labels_from_list(labels)
    return np.asarray(labels)


def _labels_from_list(labels: Sequence[Any]) -> np.ndarray:
    """Return a list of labels as NumPy holds it, or as objects if NumPy would change some."""
    plain = np.asarray(labels)
    texts = plain.dtype.kind == "U" and all(isinstance(label, str) for label in labels)
    if plain.ndim != 1 or texts or (plain.dtype.kind in "biuf" and all(map(_is_small, labels))):
        return plain
    objects = np.empty(len(labels), dtype=object)
    objects[:] = labels
    return objects


def _is_small(label: Any) -> bool:
    """Return whether a label is one that NumPy holds as it is beside others: no long integer."""
    return not isinstance(label, int) or abs(label) <= 2**53


def _labels_from_pandas(series: Any) -> np.ndarray:
    """Return the values of a pandas column; objects stay the objects they are."""
    if not isinstance(series.dtype, np.dtype):
        return labels_of(_pandas_column(series, "the target"))
    values: np.ndarray = series.to_numpy()
    if values.dtype == object:
        values = values.copy()
        values[series.isna().to_numpy()] = None
    return values


def _from_pandas(frame: Any) -> pa.Table:
    """Return the columns of a pandas frame, each converted by itself."""
    names = [str(name) for name in frame.columns]
    refuse_duplicates(names, _FRAME)
    columns = [
        _pandas_column(frame.iloc[:, position], f"column {name!r}")
        for position, name in enumerate(names)
    ]
    if not columns:
        # A table without columns has no other way to say how many rows it has.
        return pa.table({"": pa.nulls(len(frame))}).select([])
    return pa.table(columns, names=names)


def _pandas_column(series: Any, where: str) -> pa.ChunkedArray:
    """Return one pandas column; what Arrow cannot hold as one type becomes text."""
    dtype = type(series.dtype).__name__
    if dtype == "SparseDtype":
        series = series.sparse.to_dense()
    elif dtype == "PeriodDtype":
        series = series.dt.start_time
    elif dtype == "IntervalDtype" or (dtype == "CategoricalDtype" and _is_odd(series)):
        return pa.chunked_array([_as_text(series.astype(object), where)])
    try:
        column = pa.array(series, from_pandas=True)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        column = _as_text(series, where)
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])


def _is_odd(series: Any) -> bool:
    """Return whether the categories are neither text, numbers nor booleans of one type."""
    categories = series.cat.categories
    if categories.dtype == object:
        return len({type(value) for value in categories}) > 1
    return type(categories.dtype).__name__ == "IntervalDtype"


def _as_text(series: Any, where: str) -> pa.Array:
    """Return mixed values as text, or as float64 if all are numbers; nulls stay."""
    kept = [
        None if gap else value for value, gap in zip(series.tolist(), series.isna(), strict=True)
    ]
    values = [value for value in kept if value is not None]
    if all(_is_plain_number(value) for value in values):
        return pa.array([None if value is None else float(value) for value in kept], pa.float64())
    for row, value in enumerate(kept):
        if value is not None and not _is_writable(value):
            message = f"row {row + 1} of {where} is of type {type(value).__name__!r}"
            hint = "convert the column to numbers or text, or leave it out"
            raise DataError(message, "numbers, text, booleans or dates", hint)
    return pa.array([None if value is None else str(value) for value in kept], pa.string())


def _is_plain_number(value: object) -> bool:
    """Return whether the value is a real number and no boolean."""
    return isinstance(value, (numbers.Real, decimal.Decimal)) and not isinstance(value, bool)


def _is_writable(value: object) -> bool:
    """Return whether the value says the same, always, when written as text."""
    return isinstance(value, _WRITABLE) or type(value).__name__ == "Interval"
