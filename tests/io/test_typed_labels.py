"""Columns of labels: every type that can name a class, and none that cannot."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from epochal.errors import DataError
from epochal.io.typed_labels import labels_of, named, spelled

TWENTY = 12345678901234567890


@pytest.mark.parametrize(
    ("column", "labels"),
    [
        (pa.array(["007", " a", None]), ["007", " a", None]),
        (pa.array(["a"], pa.large_string()), ["a"]),
        (pa.array(["a"], pa.string_view()), ["a"]),
        (pa.array(["b", "a", None]).dictionary_encode(), ["b", "a", None]),
        (pa.array([3, None]), [3, None]),
        (pa.array([True, None]), [True, None]),
        (pa.array([Decimal(TWENTY), None], pa.decimal128(20, 0)), [TWENTY, None]),
        (pa.array([Decimal(10**60)], pa.decimal256(61, 0)), [10**60]),
        (pa.array([Decimal("2.10"), None]), ["2.10", None]),
        (pa.array([19844, None], pa.date32()), ["2024-05-01", None]),
        (pa.array([10**15], pa.timestamp("s")), ["31690708-07-05 01:46:40"]),
        (pa.array([3600], pa.time32("s")), ["01:00:00"]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_labels_are_what_stands_in_the_data(column, labels):
    """Texts letter for letter, long integers digit for digit, dates as they are spelled."""
    found = labels_of(column)

    assert found.dtype == object
    assert found.tolist() == labels
    assert labels_of(pa.chunked_array([column, column])).tolist() == labels * 2


def test_numbers_without_gaps_keep_their_type():
    """Integers, floats and booleans are NumPy's, a missing float is NaN."""
    assert labels_of(pa.array([1, 2], pa.int8())).dtype == np.int8
    assert labels_of(pa.array([True, False])).dtype == bool
    assert np.isnan(labels_of(pa.array([1.0, None]))[1])


@pytest.mark.parametrize(
    "column",
    [
        pa.array([b"a"]),
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([1], pa.duration("s")),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
        pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
    ],
    ids=["bytes", "list", "struct", "duration", "interval", "union"],
)
def test_what_names_no_class_is_refused_by_column(column):
    """The error says which column holds values of which type."""
    with pytest.raises(DataError, match=r"Unknown label type: unknown; column 'y' of f holds"):
        labels_of(column, "column 'y' of f")


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([2.0, 2.1, None]), ["2", "2.1", None]),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([7, None]), ["7", None]),
        (pa.array([True]), ["true"]),
        (pa.array(["2.10"]), ["2.10"]),
        (pa.array([Decimal("2.10")]), ["2.1"]),
    ],
)
def test_numbers_that_are_names_are_texts(column, texts):
    """On request numbers become the texts that spell them; texts stay."""
    assert labels_of(column, as_text=True).tolist() == texts


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 2]),
        np.array(["a", None], dtype=object),
        np.array([datetime.date(2024, 5, 1), "a"], dtype=object),
        np.array(
            [datetime.date(2024, 5, 1), datetime.datetime.fromisoformat("2024-05-01")], dtype=object
        ),
        np.array([["2024-05-01"]], "M8[D]"),
    ],
)
def test_other_values_stay_what_they_are(values):
    """Values of several types, and of more than one dimension, are for the next check."""
    assert named(values) is values


def test_objects_of_one_type_are_named():
    """Decimals, dates and times as in a column of Arrow; gaps of any kind are None."""
    values = np.array([datetime.date(2024, 5, 1), float("nan"), pd.NaT, None], dtype=object)

    assert named(values).tolist() == ["2024-05-01", None, None, None]


def test_arrays_of_numbers_are_spelled():
    """The same for NumPy's arrays, NaN as a missing label."""
    assert spelled(np.array([1.5, np.nan, 2])).tolist() == ["1.5", None, "2"]
    assert spelled(np.array(["007", None], dtype=object)).tolist() == ["007", None]
