"""Dates as seconds and cycles."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from epochal.errors import DataError
from epochal.tables.dates import CYCLES, Extent, is_date, seconds, waves
from epochal.tables.numeric import Place

DAY = 86_400
MOMENT = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
NAIVE = MOMENT.replace(tzinfo=None)
COLUMNS = {
    "date32": pa.array([MOMENT.date(), None]),
    "date64": pa.array([MOMENT.date(), None], pa.date64()),
    **{unit: pa.array([NAIVE, None], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
    "zone": pa.array([MOMENT, None], pa.timestamp("us", "Europe/Paris")),
    "category": pa.array([NAIVE, None]).dictionary_encode(),
    "text": pa.array(["2024-05-01", "NA"]),
    "text with time": pa.array(["2024-05-01 00:00:00", ""]),
    "text with zone": pa.array(["2024-05-01T02:00:00+02:00", None]),
    "text in UTC": pa.array(["2024-05-01T00:00:00Z", None]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_kind_of_date_is_the_same_second(name):
    """Dates, times of every unit and zone, and ISO texts agree; missing ones are NaN."""
    values = seconds(pa.chunked_array([COLUMNS[name]]), Place("day"))

    np.testing.assert_array_equal(values, [MOMENT.timestamp(), np.nan])


def test_a_column_without_any_value_is_missing_throughout():
    """Nulls of no type are missing dates."""
    assert np.isnan(seconds(pa.chunked_array([pa.nulls(3)]), Place("day"))).all()


@pytest.mark.parametrize("around", ["{}", " {}", "{} "])
@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01 12:30",
        "1969-12-31T23:59:59.123456",
        "0001-01-01",
        "9999-12-31T23:59",
        "2024-05-01T12:30:01+02:00",
        "2024-05-01T12Z",
        "20240501",
        "2024-W18-3",
        "2024-05-01 07",
        "2024-05-01 12:30:01,5",
        "2024-02-30",
        "2024-05-01 24:00:00",
        "2024-05-01 12:30:60",
        "2024-5-1",
        "-2024-01-01",
        "12024-01-01",
        "2024-05-01T12:30:01.1234567",
    ],
)
def test_a_text_is_the_second_that_python_reads_in_it(text, around):
    """Alone, among others and with spaces around: ISO 8601, and nothing else."""
    written = around.format(text)
    for texts in ([written], ["2024-01-01", written], [written, "NA", "2024-01-01T00:00Z"]):
        column = pa.chunked_array([texts])
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            with pytest.raises(DataError, match="expected a date"):
                seconds(column, Place("day"))
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
        assert seconds(column, Place("day"))[texts.index(written)] == moment.timestamp()


@pytest.mark.parametrize("text", ["01/02/2024", "yesterday", "2024-13-01"])
def test_a_text_that_is_no_date_is_refused_by_name(text):
    """The error names column, row and value."""
    with pytest.raises(DataError, match=f"column 'day' holds '{text}' in row 1; expected a date"):
        seconds(pa.chunked_array([["2024-01-01", text]]), Place("day"))


def test_numbers_are_no_dates():
    """A number where a date was is refused."""
    with pytest.raises(DataError, match="column 'day' holds int64 values"):
        seconds(pa.chunked_array([[1]]), Place("day"))


def test_dates_are_known_by_their_type():
    """Dates and timestamps are dates; times of day and durations are not."""
    assert is_date(pa.date32())
    assert is_date(pa.timestamp("ns", "UTC"))
    assert not is_date(pa.time32("s"))
    assert not is_date(pa.duration("s"))


@pytest.mark.parametrize(
    ("times", "cycles"),
    [
        ([], ()),
        ([np.nan, 0.0], ()),
        ([0.0, 0.0], ()),
        (np.arange(5.0) * DAY, ()),
        (np.arange(5.0) * DAY + np.arange(5), ("day",)),
        (np.arange(5.0) * 7 * DAY, ()),
        (np.arange(9.0) * DAY, ("week",)),
        (np.arange(500.0) * DAY, ("year", "week")),
        (np.arange(5000.0) * 8000, ("year", "week", "day")),
    ],
)
def test_a_cycle_counts_where_it_is_passed_through(times, cycles):
    """A cycle counts if the times span a turn of it and do not all stand at one point."""
    assert Extent.of(np.asarray(times, dtype=float)).varying == cycles


@pytest.mark.parametrize("cycle", CYCLES)
def test_waves_are_sine_and_cosine_of_the_cycle(cycle):
    """After a quarter turn sine and cosine are 1, 0; before 1970 too; missing is 0, 0."""
    period = CYCLES[cycle]
    times = np.array([0, period / 4, period / 2, -period / 4, period * 50, np.nan])

    expected = [[0, 1], [1, 0], [0, -1], [-1, 0], [0, 1], [0, 0]]
    np.testing.assert_allclose(waves(times, cycle), expected, atol=1e-12)
