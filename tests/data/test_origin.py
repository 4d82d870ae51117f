"""Rows are named by their file and their number in it, whatever has become of others."""

from __future__ import annotations

import numpy as np
import pytest

from epochal.data.origin import Origin
from epochal.errors import CellError, DataError

PARTS = Origin((("a.csv", 4), ("b.csv", 2)))


@pytest.mark.parametrize(
    ("row", "place"),
    [(0, "row 0 of a.csv"), (3, "row 3 of a.csv"), (4, "row 0 of b.csv"), (9, "row 5 of b.csv")],
)
def test_rows_of_several_files_are_named_by_their_own(row, place):
    """The number is that in the file, from 0."""
    assert PARTS.place(row) == place


def test_rows_that_are_left_are_named_by_what_they_were():
    """However often some are taken out of others."""
    odd = np.arange(6) % 2 == 1
    origin = PARTS.where(odd).where(np.array([False, True, True]))

    assert [origin.place(row) for row in (0, 1)] == ["row 3 of a.csv", "row 1 of b.csv"]


def test_pieces_go_on_counting():
    """The rows after some are those of the same file."""
    assert Origin.of("a.csv", first=5).after(2).place(1) == "row 8 of a.csv"
    assert Origin().after(2).place(1) == "row 3"


def test_errors_about_a_row_say_where_it_is():
    """What was found, expected and hinted stays; other errors pass."""
    with pytest.raises(DataError) as caught, PARTS.naming_rows():
        raise CellError.in_row("column 'x' holds 'y' in", 5, " (a word)", "a number", "mend it")

    expected = "column 'x' holds 'y' in row 1 of b.csv (a word); expected a number.\nHint: mend it"
    assert str(caught.value) == expected
    assert not isinstance(caught.value, CellError)
    with pytest.raises(DataError, match="^other"), PARTS.naming_rows():
        raise DataError("other")
