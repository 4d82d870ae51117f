"""Labelled rows: selections and pieces."""

import numpy as np
import pyarrow as pa
import pytest

from epochal.tables.dataset import Labelled
from epochal.tables.labels import Coded
from epochal.tables.streaming import Streamed

ROWS = np.arange(10.0)[:, None]
CODES = np.arange(10, dtype=np.uint8) % 3
VALUES = np.array(["a", "b", "c"])


def streamed(rows):
    """Return rows as a stream."""
    return Streamed(len(rows), rows[:0], lambda n: (rows[s : s + n] for s in range(0, 10, n)))


HOLDERS = {
    "array": Labelled(ROWS, VALUES[CODES], ROWS[:, 0] + 1, CODES, ROWS[:, 0]),
    "table": Labelled(
        pa.table({"x": ROWS[:, 0]}), VALUES[CODES], ROWS[:, 0] + 1, CODES, ROWS[:, 0]
    ),
    "stream": Labelled(
        streamed(ROWS), Coded(VALUES, CODES), ROWS[:, 0] + 1, CODES, ROWS[:, 0], dropped=4
    ),
}


def of_row(rows):
    """Return the only number of each row."""
    return rows["x"].to_numpy() if isinstance(rows, pa.Table) else rows[:, 0]


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("size", [1, 4, 5, 100])
def test_pieces_are_the_whole(holder, size):
    """Rows, labels and weights come together, each once, in order."""
    pieces = list(HOLDERS[holder].pieces(size))

    np.testing.assert_array_equal(np.concatenate([of_row(p.rows) for p in pieces]), ROWS[:, 0])
    np.testing.assert_array_equal(np.concatenate([p.labels for p in pieces]), VALUES[CODES])
    np.testing.assert_array_equal(np.concatenate([p.weight for p in pieces]), ROWS[:, 0] + 1)
    assert all(len(piece.labels) == size for piece in pieces[:-1])


@pytest.mark.parametrize("holder", HOLDERS)
def test_all_that_is_known_of_a_row_goes_with_it(holder):
    """Chosen rows keep their labels, weights, groups and timestamps."""
    chosen = np.isin(np.arange(10), [2, 3, 7])
    some = HOLDERS[holder].where(chosen)
    (piece,) = some.pieces(100)

    assert of_row(piece.rows).tolist() == [2, 3, 7]
    assert piece.labels.tolist() == ["c", "a", "b"]
    assert some.weight.tolist() == [3, 4, 8]
    assert some.groups.tolist() == [2, 0, 1]
    assert some.timestamps.tolist() == [2, 3, 7]
    assert some.dropped == HOLDERS[holder].dropped


def test_a_sample_of_files_is_even_and_in_memory():
    """Every n-th row is taken with its label, or all rows if there are few."""
    some, everything = HOLDERS["stream"].sampled(3), HOLDERS["stream"].sampled(100)

    assert of_row(some.rows).tolist() == [0, 3, 6, 9]
    assert some.labels.tolist() == ["a", "a", "a", "a"]
    assert of_row(everything.rows).tolist() == list(range(10))
    assert everything.labels.tolist() == VALUES[CODES].tolist()


@pytest.mark.parametrize("holder", ["array", "table"])
def test_rows_in_memory_are_their_own_sample(holder):
    """Rows in memory are returned unchanged."""
    assert HOLDERS[holder].sampled(3) is HOLDERS[holder]
