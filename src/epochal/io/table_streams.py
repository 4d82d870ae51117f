"""Streamed tables: files read block by block as one table, with a joint schema."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import pyarrow as pa

from epochal.io.csv.stored_blocks import BlockFile
from epochal.io.csv.typing_pass import TextPart, scanned
from epochal.io.hive import Partitioned
from epochal.io.multifile import TableFormat, joint_schema
from epochal.io.opening import reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from epochal.io.accumulator import ColumnAccumulator
    from epochal.io.csv.reader import TextFormat

# Values in a block of a typed file, and its most rows.
_VALUES, _ROWS = 1 << 20, 1 << 16


class TypedFormat(TableFormat, Protocol):
    """The interface of a module for a table format whose files store types."""

    def schema(self, path: Path, names: Sequence[str]) -> pa.Schema:
        """Return the types of some columns of a file."""

    def page_bytes(self, path: Path, names: Sequence[str]) -> int:
        """Return about how many bytes of pages are in memory while columns of a file are read."""


class Part(Protocol):
    """A file of a table: its path, the types of its columns, and some of them block by block."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def schema(self) -> pa.Schema:
        """The types of the columns."""

    def blocks(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns block by block, in bounded memory."""


@dataclass(frozen=True)
class TypedPart:
    """A file that stores the types of its columns."""

    path: Path
    form: TypedFormat
    schema: pa.Schema

    def blocks(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns block by block, in bounded memory."""
        rows = max(min(_VALUES // len(names), _ROWS), 1)
        return self.form.batches(self.path, rows, names)


@dataclass(frozen=True)
class PartitionedPart:
    """A text file with columns of the file and partition columns."""

    file: TextPart
    form: Partitioned
    names: Sequence[str]
    as_text: frozenset[str]

    @property
    def path(self) -> Path:
        """The file."""
        return self.file.path

    @property
    def schema(self) -> pa.Schema:
        """The types of the columns."""
        kinds = {field.name: field.type for field in self.file.schema}
        for name, constant in self.form.constants[self.path].items():
            kinds[name] = pa.string() if name in self.as_text else constant.kind
        return pa.schema([(name, kinds[name]) for name in self.names])

    def blocks(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns block by block, in bounded memory."""
        for table in self.file.blocks(self.form.columns_in_file(self.path, names)):
            yield self.form.completed(self.path, table, names, self.as_text)

    def as_written(self, names: Collection[str]) -> PartitionedPart:
        """Return the file with some columns as text."""
        texts = self.as_text.union(names)
        in_file = [name for name in names if name in self.file.conversions]
        return replace(self, file=self.file.as_written(in_file), as_text=texts)


class JoinedParts(NamedTuple):
    """The files of a table, and their joint schema."""

    parts: Sequence[Part]
    schema: pa.Schema

    def blocks(self, part: Part, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns of a file block by block, in the types of the table."""
        schema = pa.schema([self.schema.field(name) for name in names])
        expected = f"the types of the columns of {self.parts[0].path}"
        for block in part.blocks(names):
            with reading(part.path, expected):
                table = block if block.schema == schema else block.cast(schema)
            yield table


def page_bytes(parts: Sequence[Part], names: Sequence[str]) -> int:
    """Return about how many bytes of pages are in memory while columns of the files are read."""
    typed = (part for part in parts if isinstance(part, TypedPart))
    return max((part.form.page_bytes(part.path, names) for part in typed), default=0)


class TableScan(NamedTuple):
    """The result of the first pass over a table: the rows of each file, and some whole columns."""

    table: JoinedParts
    counts: Sequence[int]
    gathered: dict[str, ColumnAccumulator]


def scan(
    paths: Sequence[Path],
    form: TableFormat,
    names: Sequence[str],
    as_text: Collection[str],
    gathered: dict[str, ColumnAccumulator],
    folder: str | None = None,
) -> TableScan:
    """Return the result of one pass over a table: the type of every column, and some whole columns.

    The latter are those in `gathered`, at least one. A second pass reads those whose type changed in
    the course of the first. What is parsed of text is stored in a folder (None: that of the system for
    temporary files), for the next passes.
    """
    file = None if form.TYPED else BlockFile(folder)
    parts: list[TypedPart | TextPart | PartitionedPart] = []
    counts = []
    first = next(iter(gathered.values()))
    for path in paths:
        before = first.rows
        if form.TYPED:
            typed = cast("TypedFormat", form)
            parts.append(TypedPart(path, typed, typed.schema(path, names)))
        else:
            parts.append(_scanned(path, form, names, as_text, gathered, file))
        counts.append(first.rows - before)
    table = _joined(parts, form, names)
    second_pass = {
        name: column.empty_copy()
        for name, column in gathered.items()
        if form.TYPED or column.is_mixed or column.kind != table.schema.field(name).type
    }
    if second_pass:
        counts = [_gather(table, part, second_pass) for part in table.parts]
    return TableScan(table, counts, gathered | second_pass)


def _scanned(
    path: Path,
    form: TableFormat,
    names: Sequence[str],
    as_text: Collection[str],
    gathered: dict[str, ColumnAccumulator],
    file: BlockFile | None,
) -> TextPart | PartitionedPart:
    """Return a text file with its partition columns, after the first pass."""
    if not isinstance(form, Partitioned):
        return scanned(path, names, as_text, gathered, cast("TextFormat", form).options, file)
    in_file, constants = form.columns_in_file(path, names), form.constants[path]
    within = {name: column for name, column in gathered.items() if name not in constants}
    text = scanned(path, in_file, as_text, within, cast("TextFormat", form.form).options, file)
    part = PartitionedPart(text, form, names, frozenset(as_text))
    for name, column in gathered.items():
        if name in constants:
            column.add(constants[name].column(part.file.n_rows, as_text=name in as_text))
    return part


def _joined(
    parts: Sequence[TypedPart | TextPart | PartitionedPart],
    form: TableFormat,
    names: Sequence[str],
) -> JoinedParts:
    """Return the files of a table with their joint schema; text for columns without a joint type."""
    schema = parts[0].schema
    if len(parts) > 1:
        paths, schemas = [part.path for part in parts], [part.schema for part in parts]
        schema, mismatched = joint_schema(paths, schemas, form, names)
        parts = [p if isinstance(p, TypedPart) else p.as_written(mismatched) for p in parts]
    return JoinedParts(
        parts, pa.schema([(field.name, _with_int32_indices(field.type)) for field in schema])
    )


def _with_int32_indices(kind: pa.DataType) -> pa.DataType:
    """Return the type; for a dictionary with int32 indices, which are enough for all blocks."""
    if not pa.types.is_dictionary(kind):
        return kind
    return pa.dictionary(pa.int32(), kind.value_type, ordered=kind.ordered)


def _gather(table: JoinedParts, part: Part, columns: dict[str, ColumnAccumulator]) -> int:
    """Add columns of a file to their accumulators; return its number of rows."""
    rows = 0
    for block in table.blocks(part, list(columns)):
        rows += block.num_rows
        for name, column in columns.items():
            column.add(block.column(name))
    return rows
