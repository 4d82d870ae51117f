"""Stored blocks: what Arrow has parsed of text tables, on disk in Arrow's format for the next passes."""

from __future__ import annotations

import shutil
import weakref
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from epochal.io.tempfiles import temporary_folder, unnamed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Stored blocks take at most one of so many free bytes of the disk.
SHARE = 4


class BlockFile:
    """A file without a name for the parsed blocks of all files of a table.

    It saves time only: if there is no space for a block, none is stored from then on, and the text
    is parsed again.
    """

    def __init__(self, folder: str | None = None) -> None:
        """Begin with no block, in the system's folder for temporary files if no other is given."""
        self.end = self.most = 0
        try:
            folder = temporary_folder() if folder is None else folder
            most = shutil.disk_usage(folder).free // SHARE
            file = unnamed(folder)
        except OSError:
            return
        weakref.finalize(self, file.close)
        self.most, self.seek, self.write = most, file.seek, file.write
        self.reader = pa.PythonFile(file, mode="r")

    def stored(self, table: pa.Table, *, has_marks: bool) -> StoredBlock | None:
        """Return a block that is written to the file; None if there is no space for it."""
        if not self.most:
            return None
        content = pa.BufferOutputStream()
        # In one thread: another one reads the next block meanwhile.
        options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
        with pa.ipc.new_stream(content, table.schema, options=options) as out:
            out.write_table(table)
        remaining = memoryview(content.getvalue())
        block = StoredBlock(self, self.end, len(remaining), has_marks)
        end = self.end + len(remaining)
        try:
            self.seek(self.end)
            while remaining and end <= self.most:
                remaining = remaining[self.write(remaining) :]
        except OSError:
            end = self.most + 1
        if end > self.most:
            self.most = 0
            return None
        self.end = end
        return block


class StoredBlock(NamedTuple):
    """A parsed block of a text table in a file: read again as `Block` parses it."""

    file: BlockFile
    offset: int
    length: int
    has_marks: bool

    def parsed(self, names: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
        """Return columns in the given types; a column without values has any type."""
        content = self.file.reader.read_at(self.length, self.offset)
        options = pa.ipc.IpcReadOptions(use_threads=False)
        table = pa.ipc.open_stream(content, options=options).read_all()
        columns = {name: table.column(name) for name in names}
        return pa.table(
            {name: column.cast(types[name], safe=False) for name, column in columns.items()}
        )
