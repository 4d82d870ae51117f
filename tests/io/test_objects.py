"""Lists, arrays of objects and masked arrays, as arrays of numbers."""

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest

from epochal.errors import DataError
from epochal.io.objects import as_array, unmasked


@pytest.mark.parametrize("make", [list, tuple, lambda rows: np.array(rows, dtype=object)])
def test_gaps_among_numbers_are_nan(make):
    """None, NaN and what pandas has for them, in lists of lists and in arrays of objects."""
    rows = make([[1, None], [2.5, True], [np.nan, pd.NA], [pd.NaT, "7"]])

    np.testing.assert_array_equal(
        as_array(rows), [[1, np.nan], [2.5, 1], [np.nan, np.nan], [np.nan, 7]]
    )


def test_numbers_stay_what_they_are():
    """Arrays of numbers and other objects are unchanged; lists of integers become integers."""
    array = np.ones((2, 2), np.float32)

    assert as_array(array) is array
    assert as_array([[1, 2]]).dtype.kind == "i"
    assert as_array("text") == "text"


def test_the_given_array_is_not_changed():
    """Missing values are filled in a copy."""
    array, masked = (
        np.array([[1, pd.NA]], dtype=object),
        np.ma.array([[1.0, 2.0]], mask=[[0, 1]]),
    )
    as_array(array), as_array(masked)

    assert array[0, 1] is pd.NA
    assert masked.data.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ([[1, 2], [3, "a"]], r"'a' in row 1, column 1 \(the first is 0\)"),
        ([[None, 2], [3, "a"]], "'a' in row 1, column 1"),
        ([["1", "2"], ["3", "x"]], "'x' in row 1, column 1"),
        ([[1, 10**400]], "1000.* in row 0, column 1"),
        ([[[1, 2], [3, "a"]]], "'a' in row 0, column 1, 1"),
        ([[b"a"]], "b'a' in row 0, column 0"),
        ([[chr(0xD800)]], r"'\\ud800' in row 0, column 0"),
        (np.array([["a"]]), "'a' in row 0, column 0"),
        (np.array([[1, "a"]], dtype=object), "'a' in row 0, column 1"),
    ],
)
def test_what_is_no_number_is_refused_with_its_place(rows, place):
    """For texts among numbers, bytes and too large integers, the error names row and column."""
    with pytest.raises(DataError, match=f"(?s)X holds {place}.*data frame"):
        as_array(rows)


@pytest.mark.parametrize("value", [{"foo": "bar"}, {1}, datetime.date(2024, 5, 1)])
def test_objects_are_refused_with_their_place_and_in_the_words_of_python(value):
    """An error of ours, and a TypeError as scikit-learn's estimators raise it."""
    words = r"X holds .* in row 1, column 1 .*argument must be a string or a real number"
    with pytest.raises(TypeError, match=words) as told:
        as_array([[1, 2], [3, value]])
    assert isinstance(told.value, DataError)


def test_masked_constants_are_missing_without_a_warning():
    """In lists of numbers and of objects."""
    for rows in ([[np.ma.masked, 1.0]], [[np.ma.masked, None]], [[np.ma.masked, "1"]]):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.isnan(as_array(rows)[0, 0])


def test_rows_of_different_lengths_are_refused():
    """They are no table."""
    with pytest.raises(DataError, match="X cannot be read: .*inhomogeneous"):
        as_array([[1], [1, 2]])


def test_a_list_without_rows_has_the_shape_that_is_known():
    """As many columns, or pixels, as the rows before; without that it is what NumPy says."""
    assert as_array([], (4,)).shape == (0, 4)
    assert as_array((), (8, 9)).shape == (0, 8, 9)
    assert as_array([]).shape == (0,)


MASK = [False, True, False]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3], [1.0, np.nan, 3.0]),
        ([1.5, 1e9, 3], [1.5, np.nan, 3.0]),
        ([True, True, False], [1.0, np.nan, 0.0]),
        (np.array([1, 2, 3], np.float32), np.array([1, np.nan, 3], np.float32)),
    ],
)
def test_what_is_masked_is_missing(values, expected):
    """In numbers and truth values it is NaN; float32 stays."""
    found = unmasked(np.ma.array(values, mask=MASK))

    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.asarray(expected).dtype


def test_masked_texts_and_dates_are_missing():
    """None among texts, NaT among dates."""
    days = np.array([datetime.date(2024, 1, k) for k in (1, 2, 3)], "M8[D]")

    assert unmasked(np.ma.array(["a", "b", "c"], mask=MASK)).tolist() == ["a", None, "c"]
    assert np.isnat(unmasked(np.ma.array(days, mask=MASK))).tolist() == MASK


def test_a_mask_that_masks_nothing_changes_nothing():
    """Whole numbers stay whole."""
    assert unmasked(np.ma.array([1, 2], mask=False)).dtype.kind == "i"
    assert unmasked([1, 2]) == [1, 2]
