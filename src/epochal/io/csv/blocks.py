"""Blocks of a CSV file: whole rows that can be parsed independently.

Every reader of text tables uses these blocks; quotes and encodings are checked here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.csv

from epochal.config.csv_options import PLAIN
from epochal.errors import SourceError
from epochal.io import opening
from epochal.io.csv.cells import MARK
from epochal.io.csv.diagnostics import fault_in
from epochal.io.csv.encoding import SAMPLE, wide_encoding, wide_error
from epochal.io.csv.quote_diagnostics import (
    closed_too_late,
    holds_mark,
    line_at,
    never_closed,
    not_a_bound,
)
from epochal.io.csv.quotes import quoting
from epochal.io.csv.stream import TextStream
from epochal.io.csv.type_inference import columns_from
from epochal.io.scan import prefetched

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from epochal.config.csv_options import CsvOptions
    from epochal.io.csv.quotes import Quoting

EXPECTED = "a CSV or TSV file, plain or compressed by gzip"
# Bytes of a block: enough to keep all processors busy.
BLOCK = 1 << 23
# The longest line that can be read.
LONGEST_LINE = 1 << 23
# Bytes that one processor parses at a time.
_SHARE = 1 << 20
_MARK = MARK.encode()
# C1 control characters, except the line end U+0085, are letters of another encoding.
_CONTROL = re.compile(rb"\xc2[\x80-\x84\x86-\x9f]")
_CONTROL_SENTENCE = (
    "holds the control character {}: was the text converted as if it were Latin-1? "
    "Convert it again, e.g.: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW"
)
_SEPARATOR_SENTENCE = (
    "has a quote within a value, and one at the end of a later value: is a separator missing "
    "before the first? Put it there, or put the whole value into quotes"
)
# The beginning is looked for first, which is fast.
_NEGATIVE_ZERO = re.compile(rb"-0(?<!\w-0)0*(?![\w.])")
# A protected cell has at least three bytes, and its mark six.
_GROWTH = 3


class Note(NamedTuple):
    """Something that looks wrong: its byte offset in the file, and a sentence about its line."""

    offset: int
    sentence: str


@dataclass(frozen=True)
class Block:
    """Rows of a text table: the first `length` bytes of `content`; and the stream that they come from.

    A row ends in each `share` bytes, so that Arrow can parse these in parallel. `has_breaks`: there are
    line ends within quotes. `protected` are the positions of the opening quotes of protected cells:
    without quotes, their spaces would be trimmed, or they would be missing. `notes` is what looks wrong.
    """

    content: bytes
    length: int
    share: int
    stream: TextStream
    has_breaks: bool
    protected: np.ndarray
    notes: Sequence[Note] = ()

    @property
    def has_marks(self) -> bool:
        """Whether texts of the block may have marks of quoted cells."""
        return len(self.protected) > 0

    @cached_property
    def holds_hexadecimals(self) -> bool:
        """Whether the rows may hold numbers like 0x1F."""
        return any(
            letter in self.content and b"0" + letter in self.content for letter in (b"x", b"X")
        )

    @cached_property
    def holds_negative_zeros(self) -> bool:
        """Whether the rows may hold integers like -0."""
        return _NEGATIVE_ZERO.search(self.content) is not None

    @cached_property
    def marked(self) -> bytes:
        """The rows, with a mark in front of each protected cell."""
        places = [0, *(self.protected + 1).tolist(), self.length]
        return _MARK.join(self.content[start:stop] for start, stop in pairwise(places))

    def parsed(self, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Return columns as Arrow parses them, in the given types, or in those that Arrow infers.

        Texts have marks before protected cells.

        Raises:
            SourceError: if Arrow refuses the rows; it names the line if possible.
        """
        parse = partial(self._parsed, types=types)
        try:
            if self.has_marks:
                return columns_from(parse, names, types, self.stream.options)
            return parse(names)
        except pa.ArrowInvalid as error:
            raise fault(self.stream, str(error)) from error

    def as_written(self, names: Sequence[str]) -> pa.Table:
        """Return columns as texts with marks and spaces, null where a cell is empty.

        Raises:
            SourceError: if Arrow refuses the rows; it names the line if possible.
        """
        try:
            return self._parsed(
                names, types=dict.fromkeys(names, pa.string()), words=("",), marked=self.has_marks
            )
        except pa.ArrowInvalid as error:
            raise fault(self.stream, str(error)) from error

    def fits(self, name: str, kind: pa.DataType) -> bool:
        """Return whether all values of a column are of a type."""
        try:
            # In one thread: several may deadlock if Arrow 18 refuses one block after the other.
            self._parsed([name], types={name: kind}, together=False)
        except pa.ArrowInvalid:
            return False
        return True

    def _parsed(
        self,
        names: Sequence[str],
        *,
        types: Mapping[str, pa.DataType],
        words: Sequence[str] | None = None,
        marked: bool = False,
        together: bool = True,
    ) -> pa.Table:
        """Return columns as Arrow parses them, from cells with or without marks.

        `words` mean a missing value (None: those of the options); `together`: in several threads.
        """
        reading, parsing, converting = arrow_options(self.stream, names, types)
        converting.null_values = list(self.stream.options.words if words is None else words)
        reading.block_size = self.share * _GROWTH if marked else self.share
        reading.use_threads = together
        # Arrow is faster if no value has a line end.
        parsing.newlines_in_values = self.has_breaks
        rows = self.marked if marked else memoryview(self.content)[: self.length]
        return pyarrow.csv.read_csv(_in_arrow(rows), reading, parsing, converting)


def _in_arrow(content: bytes | memoryview) -> pa.BufferReader:
    """Return a reader of the content, copied to memory of Arrow.

    Arrow's threads release memory of Python shortly after the last row is read, which crashes the
    process if the interpreter is shutting down.
    """
    copy = pa.BufferOutputStream()
    copy.write(content)
    return pa.BufferReader(copy.getvalue())


def blocks_of(path: Path, options: CsvOptions = PLAIN) -> Iterator[Block]:
    """Yield the rows below the header in blocks; refuse rows that violate the rules of quotes."""
    return prefetched(cut_blocks(path, options))


def arrow_options(
    stream: TextStream, names: Sequence[str], types: Mapping[str, pa.DataType]
) -> tuple[pyarrow.csv.ReadOptions, pyarrow.csv.ParseOptions, pyarrow.csv.ConvertOptions]:
    """Return Arrow's options for the rows; it infers the types that are not given."""
    wanted = set(names)
    return (
        pyarrow.csv.ReadOptions(column_names=stream.names),
        pyarrow.csv.ParseOptions(delimiter=stream.separator),
        pyarrow.csv.ConvertOptions(
            include_columns=list(names),
            column_types={name: kind for name, kind in types.items() if name in wanted},
            null_values=list(stream.options.words),
            strings_can_be_null=True,
        ),
    )


def fault(stream: TextStream, reason: str) -> SourceError:
    """Return the error for a file that Arrow refuses; it names the line if possible."""
    problem = f"{stream.path} cannot be read: {reason}"
    return fault_in(stream.path, stream.options) or SourceError(problem, EXPECTED)


def refuse_binary(table: pa.Table, stream: TextStream) -> None:
    """Refuse a table with columns that are not UTF-8; return nothing."""
    if any(pa.types.is_binary(field.type) for field in table.schema):
        raise fault(stream, "it is not UTF-8 text")


def cut_blocks(path: Path, options: CsvOptions = PLAIN) -> Generator[Block, None, None]:
    """Yield the lines below the header in blocks of whole rows."""
    with opening.reading(path, EXPECTED), TextStream(path, options) as stream:
        # The blank line, which is no row, keeps Arrow from skipping a byte-order mark in the rows.
        buffered, offset, reported = b"\n", stream.offset - 1, set[str]()
        while read := _filled(stream, BLOCK):
            buffered += read
            quotes = _checked(buffered, offset, stream)
            end = quotes.row_end(0, len(buffered))
            if end > 1:
                yield _block(quotes, end, stream, _new_notes(quotes, offset, reported))
                buffered, offset = b"\n" + buffered[end:], offset + end - 1
            elif len(buffered) > LONGEST_LINE:
                raise _too_long(quotes, offset, path)
        quotes = _checked(buffered, offset, stream)
        if quotes.opened is not None:
            raise never_closed(path, line_at(path, offset + quotes.opened))
        if buffered.strip(b"\r\n"):
            yield _block(quotes, len(buffered), stream, _new_notes(quotes, offset, reported))


def _new_notes(quotes: Quoting, offset: int, reported: set[str]) -> list[Note]:
    """Return notes about rows that begin at an offset of the file; each kind once per file."""
    notes = {}
    if quotes.lost_separator is not None:
        notes["separator"] = Note(offset + quotes.lost_separator, _SEPARATOR_SENTENCE)
    if b"\xc2" in quotes.content and (control := _CONTROL.search(quotes.content)):
        character = f"U+{ord(control[0].decode()):04X}"
        notes["control"] = Note(offset + control.start(), _CONTROL_SENTENCE.format(character))
    new = [note for kind, note in notes.items() if kind not in reported]
    reported.update(notes)
    return new


def _block(quotes: Quoting, end: int, stream: TextStream, notes: Sequence[Note]) -> Block:
    """Return the rows before a position as a block."""
    starts = range(0, end, _SHARE)
    has_ends = all(quotes.row_end(start, min(start + _SHARE, end)) for start in starts)
    share = _SHARE if has_ends else end + 1
    protected = quotes.protected_before(end)
    return Block(quotes.content, end, share, stream, quotes.has_breaks(end), protected, notes)


def _checked(content: bytes, offset: int, stream: TextStream) -> Quoting:
    """Return the quotes of rows that begin at an offset of the file; refuse rows that are no CSV."""
    path = stream.path
    if b"\0" in content:
        # Another program may have appended lines in another encoding.
        begin = max(content.rfind(b"\n", 0, content.index(b"\0")), 0) + 1
        if name := wide_encoding(content[begin : begin + SAMPLE]):
            raise wide_error(name, path, line_at(path, offset + begin))
    if _MARK[:1] in content and _MARK in content:
        raise holds_mark(path, line_at(path, offset + content.index(_MARK)))
    quotes = quoting(content, stream.separator, stream.options.words)
    if quotes.fault:
        raise not_a_bound(path, quotes, lambda place: line_at(path, offset + place))
    return quotes


def _too_long(quotes: Quoting, offset: int, path: Path) -> SourceError:
    """Return the error for a row that exceeds the maximum length."""
    if quotes.opened is not None:
        return closed_too_late(path, line_at(path, offset + quotes.opened), LONGEST_LINE)
    line = line_at(path, offset + 1)
    return SourceError(f"line {line} of {path} is longer than {LONGEST_LINE:,} bytes", EXPECTED)


def _filled(stream: TextStream, size: int) -> bytes:
    """Return the next `size` bytes of a stream, fewer only at its end."""
    parts = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
