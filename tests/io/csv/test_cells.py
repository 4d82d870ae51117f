"""Cells of text columns, as text and as values."""

from __future__ import annotations

import pyarrow as pa
import pytest

from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.io.csv.cells import MARK, are_marked, as_texts, as_values, without_words

CELLS = ["a ", MARK + "a ", " NA", MARK + "NA", MARK + " ", "  ", None, "x"]


def column(*values, kind=None):
    """Return a column of two chunks, one of them empty."""
    kind = pa.string() if kind is None else kind
    return pa.chunked_array([pa.array([], kind), pa.array(values, kind)])


def test_texts_keep_what_is_marked():
    """Marked cells come without the mark and else as they stand; others are trimmed, or missing."""
    found = as_texts(column(*CELLS), PLAIN, has_marks=True)
    assert found.to_pylist() == ["a", "a ", None, "NA", " ", None, None, "x"]
    kept = as_texts(column(*CELLS), CsvOptions(strip=False), has_marks=True)
    assert kept.to_pylist() == ["a ", "a ", " NA", "NA", " ", "  ", None, "x"]


def test_values_are_trimmed_all_of_them():
    """As values marked cells are like others, and spaces never count."""
    expected = ["a", "a", None, None, None, None, None, "x"]
    for options in (PLAIN, CsvOptions(strip=False)):
        assert as_values(column(*CELLS), options, has_marks=True).to_pylist() == expected


def test_columns_of_other_types_stay():
    """Numbers have neither marks nor spaces."""
    numbers = column(1, None, kind=pa.int64())
    assert as_texts(numbers, PLAIN, has_marks=True) is numbers
    assert as_values(numbers, PLAIN, has_marks=True) is numbers


def test_marks_are_found():
    """One marked cell is enough; none, or no cell at all, is none."""
    assert are_marked(column("a", None, MARK + "a"))
    assert not are_marked(column("a", None, "a" + MARK))
    assert not are_marked(column())


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (pa.int64(), [-999, 1, 2, None], [None, None, 2, None]),
        (pa.float64(), [-999.0, 1.5, float("inf")], [None, 1.5, float("inf")]),
        (pa.bool_(), [True, False], [True, False]),
        (pa.string(), ["-999", "x"], ["-999", "x"]),
        (pa.null(), [None], [None]),
    ],
)
def test_values_that_words_spell_are_missing(kind, values, expected):
    """Numbers that a word spells are missing, in whichever digits; what no word spells stays."""
    words = ("", "NA", "nan", "1", "-999.0")
    assert without_words(column(*values, kind=kind), words).to_pylist() == expected
