"""CSV and TSV files as tables.

In training, a column is a number (a date, a boolean) only if every value of the file is. In
streaming, all columns stay text and are parsed by the schema of the model. Names are trimmed, blank
lines skipped; `CsvOptions` has the options for cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.io.csv.blocks import EXPECTED, blocks_of, refuse_binary
from epochal.io.csv.cells import as_texts
from epochal.io.csv.header_warnings import warn_of_head, warn_of_names_among, warn_of_notes
from epochal.io.csv.stream import TextStream
from epochal.io.csv.type_inference import (
    conversion_of_texts,
    conversion_of_type,
    refuse_decimal_commas,
    traits_of,
)
from epochal.io.csv.whole_file import read_whole
from epochal.io.opening import reading
from epochal.io.tables import plain
from epochal.tables.streaming import regrouped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from epochal.io.csv.blocks import Block


# No cell is trimmed, and no text means a missing value.
_AS_WRITTEN = CsvOptions(missing_values=(), strip=False)


@dataclass(frozen=True)
class TextFormat:
    """CSV and TSV as a table format, with options.

    Types are inferred from the values, so parts of a data set may disagree and be read again.
    """

    options: CsvOptions = PLAIN
    TYPED: ClassVar[bool] = False
    EXPECTED: ClassVar[str] = EXPECTED

    def column_names(self, path: Path) -> list[str]:
        """Return the names of the columns of a file."""
        return column_names(path, self.options)

    def read(self, path: Path, names: Sequence[str], as_text: Collection[str] = ()) -> pa.Table:
        """Return some columns of a file."""
        return read(path, names, as_text, self.options)

    def batches(self, path: Path, rows: int, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns of a file, `rows` rows at a time."""
        return batches(path, rows, names, self.options)

    def batches_with(
        self, path: Path, rows: int, names: Sequence[str], kept: Sequence[str]
    ) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield the same, each time with the columns `kept` as exact texts."""
        return batches_with(path, rows, names, kept, self.options)

    def written_types(self, path: Path, names: Sequence[str]) -> pa.Schema:
        """Return the types of columns in the file: all are text."""
        del path
        return pa.schema([(name, pa.string()) for name in names])


def column_names(path: Path, options: CsvOptions = PLAIN) -> list[str]:
    """Return the names of the columns; warn if the header looks wrong."""
    with reading(path, EXPECTED):
        with TextStream(path, options) as stream:
            names = stream.names
        warn_of_head(stream)
    return names


def read(
    path: Path, names: Sequence[str], as_text: Collection[str] = (), options: CsvOptions = PLAIN
) -> pa.Table:
    """Return the columns with these names, with types inferred from all values; `as_text` ones as text."""
    with reading(path, EXPECTED):
        with TextStream(path, options) as stream:
            if stream.is_empty:
                return pa.table({name: pa.nulls(0) for name in names})
        texts = dict.fromkeys(as_text, pa.string())
        table, has_marks = read_whole(path, names, texts, options)
        untyped = [f.name for f in table.schema if pa.types.is_time(f.type)]
        refuse_binary(table, stream)
    if untyped:
        return read(path, names, {*as_text, *untyped}, options)
    columns = {}
    for name in names:
        column = table.column(name)
        conversion = conversion_of_type(column.type)
        if pa.types.is_string(column.type) and name not in as_text:
            traits = traits_of(column, options, has_marks=has_marks)
            conversion = conversion_of_texts(traits, stream.separator, name, path)
        columns[name] = conversion.applied(column, options, has_marks=has_marks)
    result = plain(pa.table(columns), str(path))
    warn_of_names_among(result.schema, result.column, stream)
    return result


def batches(
    path: Path, rows: int, names: Sequence[str], options: CsvOptions = PLAIN
) -> Iterator[pa.Table]:
    """Yield the columns with these names as text, `rows` rows at a time, in bounded memory."""
    return (table for table, _ in batches_with(path, rows, names, [], options))


def batches_with(
    path: Path,
    rows: int,
    names: Sequence[str],
    kept: Sequence[str],
    options: CsvOptions = PLAIN,
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield the same, each time with the columns `kept` as exact texts."""
    count = len(names)
    with reading(path, EXPECTED):
        for table in regrouped(_texts(path, names, kept, options), rows):
            # By position, as a kept column has the same name as another.
            texts, as_written = table.columns[:count], table.columns[count:]
            yield pa.table(texts, list(names)), pa.table(as_written, list(kept))


def _texts(
    path: Path, names: Sequence[str], kept: Sequence[str], options: CsvOptions
) -> Iterator[pa.Table]:
    """Yield the columns with these names as text, block by block, followed by those that are kept."""
    types = dict.fromkeys(names, pa.string())
    for block in blocks_of(path, options):
        warn_of_notes(block.stream, block.notes)
        table = block.parsed(names, types)
        columns = {
            name: as_texts(table.column(name), options, has_marks=block.has_marks) for name in names
        }
        if block.stream.separator != ",":
            # With another separator, the comma of 12,637 is a decimal comma.
            for name, column in columns.items():
                refuse_decimal_commas(column, name, path, options)
        texts = pa.table(columns)
        warn_of_names_among(texts.schema, texts.column, block.stream)
        yield _with_written(texts, block, kept)


def _with_written(texts: pa.Table, block: Block, kept: Sequence[str]) -> pa.Table:
    """Return columns followed by the kept ones as exact texts, without marks of quoted cells."""
    if not kept:
        return texts
    written = block.as_written(kept)
    columns = [
        as_texts(written.column(name), _AS_WRITTEN, has_marks=block.has_marks) for name in kept
    ]
    names = [*texts.column_names, *kept]
    return pa.Table.from_arrays([*texts.columns, *columns], names)
