"""Numbers and truth values out of columns of every Arrow type."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest

from epochal.config.csv_options import PLAIN
from epochal.errors import DataError
from epochal.tables.dates import seconds
from epochal.tables.numeric import Place, booleans, number_of_text, numbers

COLUMNS = {
    "int64": pa.array([1, None, -3]),
    "uint8": pa.array([1, None, 253], pa.uint8()),
    "float16": pa.array(np.array([1, np.nan, -3], np.float16)),
    "float32": pa.array([1, None, -3], pa.float32()),
    "decimal": pa.array([decimal.Decimal("1.0"), None, decimal.Decimal("-3.0")]),
    "text": pa.array([" 1", None, "-3.0 "]),
    "large text": pa.array(["1", "NA", "-3"], pa.large_string()),
    "text view": pa.array(["1e0", "?", "-3"], pa.string_view()),
    "category": pa.array([1.0, None, -3.0]).dictionary_encode(),
    "duration": pa.array([10**6, None, -3 * 10**6], pa.duration("us")),
    "time": pa.array([1000, None, 3000], pa.time32("ms")),
}
EXPECTED = {"uint8": [1, np.nan, 253], "time": [1, np.nan, 3]}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_every_type_become_numbers(name):
    """Values keep their meaning, whatever holds them; missing ones are NaN."""
    column = pa.chunked_array([COLUMNS[name], COLUMNS[name][:1]])

    values = numbers(column, Place("a"))

    expected = EXPECTED.get(name, [1, np.nan, -3])
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, [*expected, 1])


@pytest.mark.parametrize("spelling", PLAIN.words)
def test_null_spellings_are_missing_values(spelling):
    """Each spelling of a missing value is NaN, also among truth values."""
    column = pa.chunked_array([[spelling, "1"]])

    np.testing.assert_array_equal(numbers(column, Place("a")), [np.nan, 1])
    np.testing.assert_array_equal(booleans(column, Place("a")), [np.nan, 1])


def test_other_words_are_missing_values():
    """Words of their own take the place of the usual ones, and are compared by value among values."""
    place = Place("a", 0, ("", "unknown", "-999", "1900-01-01"))
    texts = pa.chunked_array([["1", " unknown", "-999.0", ""]])
    np.testing.assert_array_equal(numbers(texts, place), [1, *[np.nan] * 3])
    with pytest.raises(DataError, match="'NA' in row 1"):
        numbers(pa.chunked_array([["1", "NA"]]), place)
    np.testing.assert_array_equal(
        booleans(pa.chunked_array([["true", "unknown"]]), place), [1, np.nan]
    )
    days = pa.chunked_array([["1970-01-02", "1900-01-01", " unknown"]])
    np.testing.assert_array_equal(seconds(days, place), [86_400, np.nan, np.nan])
    typed = pa.chunked_array([[-999.0, 1.0]])
    np.testing.assert_array_equal(numbers(typed, place), [-999, 1])


def test_integers_beyond_float64_are_rounded():
    """An integer that float64 cannot hold becomes the nearest one that it can."""
    values = numbers(pa.chunked_array([[2**60 + 1, None]]), Place("a"))

    np.testing.assert_array_equal(values, [2.0**60, np.nan])


@pytest.mark.parametrize("text", ["abc", "1,5", "1_0", "0x", "-0x1F", "0x" + "1" * 17, "12 kg"])
def test_a_text_that_is_no_number_is_refused_by_name(text):
    """The error names column, row and value, counted from the first row given."""
    column = pa.chunked_array([["1", None], ["2", text, text]])

    with pytest.raises(DataError) as caught:
        numbers(column, Place("height", first_row=100))

    assert f"column 'height' holds '{text}' in row 103; expected a number" in str(caught.value)


def test_dates_are_no_numbers():
    """A date where a number was is refused by column and row."""
    column = pa.chunked_array([[None, datetime.date(2024, 1, 1)]])

    with pytest.raises(DataError, match=r"column 'a' holds date32.*row 1"):
        numbers(column, Place("a"))


@pytest.mark.parametrize(
    "column",
    [[True, None, False], [1, None, 0], [1.0, None, 0.0], ["TRUE", "", "False"], ["1", "NA", "0"]],
)
def test_truth_values_are_zeros_and_ones(column):
    """Truth values are read as values, numbers and texts."""
    np.testing.assert_array_equal(booleans(pa.chunked_array([column]), Place("a")), [1, np.nan, 0])


@pytest.mark.parametrize(("column", "shown"), [([1, 0, 5], "5"), (["true", "no way"], "'no way'")])
def test_other_values_are_no_truth_values(column, shown):
    """Anything else is refused by column, row and value."""
    with pytest.raises(DataError, match=f"column 'a' holds {shown} in row {len(column) - 1}"):
        booleans(pa.chunked_array([column]), Place("a"))


@pytest.mark.parametrize(
    ("text", "number"), [("1,234", 1234.0), ("-12,345,678.25", -12345678.25), ("+1,000", 1000.0)]
)
def test_thousands_may_be_grouped_by_commas(text, number):
    """As spreadsheets write amounts."""
    assert numbers(pa.chunked_array([["5", text]]), Place("x")).tolist() == [5.0, number]


@pytest.mark.parametrize("text", ["1,23", "0,637", "12,34,567", "1,2345", "1_000", ",123"])
def test_other_commas_are_no_numbers(text):
    """A decimal comma is not taken for thousands."""
    with pytest.raises(DataError, match="holds"):
        numbers(pa.chunked_array([["5", text]]), Place("x"))


@pytest.mark.parametrize(
    "text", ["0x1F", "0Xff", "0x7FFFFFFFFFFFFFFF", "0x8000000000000000", "0xFFFFFFFFFFFFFFFF"]
)
def test_hexadecimal_numbers_are_those_of_arrow(text):
    """So that a text is the number that a CSV column with it has."""
    (expected,) = pa.array([text]).cast(pa.int64()).to_pylist()
    assert number_of_text(text) == float(expected)
