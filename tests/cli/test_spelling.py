"""Values as lines of a CSV file."""

from __future__ import annotations

import csv
import datetime
import io
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.cli.spelling import csv_lines, refuse_unspellable
from epochal.errors import DataError


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([1, None, -3]), ["1", "", "-3"]),
        (pa.array([0.1, float("nan"), 1e300]), ["0.1", "nan", "1e+300"]),
        (pa.array([True, None]), ["true", ""]),
        (pa.array([Decimal("1.50"), None]), ["1.50", ""]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
        (pa.array(["a", None], pa.string_view()), ["a", ""]),
        (pa.nulls(2), ["", ""]),
        (pa.array([datetime.date(2024, 5, 1), None]), ["2024-05-01", ""]),
        (pa.array([0, 1500], pa.timestamp("ms")), ["1970-01-01", "1970-01-01 00:00:01.5"]),
        (
            pa.array([0, 3600], pa.timestamp("s", "Asia/Tokyo")),
            ["1970-01-01 00:00:00Z", "1970-01-01 01:00:00Z"],
        ),
        # Neither Python's dates nor Arrow's texts go so far, and the zone is nowhere.
        (pa.array([2**41], pa.timestamp("s", "Mars/Phobos")), ["71654-04-10 01:12:32Z"]),
        (pa.array([90_500], pa.duration("ms")), ["90.5"]),
        (pa.array([52938200013189], pa.time64("ns")), ["14:42:18.200013189"]),
    ],
)
def test_every_type_has_its_texts(values, texts):
    """Numbers in their shortest spelling, dates in ISO 8601, gaps empty."""
    lines = bytes(csv_lines(pa.table({"a": values, "b": ["x"] * len(values)}), ",")).decode()

    assert lines == "".join(f"{text},x\n" for text in texts)


def test_no_rows_are_no_bytes():
    """Nothing is nothing."""
    assert bytes(csv_lines(pa.table({"a": pa.array([], pa.string())}), ",")) == b""


def test_chunks_and_slices_are_rows_like_others():
    """Slices and chunks of a table are written like the whole."""
    whole = pa.table({"a": ["x", 'y"', "z", "w"], "b": [1, 2, 3, 4]})
    parts = pa.concat_tables([whole.slice(0, 1), whole.slice(1, 2), whole.slice(3)])

    assert parts.column("a").num_chunks == 3
    assert bytes(csv_lines(parts, ",")) == bytes(csv_lines(whole, ","))
    assert bytes(csv_lines(whole.slice(1, 2), "\t")) == b'"y"""\t2\nz\t3\n'


@pytest.mark.parametrize(
    "kind",
    [
        pa.binary(),
        pa.list_(pa.string()),
        pa.month_day_nano_interval(),
        pa.map_(pa.int8(), pa.int8()),
    ],
)
def test_types_without_a_text_are_refused_by_name(kind):
    """The column is named, and Parquet is the way out."""
    with pytest.raises(DataError, match="column 'x'") as caught:
        refuse_unspellable(kind, "x")
    assert "Parquet" in caught.value.hint


def test_categories_and_extension_types_are_written_by_their_values():
    """A dictionary of texts and a boolean of 8 bits can be written as text."""
    refuse_unspellable(pa.dictionary(pa.int8(), pa.string()), "x")
    refuse_unspellable(pa.bool8(), "x")


@pytest.mark.parametrize(
    "text",
    ['"', ",", ";", "\t", "|", "a\rb", "\n", " a", "a\u00a0", "\ufeffa", "", "NA", "?", "#N/A"],
)
def test_a_text_that_a_reader_would_change_has_quotes(text):
    """Whatever the separator is, since a reader may guess it."""
    table = pa.table({"a": [text], "b": ["x"]})
    for separator in ",\t":
        written = bytes(csv_lines(table, separator)).decode()
        assert written == f'"{text.replace(chr(34), 2 * chr(34))}"{separator}x\n'


@pytest.mark.parametrize("text", ["a b", "NAN", "a\ufeff", "'a'", "\\", "#", "x NA", "007", "?!"])
def test_other_texts_have_no_quotes(text):
    """They are no part of the text, and a file that needs none has none."""
    assert bytes(csv_lines(pa.table({"a": [text]}), ",")).decode() == f"{text}\n"


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.floats(allow_nan=False))))
def test_texts_and_floats_read_back(rows):
    """Letter for letter, and to the last bit."""
    table = pa.table(
        {"a": pa.array([row[0] for row in rows], pa.string()), "b": [row[1] for row in rows]}
    )
    text = bytes(csv_lines(table, ",")).decode()
    found = list(csv.reader(io.StringIO(text, newline=""), strict=True))

    assert [row[0] for row in found] == [row[0] for row in rows]
    assert np.array_equal([float(row[1]) for row in found], [row[1] for row in rows])
