"""Literal quotes: quotes in cells that begin with another character are text, as in `6" pipe`."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import numpy as np

from epochal.io.csv.bits import bits_of

_QUOTE, _SPACE = b'" '


class LiteralQuotes(NamedTuple):
    """The quotes in cells that begin with another character: their mask, positions, and cells.

    `cells` has the positions where these cells begin and end, `numbers` the cell number of each quote.
    """

    flags: np.ndarray
    places: np.ndarray
    cells: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of(cls, content: bytes, separator: str) -> LiteralQuotes:
        """Return the literal quotes of rows."""
        matches = [cell.span(1) for cell in _up_to_literal_quote(separator).finditer(content)]
        # The match at the end of the content has no cell.
        cells = np.array([span for span in matches if span[0] >= 0], np.int64).reshape(-1, 2)
        places = np.flatnonzero(np.frombuffer(content, np.uint8) == _QUOTE)
        numbers = np.searchsorted(cells[:, 0], places, "right") - 1
        within = numbers >= 0
        within[within] = places[within] < cells[numbers[within], 1]
        places, numbers = places[within], numbers[within]
        flags = np.zeros(len(content), bool)
        flags[places] = True
        return cls(bits_of(flags), places, cells, numbers)

    def lost_separator(self, content: bytes, row_ends: np.ndarray) -> int | None:
        """Return the position of the first cell in which a separator seems to be missing.

        In `7"a, b",8` it is missing before the first quote: that has text on both sides, it has no
        closing quote in its cell, and a later cell of the row ends with a quote.
        """
        if not len(self.cells):
            return None
        values = np.frombuffer(content, np.uint8)
        is_odd = np.bincount(self.numbers, minlength=len(self.cells)) % 2 == 1
        first = self.places[np.searchsorted(self.numbers, np.arange(len(self.cells)))]
        ends = self.cells[:, 1] - 1
        opens = is_odd & (first < ends) & (values[np.minimum(first + 1, ends)] != _SPACE)
        closing = np.flatnonzero(is_odd & (values[ends] == _QUOTE))
        opening = np.flatnonzero(opens)
        later = np.searchsorted(closing, opening, "right")
        opening, later = opening[later < len(closing)], later[later < len(closing)]
        rows = np.searchsorted(row_ends, self.cells[:, 0])
        same = rows[opening] == rows[closing[later]]
        # The last row may be incomplete.
        same &= rows[opening] < len(row_ends)
        return int(self.cells[opening[same][0], 0]) if same.any() else None


@cache
def _up_to_literal_quote(separator: str) -> re.Pattern[bytes]:
    """Return the pattern of all cells up to the next one with a literal quote, or up to the end."""
    ends = rb"%b\r\n" % re.escape(separator.encode())
    quoted = rb'"[^"]*+(?:"|\Z)'
    plain = rb'[^"%b]++(?=[%b]|\Z)' % (ends, ends)
    return re.compile(
        rb'(?:%b|%b|[%b])*+(?:([^"%b]++"[^%b]*+)|\Z)' % (quoted, plain, ends, ends, ends)
    )
