"""Parquet files as tables. Page checksums are verified if the file has them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet

from epochal.io.opening import reading
from epochal.io.tables import plain, plain_schema, regrouped, without_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

EXPECTED = "a Parquet file"
TYPED = True

# Without the checksums, a changed byte in a page may be read as another value.
_opened = partial(pyarrow.parquet.ParquetFile, page_checksum_verification=True)
# Bytes of a column that are read from the file at a time; otherwise a row group is in memory as a whole.
_BUFFER = 1 << 16
# Writers close a page or a dictionary at about this size; what reading a column takes beside them.
_PAGE, _COLUMN = 1 << 20, 300_000


def column_names(path: Path) -> list[str]:
    """Return the names of the columns, without the index of a pandas frame."""
    with reading(path, EXPECTED), _opened(path) as file:
        return without_index(file.schema_arrow, str(path))


def schema(path: Path, names: Sequence[str]) -> pa.Schema:
    """Return the types in which the columns of these names are read."""
    return plain_schema(written_types(path, names))


def written_types(path: Path, names: Sequence[str]) -> pa.Schema:
    """Return the types that columns have in the file."""
    with reading(path, EXPECTED), _opened(path) as file:
        types = file.schema_arrow
        return pa.schema([(name, types.field(name).type) for name in names])


def page_bytes(path: Path, names: Sequence[str]) -> int:
    """Return about how many bytes of pages are in memory while columns are read in batches.

    Of each column in the largest row group: its dictionary or a page, as in the file and decoded.
    """
    with reading(path, EXPECTED), _opened(path) as file:
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        if not groups:
            return 0
        largest = max(groups, key=lambda group: group.total_byte_size)
        columns = [largest.column(number) for number in range(largest.num_columns)]
    read = {*names}
    chosen = [column for column in columns if column.path_in_schema in read]
    return sum(_COLUMN + 2 * min(column.total_uncompressed_size, _PAGE) for column in chosen)


def read(path: Path, names: Sequence[str], as_text: Collection[str] = ()) -> pa.Table:
    """Return the columns with these names; `as_text` is ignored, since the file has types."""
    del as_text
    with reading(path, EXPECTED), _opened(path) as file:
        # With a dot in a name, Arrow reads more columns than requested.
        table = file.read(columns=list(names)).select(list(names))
        table.validate(full=True)
        return plain(table, str(path))


def batches(path: Path, rows: int, names: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the columns with these names, `rows` rows at a time, in bounded memory."""
    return (table for table, _ in batches_with(path, rows, names, []))


def batches_with(
    path: Path, rows: int, names: Sequence[str], kept: Sequence[str]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield the same, each time with the columns `kept`, unchanged from the file."""
    with reading(path, EXPECTED), _opened(path, pre_buffer=False, buffer_size=_BUFFER) as file:
        blocks = file.iter_batches(batch_size=rows, columns=list(names))
        for table in regrouped((block.select(list(names)) for block in blocks), rows):
            table.validate(full=True)
            yield plain(table, str(path)), table.select(list(kept))
