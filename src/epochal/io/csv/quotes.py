"""The quotes of a text table: where rows end, which quote is wrong, which cells quotes protect.

The rules are those of RFC 4180, read strictly: a cell that begins with a quote ends with
one, which a separator, a line end or the end of the file follows; within it a quote is
written twice. In a cell that begins with another character a quote is text.

All bytes are looked at together, as bits of words. Only where some quote is text
a regular expression finds out which.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.io.csv.bits import (
    WORD,
    after,
    are_set,
    before,
    bits_of,
    last_place,
    odd_so_far,
    places_of,
)
from epochal.io.csv.literal_quotes import LiteralQuotes

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUOTE, _LINE_FEED, _RETURN, _SPACE = b'"\n\r '
# Bytes that are looked at at a time.
_PIECE = 1 << 20
_ONE = np.uint64(1)
# All of Unicode's, as UTF-8; the first ones are of ASCII.
_ASCII_SPACES = 10
_WIDE_SPACES = (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
_SPACES = tuple(chr(code).encode() for code in (*range(9, 14), *range(28, 33), *_WIDE_SPACES))


class QuoteFault(NamedTuple):
    """A quoted cell with text behind it: the places of the quotes that open and close it."""

    opened: int
    closed: int


@dataclass(frozen=True)
class Quoting:
    """The quotes of some rows, classified; the bytes begin with a row.

    `fault` is the first cell that breaks the rules, `opened` the place of a
    quote that is not closed yet at the end. `row_ends` has a bit for each line end that ends a
    row (None: no quotes, each does), `broken` one for each within quotes. `protected` are the places
    of the quotes that open cells which spaces or a missing value would change, were they not quoted.
    `lost_separator` is the place of the first cell in which a separator may have been lost.
    """

    content: bytes
    fault: QuoteFault | None = None
    opened: int | None = None
    row_ends: np.ndarray | None = None
    broken: np.ndarray | None = None
    protected: np.ndarray | None = None
    lost_separator: int | None = None

    def row_end(self, start: int, stop: int) -> int:
        """Return the place after the last row end between two places; 0 if there is none."""
        if self.row_ends is None:
            content = self.content
            return max(content.rfind(b"\n", start, stop), content.rfind(b"\r", start, stop)) + 1
        return last_place(self.row_ends, start, stop) + 1

    def has_breaks(self, stop: int) -> bool:
        """Return whether there is a line end within quotes before a place."""
        return self.broken is not None and bool(self.broken[: -(-stop // WORD)].any())

    def protected_before(self, stop: int) -> np.ndarray:
        """Return the places before a place of the quotes that open protected cells."""
        protected = np.empty(0, np.int64) if self.protected is None else self.protected
        return protected[protected < stop]


def quoting(content: bytes, separator: str, words: Sequence[str]) -> Quoting:
    r"""Return the quotes of rows, classified; `words` mean a missing value where they are not quoted.

    >>> found = quoting(b'1,"a\nb"\n2," c"\n3,"x', ",", ["NA"])
    >>> found.row_end(0, 20), found.opened, found.protected.tolist()
    (15, 17, [10])
    >>> quoting(b'1,"a"b\n', ",", []).fault
    QuoteFault(opened=2, closed=4)
    """
    if b'"' not in content:
        return Quoting(content)
    scan = _Scan.of(content, separator, words)
    literal, found = None, scan.found()
    if found.wrong is not None:
        # In most files there is none; where there is one, the quote may be text.
        literal = LiteralQuotes.of(content, separator)
        found = scan.found(literal.flags)
    opened = None
    if found.ends_inside:
        opened = last_place(found.starts, 0, len(content))
    fault = None
    if found.wrong is not None:
        fault = QuoteFault(last_place(found.starts, 0, found.wrong), found.wrong)
    lost_separator = (
        None if literal is None else literal.lost_separator(content, places_of(found.row_ends))
    )
    return Quoting(
        content, fault, opened, found.row_ends, found.broken, found.protected, lost_separator
    )


class _QuoteFlags(NamedTuple):
    """What a scan found: a bit for each byte that ends a row, ends a line within quotes, or starts a cell.

    `wrong` is the place of the first quote that is no bound, `protected` are those that open protected cells.
    """

    row_ends: np.ndarray
    broken: np.ndarray
    starts: np.ndarray
    wrong: int | None
    protected: np.ndarray
    ends_inside: bool


class _Scan(NamedTuple):
    """Bytes to be looked at piece by piece, so that all flags of a piece stay in a core's cache."""

    values: np.ndarray
    separator: int
    words: list[bytes]
    spaces: Sequence[bytes]

    @classmethod
    def of(cls, content: bytes, separator: str, words: Sequence[str]) -> _Scan:
        """Return the scan of rows."""
        spaces = _SPACES[:_ASCII_SPACES] if content.isascii() else _SPACES
        encoded = [word.encode() for word in words if word]
        return cls(np.frombuffer(content, np.uint8), ord(separator), encoded, spaces)

    def found(self, literal: np.ndarray | None = None) -> _QuoteFlags:
        """Return the quotes of all pieces; `literal` has a bit for each that is text."""
        size = -(-len(self.values) // WORD)
        row_ends, broken, starts = np.empty((3, size), "<u8")
        wrong: int | None = None
        protected, padded = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        inside = np.zeros(2, "<u8")
        for start in range(0, len(self.values), _PIECE):
            piece = _Piece.of(self, start, literal, is_odd=bool(inside[-2] >> np.uint64(63)))
            core, some = piece.core, slice(start // WORD, start // WORD + piece.words)
            inside = piece.inside[core]
            line_ends = piece.line_ends[core]
            row_ends[some], broken[some] = line_ends & ~inside, line_ends & inside
            starts[some] = piece.starts[core]
            if wrong is None and piece.wrong[core].any():
                wrong = start + int(places_of(piece.wrong[core])[0])
            protected.append(piece.protected(self))
            padded.append(piece.padded(self))
        ends_inside = bool(are_set(inside, np.array([(len(self.values) - 1) % _PIECE]))[0])
        ends = np.concatenate(padded)
        protected.append(_last_of(places_of(starts) if len(ends) else ends, ends))
        together = np.sort(np.concatenate(protected))
        # Spaces at both ends are one cell.
        together = together[np.diff(together, prepend=-1) > 0]
        return _QuoteFlags(row_ends, broken, starts, wrong, together, ends_inside)


class _Piece(NamedTuple):
    """Flags of the bytes of a piece: a bit for each, from `first` on; those of the `core` count.

    A word before the core and some behind it are there for what stands next to
    it. `inside`: from an opening quote to before the closing one. `starts` and
    `ends` are the quotes with which cells do, no halves of a pair; `wrong` are
    those that have no bound on their other side.
    """

    first: int
    lead: int
    words: int
    line_ends: np.ndarray
    inside: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    wrong: np.ndarray
    spaces: np.ndarray
    values: np.ndarray

    @property
    def core(self) -> slice:
        """The words that the piece consists of."""
        return slice(self.lead, self.lead + self.words)

    @classmethod
    def of(cls, scan: _Scan, start: int, literal: np.ndarray | None, *, is_odd: bool) -> _Piece:
        """Return the piece that begins with a byte; `is_odd`: its first bytes are within quotes."""
        first, stop = max(start - WORD, 0), min(start + _PIECE, len(scan.values))
        ahead = max([len(word) for word in scan.words], default=0) // WORD * WORD + 2 * WORD
        values = scan.values[first : stop + ahead]
        quotes = bits_of(values == _QUOTE)
        if literal is not None:
            quotes &= ~literal[first // WORD : first // WORD + len(quotes)]
        line_ends = bits_of((values == _LINE_FEED) | (values == _RETURN))
        inside = odd_so_far(quotes, is_odd=is_odd)
        opening, closing = quotes & inside, quotes & ~inside
        bounds = bits_of(values == scan.separator) | line_ends | quotes
        preceded, followed = after(bounds), before(bounds)
        if first == 0:
            preceded[0] |= _ONE
        # What follows the last byte is not known yet.
        followed[(len(values) - 1) // WORD] |= _ONE << np.uint64((len(values) - 1) % WORD)
        wrong = (opening & ~preceded) | (closing & ~followed)
        starts, ends = opening & ~after(closing), closing & ~before(opening)
        spaces = values <= _SPACE
        if len(scan.spaces) > _ASCII_SPACES:
            # Where a wide space may begin or end.
            spaces |= ((values >= 0x80) & (values <= 0xAF)) | (values == 0xC2)
            spaces |= (values >= 0xE1) & (values <= 0xE3)
        words = -(-(stop - start) // WORD)
        lead = (start - first) // WORD
        return cls(
            first, lead, words, line_ends, inside, starts, ends, wrong, bits_of(spaces), values
        )

    def protected(self, scan: _Scan) -> np.ndarray:
        """Return the places of the quotes that open cells which begin with a space or are a word."""
        begins = after(self.starts)
        first = self._in_core(begins & self.spaces, 1)
        places = [first[_any_at(self.values, first, scan.spaces)]]
        closed = {length: before(self.ends, length) for length in {*map(len, scan.words)}}
        for byte in {word[0] for word in scan.words}:
            # Only cells that are as long as a word that begins so are looked at.
            of_words = [word for word in scan.words if word[0] == byte]
            as_long = reduce(np.bitwise_or, [closed[len(word)] for word in of_words])
            first = self._in_core(begins & as_long & bits_of(self.values == byte), 1)
            for word in of_words if len(first) else ():
                found = first[_matches(self.values, first, word)]
                places.append(found[are_set(self.ends, found + len(word))])
        found = np.concatenate(places)
        return self.first + found - 1

    def padded(self, scan: _Scan) -> np.ndarray:
        """Return the places of the spaces with which quoted cells end."""
        last = self._in_core(before(self.ends) & self.spaces)
        return self.first + last[_any_at(self.values, last, scan.spaces, backwards=True)]

    def _in_core(self, flags: np.ndarray, behind: int = 0) -> np.ndarray:
        """Return the places of the flagged bytes of the core, or of those so far behind these."""
        begin = self.lead * WORD + behind
        places = places_of(flags)
        return places[(places >= begin) & (places < begin + self.words * WORD)]


def _last_of(places: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for each of some other places the last one before it."""
    return places[np.searchsorted(places, others) - 1] if len(others) else others


def _any_at(
    values: np.ndarray, places: np.ndarray, texts: Sequence[bytes], *, backwards: bool = False
) -> np.ndarray:
    """Return whether one of the texts begins at each place, or ends there."""
    found = np.zeros(len(places), bool)
    for text in texts if len(places) else ():
        found |= _matches(values, places - (len(text) - 1) * backwards, text)
    return found


def _matches(values: np.ndarray, places: np.ndarray, text: bytes) -> np.ndarray:
    """Return whether a text begins at each place."""
    found = (places >= 0) & (places + len(text) <= len(values))
    for offset, byte in enumerate(text):
        # Few are left after the first byte.
        left = np.flatnonzero(found)
        found[left] = values[places[left] + offset] == byte
    return found
