"""Typing pass: a text table read block by block to infer types that fit all of its values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from epochal.config.csv_options import PLAIN
from epochal.io.csv.blocks import EXPECTED, blocks_of, refuse_binary
from epochal.io.csv.header_warnings import warn_of_names_among, warn_of_notes
from epochal.io.csv.type_inference import (
    AS_WRITTEN,
    MISSING,
    Traits,
    conversion_of_texts,
    conversion_of_type,
    joint_candidates,
    traits_of,
)
from epochal.io.opening import reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from epochal.config.csv_options import CsvOptions
    from epochal.io.accumulator import ColumnAccumulator
    from epochal.io.csv.blocks import Block
    from epochal.io.csv.stored_blocks import BlockFile, StoredBlock
    from epochal.io.csv.type_inference import Conversion


@dataclass(frozen=True)
class TextPart:
    """A text file with its options, the conversion of each column, and its number of rows.

    `stored` has its parsed blocks; None: the text is parsed in every pass.
    """

    path: Path
    conversions: Mapping[str, Conversion]
    options: CsvOptions = PLAIN
    n_rows: int = 0
    stored: Sequence[StoredBlock] | None = None

    @property
    def schema(self) -> pa.Schema:
        """The types of the columns."""
        return pa.schema(
            [(name, conversion.result) for name, conversion in self.conversions.items()]
        )

    def blocks(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns, block by block; refuse a value that does not have its column's type."""
        types = {name: self.conversions[name].parsed for name in names}
        with reading(self.path, EXPECTED):
            blocks = blocks_of(self.path, self.options) if self.stored is None else self.stored
            for block in blocks:
                table = block.parsed(names, types)
                columns = {
                    name: self.conversions[name].applied(
                        table.column(name), self.options, has_marks=block.has_marks
                    )
                    for name in names
                }
                yield pa.table(columns)

    def as_written(self, names: Collection[str]) -> TextPart:
        """Return the file with some columns as text."""
        conversions = {**self.conversions, **dict.fromkeys(names, AS_WRITTEN)}
        # What is parsed already may have lost its text.
        return replace(self, conversions=conversions, stored=None)


class _ColumnTypes:
    """The types of a column in single blocks, and the traits of its texts."""

    def __init__(self) -> None:
        self.kinds: set[pa.DataType] = set()
        self.traits = Traits()
        self._may_be_hexadecimal = self._may_lose_signs = False

    def add(self, column: pa.ChunkedArray, block: Block) -> None:
        """Add the column of a block as Arrow parsed it; return nothing."""
        kind = column.type
        if pa.types.is_null(kind):
            return
        self.kinds.add(kind)
        if pa.types.is_integer(kind):
            # Arrow reads 0x1F as an integer, but not as a float.
            self._may_be_hexadecimal |= block.holds_hexadecimals
            # The integer of -0 is 0, its float is not.
            has_zeros = pc.index(column, 0).as_py() >= 0
            self._may_lose_signs |= has_zeros and block.holds_negative_zeros
        elif pa.types.is_string(kind) and not self.traits.are_words:
            traits = traits_of(column, block.stream.options, has_marks=block.has_marks)
            self.traits = self.traits.joined(traits)

    def kind(self) -> pa.DataType | None:
        """Return the type of the whole column; None if a second pass has to decide."""
        if len(self.kinds) < 2:
            return next(iter(self.kinds), pa.null())
        if self.kinds == {pa.int64(), pa.float64()} and not self._may_be_hexadecimal:
            return pa.float64()
        return pa.string() if self.traits.are_words else None

    def are_values_of(self, kind: pa.DataType) -> bool:
        """Return whether the blocks, cast to a type, have the values of a column parsed in that type."""
        if kind == pa.float64() and not self._may_lose_signs:
            return self.kinds <= {kind, pa.int64()}
        return self.kinds <= {kind}

    def conversion(self, separator: str, name: str, path: Path) -> Conversion:
        """Return the conversion of the column, the same as if the file is read at once."""
        kind = self.kind()
        if kind == pa.string():
            return conversion_of_texts(self.traits, separator, name, path)
        return conversion_of_type(kind)


def scanned(
    path: Path,
    names: Sequence[str],
    as_text: Collection[str],
    gathered: Mapping[str, ColumnAccumulator],
    options: CsvOptions = PLAIN,
    file: BlockFile | None = None,
) -> TextPart:
    """Return a text file with the conversions of its columns, the same as if it is read at once.

    The values of `gathered` columns are added in the types of single blocks. The blocks are stored in
    `file` for the next passes, if their types turn out to be those of the whole file.
    """
    types_of = {name: _ColumnTypes() for name in names if name not in as_text}
    texts = {name: pa.string() for name in names if name in as_text}
    stored: list[StoredBlock | None] = []
    separator, n_rows = "", 0
    with reading(path, EXPECTED):
        for block in blocks_of(path, options):
            separator = block.stream.separator
            warn_of_notes(block.stream, block.notes)
            table = block.parsed(names, texts)
            refuse_binary(table, block.stream)
            n_rows += table.num_rows
            if file is not None:
                stored.append(file.stored(table, has_marks=block.has_marks))
            for name, types in types_of.items():
                types.add(table.column(name), block)

            def column_of(
                name: str, table: pa.Table = table, block: Block = block
            ) -> pa.ChunkedArray:
                """Return a column in the type of this block."""
                column = table.column(name)
                conversion = conversion_of_type(column.type)
                return conversion.applied(column, options, has_marks=block.has_marks)

            for name, values in gathered.items():
                values.add(column_of(name))
            warn_of_names_among(table.schema, column_of, block.stream)
        if not separator:
            return TextPart(path, dict.fromkeys(names, MISSING), options)
        undecided = {name: types for name, types in types_of.items() if types.kind() is None}
        if undecided:
            types_of |= _second_pass(path, undecided, options)
        conversions = {
            name: types.conversion(separator, name, path) for name, types in types_of.items()
        }
    conversions = {name: conversions.get(name, AS_WRITTEN) for name in names}
    are_same = not undecided and all(
        types.are_values_of(conversions[name].parsed) for name, types in types_of.items()
    )
    blocks = [block for block in stored if block is not None and are_same]
    are_all = blocks and len(blocks) == len(stored)
    return TextPart(path, conversions, options, n_rows, blocks if are_all else None)


def _second_pass(
    path: Path, undecided: Mapping[str, _ColumnTypes], options: CsvOptions
) -> dict[str, _ColumnTypes]:
    """Return the types of the columns that the first pass has not decided.

    A second pass finds the first type that fits every block; without one, the texts decide.
    """
    fitting = {name: joint_candidates(types.kinds) for name, types in undecided.items()}
    second_pass = {name: _ColumnTypes() for name in undecided}
    for block in blocks_of(path, options):
        table = block.parsed(list(undecided), dict.fromkeys(undecided, pa.string()))
        for name, types in second_pass.items():
            fitting[name] = [kind for kind in fitting[name] if block.fits(name, kind)]
            types.add(table.column(name), block)
    for name, kinds in fitting.items():
        if kinds:
            second_pass[name].kinds = {kinds[0]}
    return second_pass
