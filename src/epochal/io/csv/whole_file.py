"""A text table read as a whole: Arrow finds the types in all of its values."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv

from epochal.io.csv.blocks import Note, arrow_options, cut_blocks, fault
from epochal.io.csv.header_warnings import warn_of_notes
from epochal.io.csv.stream import TextStream
from epochal.io.csv.type_inference import columns_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from epochal.config.csv_options import CsvOptions

# More than any block has, so that Arrow takes each of them as a whole.
_ANY_BLOCK = 1 << 30


class _LineEndInValueError(Exception):
    """A line end within quotes, where Arrow expects none."""


def read_whole(
    path: Path, names: Sequence[str], types: Mapping[str, pa.DataType], options: CsvOptions
) -> tuple[pa.Table, bool]:
    """Return columns of all rows, as `Block.parsed` does, and whether texts may have marks."""
    has_marks, notes = False, list[Note]()

    def parse(names: Sequence[str], *, marked: bool = False) -> pa.Table:
        """Return columns as Arrow reads them from all blocks one after the other."""
        nonlocal has_marks, notes
        try:
            whole = _Whole(path, options, marked=marked, has_breaks=False)
            table = whole.parsed(names, types)
        except _LineEndInValueError:
            whole = _Whole(path, options, marked=marked, has_breaks=True)
            table = whole.parsed(names, types)
        has_marks, notes = has_marks or whole.has_marks, notes or whole.notes
        return table

    table = parse(names, marked=True)
    with TextStream(path, options) as stream:
        warn_of_notes(stream, notes)
    if has_marks:
        table = columns_from(parse, names, types, options, table)
    return table, has_marks


class _Whole:
    """The blocks of a file one after the other, as a file that Arrow reads."""

    closed = False

    def __init__(self, path: Path, options: CsvOptions, *, marked: bool, has_breaks: bool) -> None:
        self.has_marks, self.notes = False, list[Note]()
        self._marked, self._has_breaks = marked, has_breaks
        self._blocks = cut_blocks(path, options)
        # Arrow reads ahead in a thread of its own.
        self._reading = threading.Lock()
        self._stream = TextStream(path, options)
        self._stream.close()

    def parsed(self, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Return columns as Arrow reads them."""
        reading, parsing, converting = arrow_options(self._stream, names, types)
        # Each block is whole rows, so that no line end but those within quotes is in doubt.
        reading.block_size, parsing.newlines_in_values = _ANY_BLOCK, self._has_breaks
        try:
            return pyarrow.csv.read_csv(self, reading, parsing, converting)
        except pa.ArrowInvalid as error:
            raise fault(self._stream, str(error)) from error
        finally:
            self.close()

    def read(self, size: int = -1) -> bytes | memoryview:
        """Return the next block, of whatever size; nothing at the end."""
        del size
        with self._reading:
            block = None if self.closed else next(self._blocks, None)
        if block is None:
            return b""
        if block.has_breaks and not self._has_breaks:
            raise _LineEndInValueError
        self.has_marks = self.has_marks or block.has_marks
        self.notes += block.notes
        if self._marked and block.has_marks:
            return block.marked
        return memoryview(block.content)[: block.length]

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def close(self) -> None:
        """Close the file; returns nothing."""
        with self._reading:
            self.closed = True
            self._blocks.close()
