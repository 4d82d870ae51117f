"""Streamed rows: chosen and changed, they come in pieces of the size that is asked for."""

import numpy as np
import pyarrow as pa
import pytest

from epochal.tables.streaming import Streamed, chosen_of

TABLE = pa.table({"a": np.arange(100), "b": [str(number % 7) for number in range(100)]})


def stream(rows):
    """Return rows as a stream."""

    def read(size):
        """Yield the rows, `size` at a time."""
        return (rows[start : start + size] for start in range(0, len(rows), size))

    return Streamed(len(rows), rows[:0], read)


def values(pieces):
    """Return the numbers of the rows of some pieces."""
    return [
        value
        for piece in pieces
        for value in (piece["a"].to_pylist() if isinstance(piece, pa.Table) else piece[:, 0])
    ]


@pytest.mark.parametrize("rows", [TABLE, np.arange(100)[:, None]], ids=["table", "array"])
@pytest.mark.parametrize("size", [1, 7, 30, 1000])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_chosen_rows_come_in_pieces_of_one_size(rows, size, share):
    """Every chosen row comes once, in order; all pieces but the last have the size."""
    chosen = np.random.default_rng(0).random(100) < share
    few = stream(rows).where(chosen)
    pieces = list(few.read(size))

    assert few.n_rows == chosen.sum()
    assert values(pieces) == np.flatnonzero(chosen).tolist()
    assert {len(piece) for piece in pieces[:-1]} <= {size}
    assert all(0 < len(piece) <= size for piece in pieces)


def test_chosen_rows_can_be_read_again():
    """A stream is gone through as often as needed."""
    few = stream(TABLE).where(np.arange(100) % 3 == 0)

    assert values(few.read(10)) == values(few.read(11)) == list(range(0, 100, 3))


def test_a_change_is_made_of_the_head_and_of_every_piece():
    """What is dropped from pieces is not in the head either."""
    narrow = stream(TABLE).mapped(lambda piece: piece.select(["a"]))

    assert narrow.head.column_names == ["a"]
    assert narrow.n_rows == 100
    assert all(piece.column_names == ["a"] for piece in narrow.read(30))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([b"a", b"b", b"c", None] * 25, pa.binary_view()),
        pa.array([{"a": b"x"}] * 100, pa.struct([("a", pa.binary_view())])),
        pa.array([["a"], None] * 50, pa.list_(pa.string_view())),
    ],
    ids=["views", "views in structs", "views in lists"],
)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_rows_can_be_chosen_whatever_types_their_columns_have(column, share):
    """Where Arrow has no filter for a type, its values are still those of the chosen rows."""
    table = pa.table(
        {"a": range(100), "b": pa.chunked_array([column.slice(0, 30), column.slice(30)])}
    )
    chosen = np.random.default_rng(0).random(100) < share
    with pytest.raises(pa.ArrowNotImplementedError):
        table.filter(pa.array(np.arange(100) % 2 == 0))
    found = chosen_of(table, chosen)

    rows = np.flatnonzero(chosen).tolist()
    assert found.column("a").to_pylist() == rows
    assert found.column("b").to_pylist() == [column[row].as_py() for row in rows]
    assert found.schema == table.schema
