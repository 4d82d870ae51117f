"""Arrow IPC files as tables: the file format (Feather too) and the stream format."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from epochal.errors import SourceError
from epochal.io.opening import reading
from epochal.io.tables import plain, plain_schema, regrouped, without_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

EXPECTED = "an Arrow IPC file or stream"
TYPED = True

_FILE_MARK = b"ARROW1"
_OLD_FEATHER_MARK = b"FEA1"


def column_names(path: Path) -> list[str]:
    """Return the names of the columns, without the index of a pandas frame."""
    with reading(path, EXPECTED), _opened(path) as (schema, _):
        return without_index(schema, str(path))


def schema(path: Path, names: Sequence[str]) -> pa.Schema:
    """Return the types in which the columns of these names are read."""
    return plain_schema(written_types(path, names))


def written_types(path: Path, names: Sequence[str]) -> pa.Schema:
    """Return the types that columns have in the file."""
    with reading(path, EXPECTED), _opened(path) as (schema, _):
        return pa.schema([(name, schema.field(name).type) for name in names])


def page_bytes(path: Path, names: Sequence[str]) -> int:
    """Return 0: a block is in memory while it is read in batches, but its size is not known before."""
    del path, names
    return 0


def read(path: Path, names: Sequence[str], as_text: Collection[str] = ()) -> pa.Table:
    """Return the columns with these names; `as_text` is ignored, since the file has types."""
    del as_text
    with reading(path, EXPECTED), _opened(path) as (schema, blocks):
        table = pa.Table.from_batches(blocks, schema).select(list(names))
        return plain(table, str(path))


def batches(path: Path, rows: int, names: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the columns with these names, `rows` rows at a time, with one block in memory."""
    return (table for table, _ in batches_with(path, rows, names, []))


def batches_with(
    path: Path, rows: int, names: Sequence[str], kept: Sequence[str]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield the same, each time with the columns `kept`, unchanged from the file."""
    with reading(path, EXPECTED), _opened(path) as (_, blocks):
        for table in regrouped((block.select(list(names)) for block in blocks), rows):
            yield plain(table, str(path)), table.select(list(kept))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """Return a context with the schema of the file and its blocks, each checked when read."""
    with path.open("rb") as file:
        mark = file.read(len(_FILE_MARK))
        file.seek(0)
        if mark.startswith(_OLD_FEATHER_MARK):
            hint = "read it with pandas and write it again"
            raise SourceError(f"{path} is Feather of version 1", EXPECTED, hint)
        if mark == _FILE_MARK:
            reader = pa.ipc.open_file(file)
            blocks = (reader.get_batch(number) for number in range(reader.num_record_batches))
        else:
            reader = pa.ipc.open_stream(file)
            blocks = iter(reader)
        yield reader.schema, map(_checked, blocks)


def _checked(block: pa.RecordBatch) -> pa.RecordBatch:
    """Return the block after a check of its offsets and indices, as the file may be damaged."""
    block.validate(full=True)
    if not any(map(_is_view, block.schema.types)):
        return block
    columns = [_without_null_views(c) if _is_view(c.type) else c for c in block.columns]
    return pa.RecordBatch.from_arrays(columns, schema=block.schema)


def _is_view(kind: pa.DataType) -> bool:
    """Return whether values of this type are views of buffers."""
    return bool(pa.types.is_string_view(kind) or pa.types.is_binary_view(kind))


def _without_null_views(column: pa.Array) -> pa.Array:
    """Return a column of views with empty views where values are missing.

    Arrow does not check those, but follows them when it casts the column, and crashes if they are damaged.
    """
    if not column.null_count:
        return column
    validity, views, *data = column.buffers()
    cleaned = np.frombuffer(views, np.uint8).copy()
    rows = cleaned[: len(cleaned) // 16 * 16].reshape(-1, 16)[column.offset :][: len(column)]
    rows[column.is_null().to_numpy(zero_copy_only=False)] = 0
    buffers = [validity, pa.py_buffer(cleaned), *data]
    return pa.Array.from_buffers(
        column.type, len(column), buffers, column.null_count, column.offset
    )
