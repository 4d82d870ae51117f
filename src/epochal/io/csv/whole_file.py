"""A text table read at once: Arrow infers the types from all of its values."""

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

# More bytes than any block has, so that Arrow does not split blocks.
_ANY_BLOCK = 1 << 30


class _LineEndInValueError(Exception):
    """A line end within quotes while Arrow expects none."""


def read_whole(
    path: Path, names: Sequence[str], types: Mapping[str, pa.DataType], options: CsvOptions
) -> tuple[pa.Table, bool]:
    """Return columns of all rows, as `Block.parsed` does, and whether texts may have marks."""
    has_marks, notes = False, list[Note]()

    def parse(names: Sequence[str], *, marked: bool = False) -> pa.Table:
        """Return columns as Arrow parses them from all blocks."""
        nonlocal has_marks, notes
        try:
            file = _BlockFile(path, options, marked=marked, has_breaks=False)
            table = file.parsed(names, types)
        except _LineEndInValueError:
            file = _BlockFile(path, options, marked=marked, has_breaks=True)
            table = file.parsed(names, types)
        has_marks, notes = has_marks or file.has_marks, notes or file.notes
        return table

    table = parse(names, marked=True)
    with TextStream(path, options) as stream:
        warn_of_notes(stream, notes)
    if has_marks:
        table = columns_from(parse, names, types, options, table)
    return table, has_marks


class _BlockFile:
    """The blocks of a file as a file object that Arrow reads."""

    closed = False

    def __init__(self, path: Path, options: CsvOptions, *, marked: bool, has_breaks: bool) -> None:
        self.has_marks, self.notes = False, list[Note]()
        self._marked, self._has_breaks = marked, has_breaks
        self._blocks = cut_blocks(path, options)
        # Arrow prefetches in another thread.
        self._reading = threading.Lock()
        self._stream = TextStream(path, options)
        self._stream.close()

    def parsed(self, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Return columns as Arrow parses them."""
        reading, parsing, converting = arrow_options(self._stream, names, types)
        # Blocks consist of whole rows, so only line ends within quotes need care.
        reading.block_size, parsing.newlines_in_values = _ANY_BLOCK, self._has_breaks
        try:
            return pyarrow.csv.read_csv(self, reading, parsing, converting)
        except pa.ArrowInvalid as error:
            raise fault(self._stream, str(error)) from error
        finally:
            self.close()

    def read(self, size: int = -1) -> bytes | memoryview:
        """Return the next block, of any size; b"" at the end."""
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
        """Return True: the file can be read."""
        return True

    def close(self) -> None:
        """Close the file; return nothing."""
        with self._reading:
            self.closed = True
            self._blocks.close()
