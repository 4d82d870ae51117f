"""A text table that is gone through block by block, in the types that all of its values have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from epochal.config.csv_options import PLAIN
from epochal.io.csv.blocks import EXPECTED, blocks_of, refuse_binary
from epochal.io.csv.header_warnings import warn_of_names_among, warn_of_notes
from epochal.io.csv.type_inference import (
    AS_WRITTEN,
    MISSING,
    Traits,
    may_be,
    traits_of,
    way_of_texts,
    way_of_type,
)
from epochal.io.opening import reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from epochal.config.csv_options import CsvOptions
    from epochal.io.accumulator import ColumnAccumulator
    from epochal.io.csv.blocks import Block
    from epochal.io.csv.type_inference import Way


@dataclass(frozen=True)
class TextPart:
    """A text file, how it and each of its columns are read, and how many rows it has."""

    path: Path
    ways: Mapping[str, Way]
    options: CsvOptions = PLAIN
    n_rows: int = 0

    @property
    def schema(self) -> pa.Schema:
        """The types of the columns."""
        return pa.schema([(name, way.found) for name, way in self.ways.items()])

    def blocks(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns, block by block; a value that has not its column's type is refused."""
        types = {name: self.ways[name].parsed for name in names}
        with reading(self.path, EXPECTED):
            for block in blocks_of(self.path, self.options):
                table = block.parsed(names, types)
                columns = {
                    name: self.ways[name].applied(
                        table.column(name), self.options, has_marks=block.has_marks
                    )
                    for name in names
                }
                yield pa.table(columns)

    def as_written(self, names: Collection[str]) -> TextPart:
        """Return the file with some columns as text."""
        return replace(self, ways={**self.ways, **dict.fromkeys(names, AS_WRITTEN)})


class _Seen:
    """What the blocks of a column say, each by itself: the types that they have, and their texts."""

    def __init__(self) -> None:
        self.kinds: set[pa.DataType] = set()
        self.traits = Traits()
        self._may_be_hexadecimal = False

    def add(self, column: pa.ChunkedArray, block: Block) -> None:
        """Take the column as Arrow read it in a block; returns nothing."""
        kind = column.type
        if pa.types.is_null(kind):
            return
        self.kinds.add(kind)
        if pa.types.is_integer(kind):
            # Arrow reads 0x1F as a whole number, but as no fraction.
            self._may_be_hexadecimal |= block.holds_hexadecimals
        elif pa.types.is_string(kind) and not self.traits.are_words:
            traits = traits_of(column, block.stream.options, has_marks=block.has_marks)
            self.traits = self.traits.joined(traits)

    def kind(self) -> pa.DataType | None:
        """Return the type of the column as a whole; None if it takes another look to say."""
        if len(self.kinds) < 2:
            return next(iter(self.kinds), pa.null())
        if self.kinds == {pa.int64(), pa.float64()} and not self._may_be_hexadecimal:
            return pa.float64()
        return pa.string() if self.traits.are_words else None

    def way(self, separator: str, name: str, path: Path) -> Way:
        """Return how the column is read, the same as in the file as a whole."""
        kind = self.kind()
        if kind == pa.string():
            return way_of_texts(self.traits, separator, name, path)
        return way_of_type(kind)


def scanned(
    path: Path,
    names: Sequence[str],
    as_text: Collection[str],
    gathered: Mapping[str, ColumnAccumulator],
    options: CsvOptions = PLAIN,
) -> TextPart:
    """Return a text file with the ways in which its columns are read, the same as if read whole.

    Columns to be `gathered` are, in the types that the blocks have by themselves.
    """
    seen = {name: _Seen() for name in names if name not in as_text}
    texts = {name: pa.string() for name in names if name in as_text}
    separator, n_rows = "", 0
    with reading(path, EXPECTED):
        for block in blocks_of(path, options):
            separator = block.stream.separator
            warn_of_notes(block.stream, block.notes)
            table = block.parsed(names, texts)
            refuse_binary(table, block.stream)
            n_rows += table.num_rows
            for name, of_column in seen.items():
                of_column.add(table.column(name), block)

            def column_of(
                name: str, table: pa.Table = table, block: Block = block
            ) -> pa.ChunkedArray:
                """Return a column in the type that it has in this block."""
                column = table.column(name)
                way = way_of_type(column.type)
                return way.applied(column, options, has_marks=block.has_marks)

            for name, values in gathered.items():
                values.add(column_of(name))
            warn_of_names_among(table.schema, column_of, block.stream)
        if not separator:
            return TextPart(path, dict.fromkeys(names, MISSING), options)
        unsure = {name: found for name, found in seen.items() if found.kind() is None}
        if unsure:
            seen |= _seen_again(path, unsure, options)
        ways = {name: found.way(separator, name, path) for name, found in seen.items()}
    return TextPart(path, {name: ways.get(name, AS_WRITTEN) for name in names}, options, n_rows)


def _seen_again(path: Path, unsure: Mapping[str, _Seen], options: CsvOptions) -> dict[str, _Seen]:
    """Return what the columns are as a whole whose blocks are of types that do not say so.

    The file is gone through once more: a column has the first type that fits
    every block, or its texts decide.
    """
    fitting = {name: may_be(found.kinds) for name, found in unsure.items()}
    again = {name: _Seen() for name in unsure}
    for block in blocks_of(path, options):
        table = block.parsed(list(unsure), dict.fromkeys(unsure, pa.string()))
        for name, found in again.items():
            fitting[name] = [kind for kind in fitting[name] if block.fits(name, kind)]
            found.add(table.column(name), block)
    for name, kinds in fitting.items():
        if kinds:
            again[name].kinds = {kinds[0]}
    return again
