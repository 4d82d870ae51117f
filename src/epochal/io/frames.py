"""Data frames of any library, as Arrow tables, and some of their columns by name.

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

from epochal.errors import ColumnError, DataError
from epochal.io.objects import masked_as_nan, unmasked
from epochal.io.tables import plain, refuse_duplicates
from epochal.io.typed_labels import labels_of, named
from epochal.tables.conversion import (
    EXPECTED,
    HINT,
    converting,
    number_of,
    refuse_unwritable,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

FRAME = "the data frame"
_WRITABLE = (str, bool, np.bool_, numbers.Real, decimal.Decimal, datetime.date, datetime.time)


def is_frame(data: Any) -> bool:
    """Return whether `as_rows` would turn the object into a table.

    >>> is_frame(pa.table({"a": [1]})), is_frame([[1]])
    (True, False)
    """
    if isinstance(data, (pa.Table, pa.RecordBatch)) or nw.dependencies.is_pandas_dataframe(data):
        return True
    return isinstance(nw.from_native(data, pass_through=True), (nw.DataFrame, nw.LazyFrame))


def concrete(data: Any) -> Any:
    """Return a frame that is computed when it is needed, and a record batch, as tables; others as they are."""
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    plain_kinds = (np.ndarray, list, tuple, pa.Table)
    if isinstance(data, plain_kinds) or nw.dependencies.is_pandas_dataframe(data):
        return data
    frame = nw.from_native(data, pass_through=True)
    if not isinstance(frame, nw.LazyFrame):
        return data
    with converting(FRAME):
        return frame.collect().to_native()


def as_rows(data: Any) -> Any:
    """Return a data frame as an Arrow table of plain types; anything else unchanged.

    Column names become text; None, NaN, NaT and pandas.NA become null. Columns
    of mixed Python values become text. Duplicate names are refused.
    """
    data = concrete(data)
    if isinstance(data, pa.Table):
        return plain(data, "the table")
    if nw.dependencies.is_pandas_dataframe(data):
        return plain(_from_pandas(data), FRAME)
    frame = nw.from_native(data, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return data
    objects = [name for name, kind in frame.schema.items() if kind == nw.Object]
    if objects:
        hint = "convert the column to numbers or text, or leave it out"
        raise DataError(f"column {objects[0]!r} holds Python objects", "plain values", hint)
    columns = {}
    for name in frame.columns:
        with converting(f"column {name!r} of {FRAME}"):
            columns[name] = chunked(frame.get_column(name).to_arrow())
    return plain(pa.table(columns), FRAME) if columns else frame.to_arrow()


def head_without(frame: Any, names: Collection[str]) -> Any:
    """Return a frame without rows and without some columns, as its library has it."""
    if nw.dependencies.is_pandas_dataframe(frame):
        kept = [k for k, name in enumerate(frame.columns) if str(name) not in names]
        return frame.iloc[:0, kept]
    head = nw.from_native(frame).head(0)
    return head.select([name for name in head.columns if name not in names]).to_native()


def column_of(frame: Any, name: str) -> Any:
    """Return a column of a frame, as its library has it; refuse a name that is not there."""
    is_pandas = nw.dependencies.is_pandas_dataframe(frame)
    if is_pandas or isinstance(frame, pa.Table):
        names = [str(column) for column in (frame.columns if is_pandas else frame.column_names)]
        refuse_duplicates(names, FRAME)
        if name in names:
            place = names.index(name)
            return frame.iloc[:, place] if is_pandas else frame.column(place)
    else:
        names = list(nw.from_native(frame).columns)
        if name in names:
            return nw.from_native(frame).get_column(name).to_native()
    raise ColumnError.from_missing([name], names, FRAME)


def feature_names(rows: Any) -> list[str] | None:
    """Return the names of the columns of a table; None for arrays, which have none."""
    return list(rows.column_names) if isinstance(rows, pa.Table) else None


def as_labels(labels: Any, what: str = "the target") -> np.ndarray:
    """Return labels as a NumPy array, the same whatever holds them; missing ones stay None, NaN or NaT in it.

    As `as_values`, and decimals, dates and times become what `labels_of` makes of them.

    >>> as_labels([datetime.date(2024, 5, 1), None])
    array(['2024-05-01', None], dtype=object)
    """
    with converting(what):
        return named(as_values(labels, what), what)


def as_values(values: Any, what: str) -> np.ndarray:
    """Return one value for each row as a NumPy array; missing ones stay None, NaN or NaT in it.

    Columns of pandas, polars and Arrow become arrays of integers, floats,
    booleans or (text) objects; intervals become texts, and what is masked is missing. Texts
    beside other values, and integers and booleans that NumPy would change beside others, stay
    objects. Frames give two dimensions; the rest is `numpy.asarray`. `what` they are stands in
    messages.

    >>> as_values(pa.chunked_array([["yes", None]]), "groups")
    array(['yes', None], dtype=object)
    """
    with converting(what):
        return _without_intervals(_labels(values, what))


def _labels(labels: Any, what: str) -> np.ndarray:
    """Return labels as a NumPy array, of whatever library they are."""
    if isinstance(labels, (pa.Array, pa.ChunkedArray)):
        return labels_of(labels, what)
    if is_frame(labels):
        columns = [labels_of(column, what) for column in as_rows(labels).columns]
        return np.column_stack(columns) if columns else np.empty((0, 0))
    if type(getattr(labels, "dtype", None)).__module__.startswith("pandas"):
        # A column, an index, or an array of a type of pandas' own.
        pandas = nw.dependencies.get_pandas()
        return labels_of(pandas_column(pandas.Series(labels), what), what)
    if nw.dependencies.is_pandas_series(labels):
        return _labels_from_pandas(labels)
    series = nw.from_native(labels, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        return labels_of(series.to_arrow(), what)
    if hasattr(labels, "toarray"):
        hint = "give the labels as a one-dimensional array"
        raise DataError(f"{what} is a sparse matrix", "one label per row", hint)
    labels = unmasked(labels)
    if isinstance(labels, (list, tuple)) and not any(isinstance(x, (list, tuple)) for x in labels):
        return _labels_from_list(labels)
    return np.asarray(labels)


def _labels_from_list(labels: Sequence[Any]) -> np.ndarray:
    """Return a list of labels as NumPy holds it, or as objects if NumPy would change some."""
    with masked_as_nan():
        plain = np.asarray(labels)
    texts = plain.dtype.kind == "U" and all(isinstance(label, str) for label in labels)
    # NumPy makes texts of what stands beside texts, fractions of long integers, and 1 of True.
    is_mixed = plain.dtype.kind != "b" and not {bool, np.bool_}.isdisjoint(map(type, labels))
    small = plain.dtype.kind not in "US" and not is_mixed and all(map(_is_small, labels))
    if plain.ndim != 1 or texts or small:
        return plain
    objects = np.empty(len(labels), dtype=object)
    objects[:] = labels
    return objects


def _is_small(label: Any) -> bool:
    """Return whether a label is one that NumPy holds as it is beside others: no long integer."""
    return not isinstance(label, int) or abs(label) <= 2**53


def _without_intervals(labels: np.ndarray) -> np.ndarray:
    """Return labels with intervals of pandas, as of `pandas.cut`, as their texts."""
    if labels.dtype != object or labels.ndim != 1:
        return labels
    intervals = {kind for kind in set(map(type, labels)) if kind.__name__ == "Interval"}
    if not intervals:
        return labels
    texts = [str(label) if type(label) in intervals else label for label in labels]
    return np.array([*texts, None], dtype=object)[:-1]


def _labels_from_pandas(series: Any) -> np.ndarray:
    """Return the values of a pandas column of a type of NumPy; objects stay the objects they are."""
    values: np.ndarray = series.to_numpy()
    if values.dtype == object:
        values = values.copy()
        values[series.isna().to_numpy()] = None
    return values


def _from_pandas(frame: Any) -> pa.Table:
    """Return the columns of a pandas frame, each converted by itself."""
    names = [str(name) for name in frame.columns]
    refuse_duplicates(names, FRAME)
    columns = [
        pandas_column(frame.iloc[:, position], f"column {shown(repr(name))} of {FRAME}")
        for position, name in enumerate(names)
    ]
    if not columns:
        # A table without columns has no other way to say how many rows it has.
        return pa.table({"": pa.nulls(len(frame))}).select([])
    refuse_unwritable(names, f"the name of column {{}} of {FRAME}")
    return pa.table(columns, names=names)


def pandas_column(series: Any, where: str) -> pa.ChunkedArray:
    """Return one pandas column; what Arrow cannot hold as one type becomes text."""
    with converting(where):
        dtype = type(series.dtype).__name__
        if dtype == "SparseDtype":
            series = series.sparse.to_dense()
        elif dtype == "PeriodDtype":
            series = series.dt.start_time
        elif dtype == "IntervalDtype" or (dtype == "CategoricalDtype" and _is_odd(series)):
            return chunked(_as_text(series.astype(object), where))
        try:
            column = pa.array(series, from_pandas=True)
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            column = _as_text(series, where)
        return chunked(column)


def chunked(column: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as one of chunks."""
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
        with converting(where, "numbers of float64", values=kept, convert=number_of):
            return pa.array([number_of(value) for value in kept], pa.float64(), from_pandas=True)
    for row, value in enumerate(kept):
        if value is not None and not _is_writable(value):
            message = f"row {row} of {where} is of type {type(value).__name__!r}"
            raise DataError(message, EXPECTED, HINT)
    texts = [None if value is None else str(value) for value in kept]
    with converting(where, "text that UTF-8 can write", values=texts, convert=pa.scalar):
        return pa.array(texts, pa.string())


def _is_plain_number(value: object) -> bool:
    """Return whether the value is a real number and no boolean."""
    return isinstance(value, (numbers.Real, decimal.Decimal)) and not isinstance(value, bool)


def _is_writable(value: object) -> bool:
    """Return whether the value says the same, always, when written as text."""
    return isinstance(value, _WRITABLE) or type(value).__name__ == "Interval"
