"""Quotes that are text, and cells in which a separator may have been lost."""

from __future__ import annotations

import pytest

from epochal.io.csv.bits import places_of
from epochal.io.csv.literal_quotes import LiteralQuotes
from epochal.io.csv.quotes import quoting


@pytest.mark.parametrize(
    ("content", "places"),
    [
        (b'6" pipe,"a"\n12",x"y"\n', [1, 14, 17, 19]),
        (b'"a ""b""",c\n', []),
        (b'"a" b"\n', [5]),
        (b'"open, 6" x', []),
        (b'1,"open', []),
    ],
)
def test_places_of_literal_quotes(content, places):
    """Quotes within cells that begin with another character, and no others."""
    assert places_of(LiteralQuotes.of(content, ",").flags).tolist() == places


@pytest.mark.parametrize(
    ("row", "is_doubtful"),
    [
        (b'7"a, b",8', True),
        (b'x,7"a "" c, b, d",8', True),
        (b'7"a, b,8', False),
        (b'6" pipe,12" pipe', False),
        (b'6",12",x', False),
        (b'6"x4",12"x5"', False),
        (b'6" pipe,12"', False),
        (b'7 "hello, x",y', True),
        (b'say "hello x",y', False),
    ],
)
def test_cells_in_which_a_separator_may_have_been_lost(row, is_doubtful):
    """A quote within text with another at the end of a later cell is reported; inches and quoted words are not."""
    found = quoting(b"1,2\n" + row + b"\n", ",", [])
    assert found.fault is None
    assert found.lost_separator == (4 + row.index(b"7") if is_doubtful else None)


def test_a_row_that_is_not_whole_is_not_judged():
    """What is cut off at the end may go on otherwise."""
    assert quoting(b'7"a, b"', ",", []).lost_separator is None
