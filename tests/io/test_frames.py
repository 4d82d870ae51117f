"""Data frames of every library, with everything people keep in them."""

from __future__ import annotations

import datetime
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from epochal.errors import DataError
from epochal.io.frames import as_labels, as_rows, as_values, feature_names, is_frame

_OBJECT = "object"


@pytest.mark.parametrize(
    ("series", "kind", "values"),
    [
        (pd.Series(["a", None, np.nan, "b"]), pa.string(), ["a", None, None, "b"]),
        (pd.Series(["a", None, 1.5], dtype=_OBJECT), pa.string(), ["a", None, "1.5"]),
        (pd.Series([True, "x", np.nan], dtype=_OBJECT), pa.string(), ["True", "x", None]),
        (pd.Series([True, 1, None], dtype=_OBJECT), pa.string(), ["True", "1", None]),
        (pd.Series([1, 2.5, None], dtype=_OBJECT), pa.float64(), [1.0, 2.5, None]),
        (pd.Series([2**70, 1], dtype=_OBJECT), pa.float64(), [float(2**70), 1.0]),
        (pd.Series([pd.NA, "a"], dtype=_OBJECT), pa.string(), [None, "a"]),
        (pd.Series([True, None], dtype=_OBJECT), pa.bool_(), [True, None]),
        (pd.Series([1, None], dtype="Int64"), pa.int64(), [1, None]),
        (pd.Series([True, None], dtype="boolean"), pa.bool_(), [True, None]),
        (pd.Series([1.0, np.nan]), pa.float64(), [1.0, None]),
        (pd.Series([1, None], dtype="int64[pyarrow]"), pa.int64(), [1, None]),
        (pd.Series([1.5, np.nan], dtype="float16"), pa.float32(), [1.5, None]),
        (
            pd.Series([Decimal("1.5"), None], dtype=_OBJECT),
            pa.decimal128(2, 1),
            [Decimal("1.5"), None],
        ),
        (pd.Series([Decimal("1.5"), "x"], dtype=_OBJECT), pa.string(), ["1.5", "x"]),
        (pd.Series(pd.arrays.SparseArray([0.0, 1.0])), pa.float64(), [0.0, 1.0]),
        (pd.Series([None, np.nan], dtype=_OBJECT), pa.null(), [None, None]),
        (pd.Series([[1], [2]]), pa.list_(pa.int64()), [[1], [2]]),
        (
            pd.Series([datetime.date(2020, 1, 1), None], dtype=_OBJECT),
            pa.date32(),
            [datetime.date(2020, 1, 1), None],
        ),
        (pd.Series(pd.interval_range(0, 2)), pa.string(), ["(0, 1]", "(1, 2]"]),
        (pd.cut(pd.Series([1, 9]), [0, 5, 10]), pa.string(), ["(0, 5]", "(5, 10]"]),
        (
            pd.Series([1, "x", None], dtype=_OBJECT).astype("category"),
            pa.string(),
            ["1", "x", None],
        ),
    ],
)
def test_pandas_columns(series, kind, values):
    """Columns of pandas get one plain type, mixed ones become text, gaps become null."""
    column = as_rows(pd.DataFrame({"c": series})).column("c")
    assert (column.type, column.to_pylist()) == (kind, values)


@pytest.mark.parametrize("values", [["a", None, "b"], [3, None, 4], [True, None, False]])
def test_pandas_categories_stay_categories(values):
    """Categories, of numbers too, stay a dictionary, so that they are not taken for numbers."""
    column = as_rows(pd.DataFrame({"c": pd.Series(values, dtype="category")})).column("c")
    assert pa.types.is_dictionary(column.type)
    assert column.to_pylist() == values


def test_pandas_dates_periods_and_zones():
    """Timestamps keep their moment and zone; periods are their first moment."""
    frame = pd.DataFrame(
        {
            "naive": pd.to_datetime(["2020-01-01", None]),
            "zone": pd.date_range("2020", periods=2, tz="Europe/Berlin"),
            "period": pd.period_range("2020-01", periods=2, freq="M"),
        }
    )
    table = as_rows(frame)
    assert all(pa.types.is_timestamp(field.type) for field in table.schema)
    assert table.column("naive").null_count == 1
    assert table.schema.field("zone").type.tz == "Europe/Berlin"
    assert table.column("period").to_pylist()[1] == datetime.datetime(2020, 2, 1)  # noqa: DTZ001


@pytest.mark.parametrize("value", [object(), 1j, {1, 2}])
def test_objects_are_refused_by_row_and_column(value):
    """What cannot be written as text in one way only is refused, with row and column."""
    frame = pd.DataFrame({"c": pd.Series(["a", value], dtype=_OBJECT)})
    with pytest.raises(DataError, match="row 1 of column 'c' of the data frame is of type"):
        as_rows(frame)


def test_complex_columns_are_refused():
    """Complex numbers are no numbers to learn from."""
    with pytest.raises(DataError, match="column 'c' of the data frame is of type 'complex'"):
        as_rows(pd.DataFrame({"c": [1j, 2j]}))


def test_names_become_text():
    """Numbers and tuples as names become text; the index is no column."""
    frame = pd.DataFrame({0: [1], ("a", 1): [2]}, index=[7])
    assert feature_names(as_rows(frame)) == ["0", "('a', 1)"]


@pytest.mark.parametrize("names", [["a", "a"], [1, "1"]])
def test_duplicate_names_are_refused(names):
    """Names that are the same, or become so as text, are refused."""
    with pytest.raises(DataError, match="2 columns named"):
        as_rows(pd.DataFrame([[1, 2]], columns=names))


def test_polars_frames():
    """A polars frame, lazy or not, gives the values it shows; NaN becomes null."""
    frame = pl.DataFrame(
        {
            "s": ["x", None],
            "c": pl.Series(["a", "b"], dtype=pl.Categorical),
            "e": pl.Series(["b", "a"], dtype=pl.Enum(["a", "b"])),
            "f": [1.0, float("nan")],
            "d": pl.Series([Decimal("1.5"), None]),
            "b": [True, None],
        }
    )
    for given in (frame, frame.lazy()):
        table = as_rows(given)
        assert table.to_pydict() == {
            "s": ["x", None],
            "c": ["a", "b"],
            "e": ["b", "a"],
            "f": [1.0, None],
            "d": [1.5, None],
            "b": [True, None],
        }
        assert pa.types.is_dictionary(table.schema.field("e").type)


def test_polars_objects_are_refused():
    """Columns of Python objects are refused with a hint."""
    frame = pl.DataFrame({"o": pl.Series([{1}, {2}], dtype=pl.Object)})
    with pytest.raises(DataError, match="column 'o' holds Python objects"):
        as_rows(frame)


def test_arrow_tables_and_batches():
    """Arrow tables and record batches pass, in plain types."""
    table = pa.table({"a": pa.array(["x"], pa.large_string())})
    for given in (table, table.to_batches()[0]):
        assert as_rows(given).schema == pa.schema([("a", pa.string())])


def test_frames_without_rows_or_columns():
    """Empty frames give empty tables with the same number of rows and columns."""
    assert as_rows(pd.DataFrame({"a": []})).shape == (0, 1)
    assert as_rows(pd.DataFrame(index=range(3))).shape == (3, 0)
    assert as_rows(pl.DataFrame()).shape == (0, 0)


def test_the_rest_passes_unchanged():
    """Arrays, lists, sparse matrices, columns and nothing at all are returned as they are."""
    from scipy import sparse

    for given in ([[1, 2]], np.zeros((2, 2)), sparse.eye_array(2).tocsr(), pd.Series([1]), None, 3):
        assert not is_frame(given)
        assert as_rows(given) is given
        assert feature_names(given) is None


@pytest.mark.parametrize("frame", [pd.DataFrame({"a": [1]}), pl.LazyFrame({"a": [1]})])
def test_frames_are_known(frame):
    """Frames of any library are known as frames."""
    assert is_frame(frame)


@pytest.mark.parametrize(
    ("labels", "kind", "values"),
    [
        (["a", "b"], "U", ["a", "b"]),
        (np.array([1, 2]), "i", [1, 2]),
        (pd.Series([1, 2], dtype="int32"), "i", [1, 2]),
        (pd.Series(["a", None]), "O", ["a", None]),
        (pd.Series(["a", pd.NA], dtype=_OBJECT), "O", ["a", None]),
        (pd.Series([3, 4], dtype="category"), "i", [3, 4]),
        (pd.Series(["a", None], dtype="category"), "O", ["a", None]),
        (pd.Series([1, None], dtype="Int64"), "O", [1, None]),
        (pd.Series([True, False], dtype="boolean"), "b", [True, False]),
        (pl.Series([1, None]), "O", [1, None]),
        (pl.Series(["a", "b"], dtype=pl.Categorical), "O", ["a", "b"]),
        (pa.array([True, None]), "O", [True, None]),
        (pa.chunked_array([["a"], [None]]), "O", ["a", None]),
        (pa.array([1.5, 2.5]), "f", [1.5, 2.5]),
        (pd.DataFrame({"y": [1, 2]}), "i", [[1], [2]]),
        (pl.DataFrame({"y": ["a"], "z": ["b"]}), "O", [["a", "b"]]),
    ],
)
def test_labels(labels, kind, values):
    """Labels of every library become NumPy values of their own type, gaps become None."""
    found = as_labels(labels)
    assert found.dtype.kind == kind
    assert found.tolist() == values


DAYS = [datetime.date(2024, 5, 1), None, datetime.date(2024, 5, 2)]
DECIMALS = [Decimal("1.50"), None, Decimal("2.25")]
LONG = [Decimal(10**19), None, Decimal(10**19 + 1)]
TYPED = {
    "days": (DAYS, ["2024-05-01", None, "2024-05-02"]),
    "decimals": (DECIMALS, ["1.50", None, "2.25"]),
    "long decimals": (LONG, [10**19, None, 10**19 + 1]),
    "times": ([datetime.time(1, 30), None], ["01:30:00", None]),
    "moments": (
        [datetime.datetime.fromisoformat("2024-05-01 12:30"), None],
        ["2024-05-01 12:30:00", None],
    ),
}


@pytest.mark.parametrize("name", TYPED)
def test_typed_labels_are_the_same_in_every_holder(name):
    """Lists, arrays and columns of decimals, dates and times give the labels that Arrow's give."""
    values, expected = TYPED[name]
    holders = [
        values,
        tuple(values),
        np.array(values, dtype=object),
        pd.Series(values),
        pd.Series(values, dtype=_OBJECT),
        pl.Series(values),
        pa.array(values),
        pa.chunked_array([pa.array(values).dictionary_encode()]),
    ]
    for holder in holders:
        assert as_labels(holder).tolist() == expected


@pytest.mark.parametrize("unit", ["Y", "M", "h", "m", "s", "ms", "us", "ns"])
def test_dates_of_numpy_are_labels_in_any_unit(unit):
    """Also in units that Arrow does not have."""
    labels = np.array(["2024-01-01", "NaT"], f"M8[{unit}]")

    assert as_labels(labels).tolist() == ["2024-01-01", None]
    assert as_values(labels, "times").dtype == labels.dtype


@pytest.mark.parametrize("labels", [[True, 2], [2.0, np.True_], [1, False, 2**70]])
def test_booleans_beside_numbers_stay_booleans(labels):
    """Booleans among numbers keep their type, whereas NumPy would turn True into 1."""
    assert list(map(type, as_labels(labels))) == list(map(type, labels))


def test_masked_constants_among_labels_are_missing():
    """Without a warning of NumPy."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(as_labels([1, np.ma.masked])[1])


def test_missing_float_labels_stay_nan():
    """Gaps in floating-point labels are NaN."""
    assert np.isnan(as_labels(pa.array([1.0, None]))).tolist() == [False, True]


def test_labels_of_pandas_are_not_changed():
    """Taking out pandas.NA leaves the user's own column as it was."""
    series = pd.Series(["a", pd.NA], dtype=_OBJECT)
    as_labels(series)
    assert series[1] is pd.NA


def test_sparse_labels_are_refused():
    """A sparse matrix is no column of labels."""
    from scipy import sparse

    with pytest.raises(DataError, match="the target is a sparse matrix"):
        as_labels(sparse.eye_array(2).tocsr())
