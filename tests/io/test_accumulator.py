"""The values of a column, gathered block by block."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from epochal.errors import DataError
from epochal.io import accumulator
from epochal.io.accumulator import ColumnAccumulator, LabelColumn
from epochal.io.frames import as_labels

LABELS = LabelColumn("y")


def of(blocks, *, labels=None):
    """Return a column gathered out of blocks."""
    found = ColumnAccumulator("a", labels=labels)
    for block in blocks:
        found.add(pa.chunked_array([block]))
    return found


@pytest.mark.parametrize("together", [1, 1 << 16])
@pytest.mark.parametrize(
    "values",
    [
        ["b", None, "a", "c", "b"],
        [3, None, 1, 3, 2],
        [3, 5, 1, 3, 2],
        [True, False, None, True, True],
        [2.5, 0.0, -0.0, None, 2.5],
        ["007", None, "7", "07", "007"],
    ],
)
def test_labels_are_coded(monkeypatch, together, values):
    """Law: the values of the codes are the labels, sorted and in their form, in any blocks."""
    monkeypatch.setattr(accumulator, "_FEWEST_COMBINED", together)
    column = pa.array(values)
    found = of([column[:1], pa.nulls(2), column[1:3], column[3:], column], labels=LABELS)
    whole = as_labels(pa.concat_arrays([column[:1], pa.nulls(2, column.type), column[1:], column]))
    expected = [value for value in whole.tolist() if value is not None and value == value]  # noqa: PLR0124
    different, codes, has_label = found.labels()
    assert different[codes].tolist() == expected
    assert different.dtype == whole.dtype
    assert different.tolist() == sorted(set(expected))
    assert (codes.dtype, has_label.sum(), len(has_label)) == (np.uint8, len(expected), 12)


@pytest.mark.parametrize("together", [1, 1 << 16])
def test_many_labels_have_wider_codes(monkeypatch, together):
    """Codes are of the smallest type that holds them, however the labels came."""
    monkeypatch.setattr(accumulator, "_FEWEST_COMBINED", together)
    for count, kind in ((256, np.uint8), (257, np.uint16)):
        numbers = np.random.default_rng(0).permutation(count)
        values, codes, _ = of(map(pa.array, np.split(numbers, [7, 99])), labels=LABELS).labels()
        assert np.array_equal(values[codes], numbers)
        assert codes.dtype == kind


def test_dictionaries_are_decoded():
    """Blocks with dictionaries of their own are one column."""
    blocks = [pa.array(["x", "y"]).dictionary_encode(), pa.array(["z", "x"]).dictionary_encode()]
    values, codes, _ = of(blocks, labels=LABELS).labels()
    assert values[codes].tolist() == ["x", "y", "z", "x"]


def test_values_beside():
    """Numbers and dates stay what they are, texts become ranks; gaps are NaN or NaT."""
    assert of([pa.array([1, 2]), pa.array([2**62])]).values().tolist() == [1, 2, 2**62]
    assert of([pa.array([True, False])]).values().dtype == bool
    gaps = of([pa.nulls(1), pa.array([1, 2]), pa.array([None, 3])]).values()
    assert np.array_equal(gaps, [np.nan, 1, 2, np.nan, 3], equal_nan=True)
    ranks = of([pa.array(["b", "a"]), pa.nulls(1), pa.array(["c", "b"])]).values()
    assert np.array_equal(ranks, [1, 0, np.nan, 2, 1], equal_nan=True)
    dates = of([pa.array([1, None], pa.date32())]).values()
    assert (dates.dtype, np.isnat(dates).tolist()) == ("datetime64[D]", [False, True])
    assert np.isnan(of([pa.nulls(2)]).values()).all()


def test_other_types_are_mixed():
    """A block of another type ends the gathering, and the rows are counted on."""
    found = of([pa.array([1]), pa.array(["x"]), pa.array([2])])
    assert (found.is_mixed, found.rows, found.kind) == (True, 3, pa.int64())
    assert (found.empty_copy().rows, found.empty_copy().is_mixed) == (0, False)


def test_lists_are_refused():
    """Values that are lists are no labels, and refused with the name of the column."""
    with pytest.raises(DataError, match="column 'a' holds list<.*> values; expected numbers"):
        of([pa.array([[1], [2]])], labels=LABELS)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
        pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
        pa.array([{"a": 1}]),
    ],
)
def test_values_without_an_order_are_refused(values):
    """Intervals and unions have no codes: the column is named, whatever it was to say of rows."""
    for labels in (LabelColumn("column 'a' of a file"), None):
        with pytest.raises(DataError, match="column 'a' holds .* values"):
            ColumnAccumulator("a", labels).add(pa.chunked_array([values]))
