"""Data frames of any library as Arrow tables, and their columns by name.

Other objects (arrays, lists, sparse matrices) pass through unchanged; the classifier checks them by
scikit-learn's rules. The index of a frame is never a column.
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
    """Return a lazy frame collected, a record batch as a table, and other objects unchanged."""
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
    """Return a frame of the same library without rows and without the columns `names`."""
    if nw.dependencies.is_pandas_dataframe(frame):
        selected = [k for k, name in enumerate(frame.columns) if str(name) not in names]
        return frame.iloc[:0, selected]
    head = nw.from_native(frame).head(0)
    return head.select([name for name in head.columns if name not in names]).to_native()


def column_of(frame: Any, name: str) -> Any:
    """Return a column of a frame in its library's type; refuse an unknown name."""
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
    """Return labels as a NumPy array, independent of their container; missing ones are None, NaN or NaT.

    As `as_values`; decimals, dates and times are converted as by `labels_of`.

    >>> as_labels([datetime.date(2024, 5, 1), None])
    array(['2024-05-01', None], dtype=object)
    """
    with converting(what):
        return named(as_values(labels, what), what)


def as_values(values: Any, what: str) -> np.ndarray:
    """Return one value for each row as a NumPy array; missing ones are None, NaN or NaT.

    Columns of pandas, polars and Arrow become arrays of integers, floats, booleans or (text) objects.
    Intervals become texts, masked values are missing. Mixtures that NumPy would change (of texts, of
    long integers, of booleans with other values) stay objects. Frames become two-dimensional; other
    objects are converted by `numpy.asarray`. `what` describes the values in messages.

    >>> as_values(pa.chunked_array([["yes", None]]), "groups")
    array(['yes', None], dtype=object)
    """
    with converting(what):
        return _without_intervals(_labels(values, what))


def _labels(labels: Any, what: str) -> np.ndarray:
    """Return labels of any library as a NumPy array."""
    if isinstance(labels, (pa.Array, pa.ChunkedArray)):
        return labels_of(labels, what)
    if is_frame(labels):
        columns = [labels_of(column, what) for column in as_rows(labels).columns]
        return np.column_stack(columns) if columns else np.empty((0, 0))
    if type(getattr(labels, "dtype", None)).__module__.startswith("pandas"):
        # A series, an index, or an array of an extension type of pandas.
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
    """Return a list of labels as `numpy.asarray` does, or as objects if NumPy would change some."""
    with masked_as_nan():
        plain = np.asarray(labels)
    texts = plain.dtype.kind == "U" and all(isinstance(label, str) for label in labels)
    # In mixtures NumPy turns all values into texts, long integers into floats, and True into 1.
    is_mixed = plain.dtype.kind != "b" and not {bool, np.bool_}.isdisjoint(map(type, labels))
    small = plain.dtype.kind not in "US" and not is_mixed and all(map(_is_small, labels))
    if plain.ndim != 1 or texts or small:
        return plain
    objects = np.empty(len(labels), dtype=object)
    objects[:] = labels
    return objects


def _is_small(label: Any) -> bool:
    """Return whether NumPy keeps a label exact among floats: it is no long integer."""
    return not isinstance(label, int) or abs(label) <= 2**53


def _without_intervals(labels: np.ndarray) -> np.ndarray:
    """Return labels with intervals of pandas, such as those of `pandas.cut`, as texts."""
    if labels.dtype != object or labels.ndim != 1:
        return labels
    intervals = {kind for kind in set(map(type, labels)) if kind.__name__ == "Interval"}
    if not intervals:
        return labels
    texts = [str(label) if type(label) in intervals else label for label in labels]
    return np.array([*texts, None], dtype=object)[:-1]


def _labels_from_pandas(series: Any) -> np.ndarray:
    """Return the values of a pandas column with a NumPy type; objects are unchanged."""
    values: np.ndarray = series.to_numpy()
    if values.dtype == object:
        values = values.copy()
        values[series.isna().to_numpy()] = None
    return values


def _from_pandas(frame: Any) -> pa.Table:
    """Return the columns of a pandas frame, converted one by one."""
    names = [str(name) for name in frame.columns]
    refuse_duplicates(names, FRAME)
    columns = [
        # `items` checks no index, of which `iloc` takes longer than the conversion of a few rows.
        pandas_column(column, f"column {shown(repr(name))} of {FRAME}")
        for name, (_, column) in zip(names, frame.items(), strict=True)
    ]
    if not columns:
        # This keeps the number of rows of a table without columns.
        return pa.table({"": pa.nulls(len(frame))}).select([])
    refuse_unwritable(names, f"the name of column {{}} of {FRAME}")
    return pa.table(columns, names=names)


def pandas_column(series: Any, where: str) -> pa.ChunkedArray:
    """Return one pandas column; values that do not fit one Arrow type become text."""
    with converting(where):
        dtype = type(series.dtype).__name__
        if dtype == "SparseDtype":
            series = series.sparse.to_dense()
        elif dtype == "PeriodDtype":
            series = series.dt.start_time
        elif dtype == "IntervalDtype" or (
            dtype == "CategoricalDtype" and _has_mixed_categories(series)
        ):
            return chunked(_as_text(series.astype(object), where))
        try:
            column = pa.array(series, from_pandas=True)
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            column = _as_text(series, where)
        return chunked(column)


def chunked(column: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as a chunked array."""
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])


def _has_mixed_categories(series: Any) -> bool:
    """Return whether the categories are neither text, numbers nor booleans of one type."""
    categories = series.cat.categories
    if categories.dtype == object:
        return len({type(value) for value in categories}) > 1
    return type(categories.dtype).__name__ == "IntervalDtype"


def _as_text(series: Any, where: str) -> pa.Array:
    """Return mixed values as text, or as float64 if all are numbers; nulls stay."""
    objects = [
        None if gap else value for value, gap in zip(series.tolist(), series.isna(), strict=True)
    ]
    values = [value for value in objects if value is not None]
    if all(_is_plain_number(value) for value in values):
        with converting(where, "numbers of float64", values=objects, convert=number_of):
            return pa.array([number_of(value) for value in objects], pa.float64(), from_pandas=True)
    for row, value in enumerate(objects):
        if value is not None and not _is_writable(value):
            message = f"row {row} of {where} is of type {type(value).__name__!r}"
            raise DataError(message, EXPECTED, HINT)
    texts = [None if value is None else str(value) for value in objects]
    with converting(where, "text that UTF-8 can write", values=texts, convert=pa.scalar):
        return pa.array(texts, pa.string())


def _is_plain_number(value: object) -> bool:
    """Return whether the value is a real number and no boolean."""
    return isinstance(value, (numbers.Real, decimal.Decimal)) and not isinstance(value, bool)


def _is_writable(value: object) -> bool:
    """Return whether the text of a value represents it exactly and reproducibly."""
    return isinstance(value, _WRITABLE) or type(value).__name__ == "Interval"
