"""A text table cut into blocks of whole rows, each to be parsed by itself.

All ways to read a text table go through these blocks; quotes and encodings are checked here.
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
from epochal.io.scan import ahead

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from epochal.config.csv_options import CsvOptions
    from epochal.io.csv.quotes import Quoting

EXPECTED = "a CSV or TSV file, plain or compressed by gzip"
# Bytes of a block: enough for all processors to have some of it.
BLOCK = 1 << 23
# The longest line that can be read.
LONGEST_LINE = 1 << 23
# What one processor parses at a time.
_SHARE = 1 << 20
_MARK = MARK.encode()
# Control characters beyond ASCII, but for the line end among them: letters of another encoding.
_CONTROL = re.compile(rb"\xc2[\x80-\x84\x86-\x9f]")
_CONTROL_FOUND = (
    "holds the control character {}: was the text converted as if it were Latin-1? "
    "Convert it anew, e.g.: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW"
)
_LOST_SEPARATOR = (
    "has a quote within a value, and one at the end of a later value: is a separator missing "
    "before the first? Put it there, or put the whole value into quotes"
)
# A protected cell has three bytes at least, and gets six more.
_GROWTH = 3


class Note(NamedTuple):
    """Something that looks wrong: the byte of the file at which it is, and a sentence about its line."""

    offset: int
    sentence: str


@dataclass(frozen=True)
class Block:
    """Some rows of a text table: the first `length` bytes of the content; and the stream that they are from.

    A row ends in each `share` of the bytes: Arrow can parse them side by side.
    `has_breaks`: there are line ends within quotes. `protected` are the places of the quotes that open
    cells which spaces or a missing value would change without quotes. `notes` are what looks wrong.
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
        """Whether texts out of the block may have marks of quoted cells."""
        return len(self.protected) > 0

    @cached_property
    def holds_hexadecimals(self) -> bool:
        """Whether there may be numbers like 0x1F."""
        return any(
            letter in self.content and b"0" + letter in self.content for letter in (b"x", b"X")
        )

    @cached_property
    def marked(self) -> bytes:
        """The rows, with a mark in front of each protected cell."""
        places = [0, *(self.protected + 1).tolist(), self.length]
        return _MARK.join(self.content[start:stop] for start, stop in pairwise(places))

    def parsed(self, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Return columns as Arrow reads them, in the types that are given or that it finds.

        Texts have marks in front of protected cells.

        Raises:
            SourceError: for what Arrow refuses, with the line if it can be found.
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
            SourceError: for what Arrow refuses, with the line if it can be found.
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
            # By one processor: many at once may wait for each other for ever if Arrow
            # 18 refuses one block after the other.
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
        """Return columns as Arrow reads them, from cells with marks or without.

        `words` mean a missing value (None: those of the options); `together`: by all processors.
        """
        reading, parsing, converting = arrow_options(self.stream, names, types)
        converting.null_values = list(self.stream.options.words if words is None else words)
        reading.block_size = self.share * _GROWTH if marked else self.share
        reading.use_threads = together
        # Without line ends in values Arrow need not look for those that end rows.
        parsing.newlines_in_values = self.has_breaks
        rows = self.marked if marked else memoryview(self.content)[: self.length]
        return pyarrow.csv.read_csv(_in_arrow(rows), reading, parsing, converting)


def _in_arrow(content: bytes | memoryview) -> pa.BufferReader:
    """Return content in memory of Arrow's own, to be read.

    Arrow's threads would give back memory of Python's a moment after the last row was read, and
    end the process badly if Python is ending then.
    """
    own = pa.BufferOutputStream()
    own.write(content)
    return pa.BufferReader(own.getvalue())


def blocks_of(path: Path, options: CsvOptions = PLAIN) -> Iterator[Block]:
    """Yield the lines below the header in blocks; what breaks the rules of quotes is refused."""
    return ahead(cut_blocks(path, options))


def arrow_options(
    stream: TextStream, names: Sequence[str], types: Mapping[str, pa.DataType]
) -> tuple[pyarrow.csv.ReadOptions, pyarrow.csv.ParseOptions, pyarrow.csv.ConvertOptions]:
    """Return how Arrow shall read rows; it finds the types that are not given."""
    return (
        pyarrow.csv.ReadOptions(column_names=stream.names),
        pyarrow.csv.ParseOptions(delimiter=stream.separator),
        pyarrow.csv.ConvertOptions(
            include_columns=list(names),
            column_types={name: kind for name, kind in types.items() if name in names},
            null_values=list(stream.options.words),
            strings_can_be_null=True,
        ),
    )


def fault(stream: TextStream, reason: str) -> SourceError:
    """Return the error for a file that Arrow refused, with the line if it can be found."""
    problem = f"{stream.path} cannot be read: {reason}"
    return fault_in(stream.path, stream.options) or SourceError(problem, EXPECTED)


def refuse_binary(table: pa.Table, stream: TextStream) -> None:
    """Return nothing if Arrow found text in every column that is nothing else."""
    if any(pa.types.is_binary(field.type) for field in table.schema):
        raise fault(stream, "it is not UTF-8 text")


def cut_blocks(path: Path, options: CsvOptions = PLAIN) -> Generator[Block, None, None]:
    """Yield the lines below the header in blocks of whole rows."""
    with opening.reading(path, EXPECTED), TextStream(path, options) as stream:
        # Arrow would take a byte-order mark here for that of the file; a blank line is no row.
        held, offset, reported = b"\n", stream.offset - 1, set[str]()
        while read := _filled(stream, BLOCK):
            held += read
            found = _checked(held, offset, stream)
            end = found.row_end(0, len(held))
            if end > 1:
                yield _block(found, end, stream, _new_notes(found, offset, reported))
                held, offset = b"\n" + held[end:], offset + end - 1
            elif len(held) > LONGEST_LINE:
                raise _too_long(found, offset, path)
        found = _checked(held, offset, stream)
        if found.opened is not None:
            raise never_closed(path, line_at(path, offset + found.opened))
        if held.strip(b"\r\n"):
            yield _block(found, len(held), stream, _new_notes(found, offset, reported))


def _new_notes(found: Quoting, offset: int, reported: set[str]) -> list[Note]:
    """Return what looks wrong in rows, which begin with a byte of the file: each kind once a file."""
    notes = {}
    if found.lost_separator is not None:
        notes["separator"] = Note(offset + found.lost_separator, _LOST_SEPARATOR)
    if b"\xc2" in found.content and (control := _CONTROL.search(found.content)):
        character = f"U+{ord(control[0].decode()):04X}"
        notes["control"] = Note(offset + control.start(), _CONTROL_FOUND.format(character))
    new = [note for kind, note in notes.items() if kind not in reported]
    reported.update(notes)
    return new


def _block(found: Quoting, end: int, stream: TextStream, notes: Sequence[Note]) -> Block:
    """Return the rows before a place as a block."""
    starts = range(0, end, _SHARE)
    has_ends = all(found.row_end(start, min(start + _SHARE, end)) for start in starts)
    share = _SHARE if has_ends else end + 1
    protected = found.protected_before(end)
    return Block(found.content, end, share, stream, found.has_breaks(end), protected, notes)


def _checked(content: bytes, offset: int, stream: TextStream) -> Quoting:
    """Return the quotes of rows, which begin with a byte of the file; refuse what is no CSV."""
    path = stream.path
    if b"\0" in content:
        # Another program may have gone on with a file in an encoding of its own.
        begin = max(content.rfind(b"\n", 0, content.index(b"\0")), 0) + 1
        if name := wide_encoding(content[begin : begin + SAMPLE]):
            raise wide_error(name, path, line_at(path, offset + begin))
    if _MARK[:1] in content and _MARK in content:
        raise holds_mark(path, line_at(path, offset + content.index(_MARK)))
    found = quoting(content, stream.separator, stream.options.words)
    if found.fault:
        raise not_a_bound(path, found, lambda place: line_at(path, offset + place))
    return found


def _too_long(found: Quoting, offset: int, path: Path) -> SourceError:
    """Return the error for a row that is longer than can be read."""
    if found.opened is not None:
        return closed_too_late(path, line_at(path, offset + found.opened), LONGEST_LINE)
    line = line_at(path, offset + 1)
    return SourceError(f"line {line} of {path} is longer than {LONGEST_LINE:,} bytes", EXPECTED)


def _filled(stream: TextStream, size: int) -> bytes:
    """Return the next bytes of a stream: so many, unless it ends."""
    found = []
    while size > 0 and (part := stream.read(size)):
        found.append(part)
        size -= len(part)
    return b"".join(found)
