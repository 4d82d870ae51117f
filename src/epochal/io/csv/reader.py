"""CSV and TSV files as tables.

In training a column is a number (a date, a boolean) only if every value in the
whole file is. In streaming all columns stay text; the schema of the model reads
them. Spaces around names are dropped, blank lines skipped; cells are read as `CsvOptions` say.
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
    refuse_decimal_commas,
    traits_of,
    way_of_texts,
    way_of_type,
)
from epochal.io.csv.whole_file import read_whole
from epochal.io.opening import reading
from epochal.io.tables import plain
from epochal.tables.streaming import regrouped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from epochal.io.csv.blocks import Block


# Nothing is cut, and no text is missing.
_AS_WRITTEN = CsvOptions(missing_values=(), strip=False)


@dataclass(frozen=True)
class TextFormat:
    """Text tables as a format of tables, read as the options say.

    Types are found in the values, so the parts of a data set may disagree, and be read anew.
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
        """Yield some columns of a file, so many rows at a time."""
        return batches(path, rows, names, self.options)

    def batches_with(
        self, path: Path, rows: int, names: Sequence[str], kept: Sequence[str]
    ) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield the same, each time with some of the columns letter for letter."""
        return batches_with(path, rows, names, kept, self.options)

    def written_types(self, path: Path, names: Sequence[str]) -> pa.Schema:
        """Return the types in which columns stand in the file: all are texts."""
        del path
        return pa.schema([(name, pa.string()) for name in names])


def column_names(path: Path, options: CsvOptions = PLAIN) -> list[str]:
    """Return the names of the columns; warn of lines in the place of a header that are none."""
    with reading(path, EXPECTED):
        with TextStream(path, options) as stream:
            names = stream.names
        warn_of_head(stream)
    return names


def read(
    path: Path, names: Sequence[str], as_text: Collection[str] = (), options: CsvOptions = PLAIN
) -> pa.Table:
    """Return the columns of these names, typed by all of their values; `as_text` ones as text."""
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
        way = way_of_type(column.type)
        if pa.types.is_string(column.type) and name not in as_text:
            traits = traits_of(column, options, has_marks=has_marks)
            way = way_of_texts(traits, stream.separator, name, path)
        columns[name] = way.applied(column, options, has_marks=has_marks)
    found = plain(pa.table(columns), str(path))
    warn_of_names_among(found.schema, found.column, stream)
    return found


def batches(
    path: Path, rows: int, names: Sequence[str], options: CsvOptions = PLAIN
) -> Iterator[pa.Table]:
    """Yield the columns of these names as text, `rows` rows at a time, in bounded memory."""
    return (table for table, _ in batches_with(path, rows, names, [], options))


def batches_with(
    path: Path,
    rows: int,
    names: Sequence[str],
    kept: Sequence[str],
    options: CsvOptions = PLAIN,
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield the same, each time with the columns that are kept letter for letter."""
    count = len(names)
    with reading(path, EXPECTED):
        for table in regrouped(_texts(path, names, kept, options), rows):
            # By their places: what is kept has the name of a column again.
            found, as_written = table.columns[:count], table.columns[count:]
            yield pa.table(found, list(names)), pa.table(as_written, list(kept))


def _texts(
    path: Path, names: Sequence[str], kept: Sequence[str], options: CsvOptions
) -> Iterator[pa.Table]:
    """Yield the columns of these names as text, block by block, and behind them those that are kept."""
    types = dict.fromkeys(names, pa.string())
    for block in blocks_of(path, options):
        warn_of_notes(block.stream, block.notes)
        table = block.parsed(names, types)
        columns = {
            name: as_texts(table.column(name), options, has_marks=block.has_marks) for name in names
        }
        if block.stream.separator != ",":
            # 12,637 could be either, and is no number of thousands here.
            for name, column in columns.items():
                refuse_decimal_commas(column, name, path, options)
        texts = pa.table(columns)
        warn_of_names_among(texts.schema, texts.column, block.stream)
        yield _with_written(texts, block, kept)


def _with_written(texts: pa.Table, block: Block, kept: Sequence[str]) -> pa.Table:
    """Return columns with others behind them, letter for letter but for the marks of quoted cells."""
    if not kept:
        return texts
    written = block.as_written(kept)
    columns = [
        as_texts(written.column(name), _AS_WRITTEN, has_marks=block.has_marks) for name in kept
    ]
    names = [*texts.column_names, *kept]
    return pa.Table.from_arrays([*texts.columns, *columns], names)
