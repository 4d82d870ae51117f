"""Parquet files as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet

from epochal.data.sources.opening import reading
from epochal.data.sources.tables import plain, regrouped, without_index

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

EXPECTED = "a Parquet file"
TYPED = True


def column_names(path: Path) -> list[str]:
    """Return the names of the columns; the index of a pandas frame is none of them."""
    with reading(path, EXPECTED), pyarrow.parquet.ParquetFile(path) as file:
        return without_index(file.schema_arrow, str(path))


def schema(path: Path, names: Sequence[str]) -> pa.Schema:
    """Return the types in which the columns of these names are read."""
    with reading(path, EXPECTED), pyarrow.parquet.ParquetFile(path) as file:
        return plain(file.schema_arrow.empty_table().select(list(names)), str(path)).schema


def read(path: Path, names: Sequence[str], as_text: Collection[str] = ()) -> pa.Table:
    """Return the columns of these names; `as_text` says nothing here, the file has types."""
    del as_text
    with reading(path, EXPECTED), pyarrow.parquet.ParquetFile(path) as file:
        # A dot in a name makes Arrow read more columns than asked for.
        table = file.read(columns=list(names)).select(list(names))
        table.validate(full=True)
        return plain(table, str(path))


def batches(path: Path, rows: int, names: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the columns of these names, `rows` rows at a time, in bounded memory."""
    with reading(path, EXPECTED), pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
        blocks = file.iter_batches(batch_size=rows, columns=list(names))
        for table in regrouped((block.select(list(names)) for block in blocks), rows):
            table.validate(full=True)
            yield plain(table, str(path))
