"""Rows are named by their file and their number in it, whatever has become of others."""

from __future__ import annotations

import numpy as np
import pytest

from epochal.errors import CellError, DataError
from epochal.tables.origin import Origin

PARTS = Origin.of(["a.csv", "b.csv"], [4, 2])


@pytest.mark.parametrize(
    ("row", "place"),
    [(0, (0, "a.csv")), (3, (3, "a.csv")), (4, (0, "b.csv")), (9, (5, "b.csv"))],
)
def test_rows_of_several_files_are_named_by_their_own(row, place):
    """The number is that in the file, from 0."""
    assert PARTS.place(row) == place


def test_rows_that_are_left_are_named_by_what_they_were():
    """However often some are taken out of others."""
    odd = np.arange(6) % 2 == 1
    origin = PARTS.where(odd).where(np.array([False, True, True]))

    assert [origin.place(row) for row in (0, 1)] == [(3, "a.csv"), (1, "b.csv")]


def test_pieces_go_on_counting():
    """The rows after some are those of the same file, also if some are left out, in any order."""
    assert Origin.of(["a.csv"], [0]).after(5).after(2).place(1) == (8, "a.csv")
    assert PARTS.where(np.array([5, 0, 3])).after(1).place(1) == (3, "a.csv")
    assert Origin().after(2).place(1) == (3, "")


def test_origins_of_pieces_are_joined():
    """Rows of several pieces are named as those of each piece are."""
    pieces = [PARTS.where(np.array([0, 1, 0, 0, 1, 0], bool)), Origin.of(["c.csv"], [1])]
    joined = Origin.of(pieces, [2, 1])

    assert [joined.place(row) for row in range(3)] == [(1, "a.csv"), (0, "b.csv"), (0, "c.csv")]


def test_a_file_can_be_named_by_whoever_knows_it():
    """An error that passes rows without a file has their number, and is still about a row."""
    some = Origin().where(np.array([0, 3]))
    is_named = pytest.raises(DataError, match=r"^bad row 3 of a\.csv\.$")
    with is_named, PARTS.naming_rows(), some.naming_rows():
        raise CellError.in_row("bad", 1)


def test_errors_about_a_row_say_where_it_is():
    """What was found, expected and hinted stays; other errors pass."""
    with pytest.raises(DataError) as caught, PARTS.naming_rows():
        raise CellError.in_row("column 'x' holds 'y' in", 5, " (a word)", "a number", "mend it")

    expected = "column 'x' holds 'y' in row 1 of b.csv (a word); expected a number.\nHint: mend it"
    assert str(caught.value) == expected
    assert not isinstance(caught.value, CellError)
    with pytest.raises(DataError, match="^other"), PARTS.naming_rows():
        raise DataError("other")
