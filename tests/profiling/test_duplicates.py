"""Keys of rows: equal for equal rows, and different else."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from epochal.errors import DataError
from epochal.profiling.duplicates import RowHashes, kinds_of, row_hashes


def test_equal_rows_have_equal_keys_and_others_do_not():
    """Over all kinds of columns, with gaps."""
    day = datetime.date(2024, 1, 1)
    columns = {
        "number": [1.5, 1.5, None, None, 1.5],
        "text": ["a", "a", "a", "a", "b"],
        "truth": [True, True, None, None, True],
        "day": [day, day, day, day, day],
    }
    hashes = row_hashes(pa.table(columns))

    assert hashes[0] == hashes[1]
    assert hashes[2] == hashes[3]
    assert len(set(hashes.tolist())) == 3


def test_many_different_rows_have_different_keys():
    """A hundred thousand rows of small whole numbers."""
    first, second = np.divmod(np.arange(100_000), 300)

    assert len(np.unique(row_hashes(np.column_stack([first, second])))) == 100_000


def test_words_that_mean_a_missing_value():
    """A text among numbers is missing if it is a word that means so, and else no number."""
    texts, gaps = pa.table({"n": ["1", "unknown"]}), pa.table({"n": ["1", None]})
    kinds = {"n": "number"}
    known = row_hashes(texts, kinds, missing=("", "unknown"))
    assert known.tolist() == row_hashes(gaps, kinds).tolist()
    with pytest.raises(DataError, match="'unknown' in row 1"):
        row_hashes(texts, kinds)


def test_the_place_of_a_value_counts():
    """(1, 2) is not (2, 1), nor are two equal columns as none."""
    hashes = row_hashes(np.array([[1, 2], [2, 1], [1, 1], [2, 2]]))

    assert len(set(hashes.tolist())) == 4


def test_numbers_are_equal_whatever_holds_them():
    """Whole numbers, floats and texts that are read as numbers; 0 and -0; NaN and a gap."""
    whole, floats = pa.table({"x": [1, 2, 0, None]}), pa.table({"x": [1.0, 2.0, -0.0, np.nan]})
    texts = pa.table({"x": ["1", "2.0", "0", ""]})
    hashes = [row_hashes(table, kinds_of(whole)).tolist() for table in (whole, floats, texts)]

    assert hashes[0] == hashes[1] == hashes[2]


@pytest.mark.parametrize("shape", [(6, 2, 2), (6, 4), (6,)])
def test_arrays_of_any_shape_have_keys(shape):
    """Images and plain rows."""
    rows = np.zeros(shape, np.uint8)
    rows[3:] = 1
    hashes = row_hashes(rows)

    assert len(set(hashes[:3].tolist())) == len(set(hashes[3:].tolist())) == 1
    assert hashes[0] != hashes[3]


def test_of_many_rows_a_share_tells_about_how_many_are_copies():
    """Duplicates are in the same sample, whichever side is sampled more."""
    rows = np.arange(60_000)
    some, others = RowHashes(capacity=1000), RowHashes(capacity=300)
    for part in np.split(rows, 6):
        some.add(row_hashes(part))
        others.add(row_hashes(part + 40_000))

    assert len(some.hashes) <= 1000
    assert some.halvings < others.halvings
    assert some.count_duplicates_in(others) == pytest.approx(20_000, rel=0.3)
    assert others.count_duplicates_in(some) == some.count_duplicates_in(others)


def test_repeats_of_parts_are_those_of_the_whole():
    """Merged samples with any two rates have about as many duplicates as all rows."""
    hashes = row_hashes(np.arange(60_000) // 3)
    labels = (np.arange(60_000) % 3 == 2).astype(int)
    whole, some, others = RowHashes(2**17), RowHashes(capacity=2**17), RowHashes(capacity=4000)
    whole.add(hashes, labels)
    some.add(hashes[:30_000], labels[:30_000])
    others.add(hashes[30_000:], labels[30_000:])
    exact, merged = whole.duplicates(), some.merge(others).duplicates()

    assert exact == (40_000, 20_000, False)
    assert merged.estimated
    assert merged.rows == pytest.approx(40_000, rel=0.2)
    assert merged.contradicting == pytest.approx(20_000, rel=0.2)
