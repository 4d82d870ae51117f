"""A text table cut into blocks of whole lines, each to be parsed by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv

from epochal.data.sources import opening, text
from epochal.data.sources.runs import ahead
from epochal.data.sources.text_stream import TextStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

# Bytes of a block: enough for all processors to have some of it.
BLOCK = 1 << 23
# What one processor parses at a time.
_SHARE = 1 << 20
_QUOTE, _LINE_FEED, _RETURN = b'"\n\r'


@dataclass(frozen=True)
class Block:
    """Some lines of a text table: the first bytes of the content; and the stream that they are from.

    A row ends in each `share` of the bytes: Arrow can parse them side by side.
    """

    content: bytes
    length: int
    share: int
    stream: TextStream

    @cached_property
    def holds_hexadecimals(self) -> bool:
        """Whether there may be numbers like 0x1F."""
        return any(
            letter in self.content and b"0" + letter in self.content for letter in (b"x", b"X")
        )

    def parsed(self, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Return columns as Arrow reads them, in the types that are given or that it finds.

        Raises:
            SourceError: for what Arrow refuses, with the line if it can be found.
        """
        try:
            return self._parsed(names, types)
        except pa.ArrowInvalid as error:
            raise text.fault(self.stream.path, str(error)) from error

    def fits(self, name: str, kind: pa.DataType) -> bool:
        """Return whether all values of a column are of a type."""
        try:
            # By one processor: many at once may wait for each other for ever if Arrow
            # 18 refuses one block after the other.
            self._parsed([name], {name: kind}, together=False)
        except pa.ArrowInvalid:
            return False
        return True

    def _parsed(
        self, names: Sequence[str], types: Mapping[str, pa.DataType], *, together: bool = True
    ) -> pa.Table:
        """Return columns as Arrow reads them, `together` by all processors."""
        reading, parsing, converting = text.options(self.stream, names, types)
        reading.block_size, reading.use_threads = self.share, together
        # Without quotes all line ends are ends of rows, and Arrow need not look for others.
        parsing.newlines_in_values = b'"' in self.content
        lines = pa.BufferReader(pa.py_buffer(self.content).slice(0, self.length))
        return pyarrow.csv.read_csv(lines, reading, parsing, converting)


def blocks_of(path: Path) -> Iterator[Block]:
    """Yield the lines below the header in blocks; a quote that is never closed is refused."""
    return ahead(_cut(path))


def _cut(path: Path) -> Iterator[Block]:
    """Yield the lines below the header in blocks of whole rows."""
    with opening.reading(path, text.EXPECTED), TextStream(path) as stream:
        held = b""
        while read := _filled(stream, BLOCK):
            held += read
            end, share = whole_rows(held, stream.separator)
            if end > 1:
                yield Block(held, end, share, stream)
                # Arrow would take a byte-order mark here for that of the file; a blank line is no row.
                held = b"\n" + held[end:]
            elif len(held) > text.LONGEST_LINE:
                raise text.fault(path, "straddling")
        if held.strip(b"\r\n"):
            yield Block(held, len(held), len(held) + 1, stream)
        text.refuse_open_quote(stream)


def whole_rows(content: bytes, separator: str) -> tuple[int, int]:
    r"""Return how many bytes at the beginning are whole rows, and in how many of them always one ends.

    `content` begins with a row. A line end within quotes ends no row. A quote
    counts where a value begins, and from there to the one that closes it.

    >>> [whole_rows(some, ",")[0] for some in (b'1,2\n3,"4\n5\n', b'5" pipe\n6 pipe\n7')]
    [4, 15]
    """
    quotes = _quotes_in(content, separator)
    if quotes is None:
        found = _rows_in(separator).match(content)
        end = found.end() if found else 0
        return end, end + 1
    end = _row_end(content, quotes, 0, len(content))
    starts = range(0, end, _SHARE)
    has_ends = all(_row_end(content, quotes, at, min(at + _SHARE, end)) for at in starts)
    return end, _SHARE if has_ends else end + 1


def _quotes_in(content: bytes, separator: str) -> np.ndarray | None:
    """Return the places of quotes, which open and close values in turn; None if some do neither."""
    if b'"' not in content:
        return np.zeros(0, np.int64)
    values = np.frombuffer(content, np.uint8)
    quotes = np.flatnonzero(values == _QUOTE)
    # An opening quote stands at the beginning of a value, or makes a pair with a closing one.
    before = values[quotes[int(quotes[0] == 0) * 2 :: 2] - 1]
    expected = np.zeros(256, bool)
    expected[[ord(separator), _LINE_FEED, _RETURN, _QUOTE]] = True
    return quotes if expected[before].all() else None


def _row_end(content: bytes, quotes: np.ndarray, start: int, stop: int) -> int:
    """Return the place after the last line end outside of quotes between two places; 0 if there is none."""
    count = int(np.searchsorted(quotes, stop))
    for closed in range(count - count % 2, -1, -2):
        last = int(quotes[closed]) if closed < count else stop
        first = max(int(quotes[closed - 1]) + 1 if closed else 0, start)
        if end := _last_line_end(content, first, last):
            return end
        if first == start:
            break
    return 0


def _last_line_end(content: bytes, start: int, stop: int) -> int:
    """Return the place after the last line end between two places; 0 if there is none."""
    return max(content.rfind(b"\n", start, stop), content.rfind(b"\r", start, stop)) + 1


def _rows_in(separator: str) -> re.Pattern[bytes]:
    """Return the pattern of rows with quotes that are no bounds of values: slow, but exact."""
    between = re.escape(separator.encode())
    bare = rb"[^%b\r\n]*+" % between
    value = rb'(?:"[^"]*+(?:""[^"]*+)*+"|(?!"))' + bare
    return re.compile(rb"(?:%b(?:%b%b)*+[\r\n])*+" % (value, between, value))


def _filled(stream: TextStream, size: int) -> bytes:
    """Return the next bytes of a stream: so many, unless it ends."""
    found = []
    while size > 0 and (part := stream.read(size)):
        found.append(part)
        size -= len(part)
    return b"".join(found)
