"""Arrays of several files gone through block by block."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from epochal.errors import DataError, SourceError
from epochal.io import array_streams
from epochal.io.array_streams import ArrayPart, refuse_mismatch, scan


def part(rows, labels, name="a"):
    """Return a part that yields an array in blocks of a number of rows."""

    def read(size):
        for start in range(0, len(rows), size):
            stop = start + size
            yield rows[start:stop], None if labels is None else labels[start:stop]

    return ArrayPart(Path(name), read)


def test_blocks_are_bounded(monkeypatch):
    """A block has as many rows as fit into its bytes, and at least one."""
    monkeypatch.setattr(array_streams, "_BLOCK", 64)
    blocks = part(np.zeros((9, 4), np.float32), None).blocks()
    assert [len(rows) for rows, _ in blocks] == [4, 4, 1]
    assert len(list(part(np.zeros((3, 99)), None).blocks())) == 3
    assert list(part(np.zeros((0, 4)), None).blocks()) == []


def test_types_and_labels_of_parts_are_joined(monkeypatch):
    """Rows and labels have the type that NumPy gives the whole, in all blocks."""
    monkeypatch.setattr(array_streams, "_BLOCK", 16)
    first, second = np.zeros((5, 2), np.uint8), np.ones((3, 2), np.float32)
    labels = [np.array([1, 0, 1, 7, 7]), np.array([0.5, np.nan, 7])]
    parts = [part(first, labels[0]), part(second, labels[1], "b")]
    found = scan(parts)
    values, codes, has_label = found.labels
    together = np.concatenate(labels)
    assert np.array_equal(has_label, ~np.isnan(together))
    assert np.array_equal(values[codes], together[has_label])
    assert (found.head.dtype, found.head.shape, found.counts) == (np.float32, (0, 2), [5, 3])
    assert {block.dtype for p in parts for block in p.blocks_like(found.head)} == {found.head.dtype}


def test_no_rows_and_no_labels():
    """Without rows nothing is found; without labels there are none."""
    assert scan([part(np.zeros((0, 2)), None)]).counts == [0]
    assert scan([part(np.zeros((3, 2)), None)]).labels is None


def test_unlike_parts_are_refused():
    """Parts with rows of other shapes, or with labels in some only, are refused by name."""
    first = part(np.zeros((3, 2)), None)
    with pytest.raises(
        SourceError, match=r"rows of b have the shape \(4,\); expected \(2,\) as in a"
    ):
        scan([first, part(np.zeros((3, 4)), None, "b")])
    with pytest.raises(SourceError, match="a has no labels"):
        scan([first, part(np.zeros((3, 2)), np.zeros(3), "b")])
    like = (Path("b"), (np.ones((9, 2)), None))
    refuse_mismatch((Path("a"), (np.zeros((3, 2)), None)), like)
    with pytest.raises(SourceError, match="b has changed"):
        list(part(np.zeros((3, 4)), None, "b").blocks_like(np.zeros((0, 2))))


def test_labels_of_several_columns_are_refused():
    """Labels in two dimensions are no classes."""
    with pytest.raises(DataError, match="multilabel"):
        scan([part(np.zeros((3, 2)), np.zeros((3, 2)))])
