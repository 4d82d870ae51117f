"""Quotes of a text table: row ends, misplaced quotes, protected cells.

The rules are those of RFC 4180, read strictly: a cell that begins with a quote ends with a quote, and a
separator, a line end or the end of the file follows; within the cell, a quote is doubled. In a cell
that begins with another character, a quote is literal.

Bytes are classified 64 at a time, as bits of words. A regular expression is used only if there are
literal quotes.
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
    places_of,
    prefix_parity,
)
from epochal.io.csv.literal_quotes import LiteralQuotes

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUOTE, _LINE_FEED, _RETURN, _SPACE = b'"\n\r '
# Bytes in a piece.
_PIECE = 1 << 20
_ONE = np.uint64(1)
# The spaces of Unicode as UTF-8, those of ASCII first.
_ASCII_SPACES = 10
_WIDE_SPACES = (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
_SPACES = tuple(chr(code).encode() for code in (*range(9, 14), *range(28, 33), *_WIDE_SPACES))


class QuoteFault(NamedTuple):
    """A quoted cell followed by text: the positions of its opening and closing quotes."""

    opened: int
    closed: int


@dataclass(frozen=True)
class Quoting:
    """The classified quotes of bytes, which begin with a row.

    `fault` is the first cell that violates the rules, `opened` the position of a quote that is not
    closed at the end. `row_ends` is a mask of the line ends that end a row (None: there are no quotes,
    and all do), `quoted_breaks` one of those within quotes. `protected` are the positions of the
    opening quotes of cells that would be trimmed or missing without quotes. `lost_separator` is the
    position of the first cell in which a separator may be missing.
    """

    content: bytes
    fault: QuoteFault | None = None
    opened: int | None = None
    row_ends: np.ndarray | None = None
    quoted_breaks: np.ndarray | None = None
    protected: np.ndarray | None = None
    lost_separator: int | None = None

    def row_end(self, start: int, stop: int) -> int:
        """Return the position after the last row end from `start` to `stop`; 0 if there is none."""
        if self.row_ends is None:
            content = self.content
            return max(content.rfind(b"\n", start, stop), content.rfind(b"\r", start, stop)) + 1
        return last_place(self.row_ends, start, stop) + 1

    def has_breaks(self, stop: int) -> bool:
        """Return whether there is a line end within quotes before a position."""
        return self.quoted_breaks is not None and bool(self.quoted_breaks[: -(-stop // WORD)].any())

    def protected_before(self, stop: int) -> np.ndarray:
        """Return the positions of the opening quotes of protected cells before a position."""
        protected = np.empty(0, np.int64) if self.protected is None else self.protected
        return protected[protected < stop]


def quoting(content: bytes, separator: str, words: Sequence[str]) -> Quoting:
    r"""Return the classified quotes of rows; `words` mean a missing value unless they are quoted.

    >>> found = quoting(b'1,"a\nb"\n2," c"\n3,"x', ",", ["NA"])
    >>> found.row_end(0, 20), found.opened, found.protected.tolist()
    (15, 17, [10])
    >>> quoting(b'1,"a"b\n', ",", []).fault
    QuoteFault(opened=2, closed=4)
    """
    if b'"' not in content:
        return Quoting(content)
    scan = _Scan.of(content, separator, words)
    literal, quote_flags = None, scan.flags()
    if quote_flags.misplaced is not None:
        # Most files have none; the misplaced quote may be literal.
        literal = LiteralQuotes.of(content, separator)
        quote_flags = scan.flags(literal.flags)
    opened = None
    if quote_flags.ends_inside:
        opened = last_place(quote_flags.starts, 0, len(content))
    fault = None
    if quote_flags.misplaced is not None:
        fault = QuoteFault(
            last_place(quote_flags.starts, 0, quote_flags.misplaced), quote_flags.misplaced
        )
    lost_separator = (
        None
        if literal is None
        else literal.lost_separator(content, places_of(quote_flags.row_ends))
    )
    return Quoting(
        content,
        fault,
        opened,
        quote_flags.row_ends,
        quote_flags.quoted_breaks,
        quote_flags.protected,
        lost_separator,
    )


class _QuoteFlags(NamedTuple):
    """The result of a scan: masks of row ends, of line ends within quotes, and of opening quotes.

    `misplaced` is the position of the first misplaced quote; `protected` are the positions of the
    opening quotes of protected cells.
    """

    row_ends: np.ndarray
    quoted_breaks: np.ndarray
    starts: np.ndarray
    misplaced: int | None
    protected: np.ndarray
    ends_inside: bool


class _Scan(NamedTuple):
    """Bytes that are scanned piece by piece, so that all masks of a piece fit into a core's cache."""

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

    def flags(self, literal: np.ndarray | None = None) -> _QuoteFlags:
        """Return the classified quotes of all pieces; `literal` is a mask of literal quotes."""
        size = -(-len(self.values) // WORD)
        row_ends, quoted_breaks, starts = np.empty((3, size), "<u8")
        misplaced: int | None = None
        protected, padded = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        inside = np.zeros(2, "<u8")
        for start in range(0, len(self.values), _PIECE):
            piece = _Piece.of(self, start, literal, is_odd=bool(inside[-2] >> np.uint64(63)))
            core, word_slice = piece.core, slice(start // WORD, start // WORD + piece.words)
            inside = piece.inside[core]
            line_ends = piece.line_ends[core]
            row_ends[word_slice], quoted_breaks[word_slice] = (
                line_ends & ~inside,
                line_ends & inside,
            )
            starts[word_slice] = piece.starts[core]
            if misplaced is None and piece.misplaced[core].any():
                misplaced = start + int(places_of(piece.misplaced[core])[0])
            protected.append(piece.protected(self))
            padded.append(piece.padded(self))
        ends_inside = bool(are_set(inside, np.array([(len(self.values) - 1) % _PIECE]))[0])
        ends = np.concatenate(padded)
        protected.append(_last_of(places_of(starts) if len(ends) else ends, ends))
        all_protected = np.sort(np.concatenate(protected))
        # A cell with spaces at both ends is found twice.
        all_protected = all_protected[np.diff(all_protected, prepend=-1) > 0]
        return _QuoteFlags(row_ends, quoted_breaks, starts, misplaced, all_protected, ends_inside)


class _Piece(NamedTuple):
    """Masks of the bytes of a piece, from position `first` on; only the words of the `core` are used.

    One word before the core and some after it provide context. `inside`: from an opening quote to
    before the closing one. `starts` and `ends` are the opening and closing quotes of cells, without
    doubled quotes; `misplaced` are quotes without a separator or line end on their outer side.
    """

    first: int
    lead: int
    words: int
    line_ends: np.ndarray
    inside: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    misplaced: np.ndarray
    spaces: np.ndarray
    values: np.ndarray

    @property
    def core(self) -> slice:
        """The words of the piece, without context."""
        return slice(self.lead, self.lead + self.words)

    @classmethod
    def of(cls, scan: _Scan, start: int, literal: np.ndarray | None, *, is_odd: bool) -> _Piece:
        """Return the piece that begins at a position; `is_odd`: it begins within quotes."""
        first, stop = max(start - WORD, 0), min(start + _PIECE, len(scan.values))
        lookahead = max([len(word) for word in scan.words], default=0) // WORD * WORD + 2 * WORD
        values = scan.values[first : stop + lookahead]
        quotes = bits_of(values == _QUOTE)
        if literal is not None:
            quotes &= ~literal[first // WORD : first // WORD + len(quotes)]
        line_ends = bits_of((values == _LINE_FEED) | (values == _RETURN))
        inside = prefix_parity(quotes, is_odd=is_odd)
        opening, closing = quotes & inside, quotes & ~inside
        bounds = bits_of(values == scan.separator) | line_ends | quotes
        preceded, followed = after(bounds), before(bounds)
        if first == 0:
            preceded[0] |= _ONE
        # The byte after the last one is unknown, so a quote there is no error yet.
        followed[(len(values) - 1) // WORD] |= _ONE << np.uint64((len(values) - 1) % WORD)
        misplaced = (opening & ~preceded) | (closing & ~followed)
        starts, ends = opening & ~after(closing), closing & ~before(opening)
        spaces = values <= _SPACE
        if len(scan.spaces) > _ASCII_SPACES:
            # The first and last bytes of spaces beyond ASCII.
            spaces |= ((values >= 0x80) & (values <= 0xAF)) | (values == 0xC2)
            spaces |= (values >= 0xE1) & (values <= 0xE3)
        words = -(-(stop - start) // WORD)
        lead = (start - first) // WORD
        return cls(
            first, lead, words, line_ends, inside, starts, ends, misplaced, bits_of(spaces), values
        )

    def protected(self, scan: _Scan) -> np.ndarray:
        """Return the positions of the opening quotes of cells that begin with a space or are a word."""
        begins = after(self.starts)
        first = self._in_core(begins & self.spaces, 1)
        places = [first[_any_at(self.values, first, scan.spaces)]]
        closed = {length: before(self.ends, length) for length in {*map(len, scan.words)}}
        for byte in {word[0] for word in scan.words}:
            # Only cells with the length and first byte of a word are compared.
            of_words = [word for word in scan.words if word[0] == byte]
            as_long = reduce(np.bitwise_or, [closed[len(word)] for word in of_words])
            first = self._in_core(begins & as_long & bits_of(self.values == byte), 1)
            for word in of_words if len(first) else ():
                openings = first[_matches(self.values, first, word)]
                places.append(openings[are_set(self.ends, openings + len(word))])
        openings = np.concatenate(places)
        return self.first + openings - 1

    def padded(self, scan: _Scan) -> np.ndarray:
        """Return the positions of the spaces at the ends of quoted cells."""
        last = self._in_core(before(self.ends) & self.spaces)
        return self.first + last[_any_at(self.values, last, scan.spaces, backwards=True)]

    def _in_core(self, flags: np.ndarray, behind: int = 0) -> np.ndarray:
        """Return the positions of flagged bytes in the core, shifted by `behind` bytes."""
        begin = self.lead * WORD + behind
        places = places_of(flags)
        return places[(places >= begin) & (places < begin + self.words * WORD)]


def _last_of(places: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return, for each of the other positions, the last position before it."""
    return places[np.searchsorted(places, others) - 1] if len(others) else others


def _any_at(
    values: np.ndarray, places: np.ndarray, texts: Sequence[bytes], *, backwards: bool = False
) -> np.ndarray:
    """Return whether one of the texts begins at each position, or ends there."""
    result = np.zeros(len(places), bool)
    for text in texts if len(places) else ():
        result |= _matches(values, places - (len(text) - 1) * backwards, text)
    return result


def _matches(values: np.ndarray, places: np.ndarray, text: bytes) -> np.ndarray:
    """Return whether a text begins at each position."""
    result = (places >= 0) & (places + len(text) <= len(values))
    for offset, byte in enumerate(text):
        # Few positions remain after the first byte.
        remaining = np.flatnonzero(result)
        result[remaining] = values[places[remaining] + offset] == byte
    return result
