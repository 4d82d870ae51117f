"""Tables that are gone through block by block: several files as one, one type for each column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import pyarrow as pa

from epochal.io.csv.typing_pass import TextPart, scanned
from epochal.io.hive import Partitioned
from epochal.io.multifile import TableFormat, joint_schema
from epochal.io.opening import reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from epochal.io.accumulator import ColumnAccumulator
    from epochal.io.csv.reader import TextFormat

# About so many values are in a block of a file with types, but never more rows than this.
_VALUES, _ROWS = 1 << 20, 1 << 16


class TypedFormat(TableFormat, Protocol):
    """What a module for a format of tables offers besides if the files say the types."""

    def schema(self, path: Path, names: Sequence[str]) -> pa.Schema:
        """Return the types of some columns of a file."""


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
    """A file that says the types of its columns."""

    path: Path
    form: TableFormat
    schema: pa.Schema

    def blocks(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns block by block, in bounded memory."""
        rows = max(min(_VALUES // len(names), _ROWS), 1)
        return self.form.batches(self.path, rows, names)


@dataclass(frozen=True)
class PartitionedPart:
    """A text file with some of its own columns and of its partition columns."""

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
        for table in self.file.blocks(self.form.own(self.path, names)):
            yield self.form.completed(self.path, table, names, self.as_text)

    def as_written(self, names: Collection[str]) -> PartitionedPart:
        """Return the file with some columns as text."""
        texts = self.as_text.union(names)
        own = [name for name in names if name in self.file.ways]
        return replace(self, file=self.file.as_written(own), as_text=texts)


class JoinedParts(NamedTuple):
    """The files of a table, and the types that hold the values of all of them."""

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


class TableScan(NamedTuple):
    """A table that has been gone through once: the rows of each file, and some columns whole."""

    table: JoinedParts
    counts: Sequence[int]
    gathered: dict[str, ColumnAccumulator]


def scan(
    paths: Sequence[Path],
    form: TableFormat,
    names: Sequence[str],
    as_text: Collection[str],
    gathered: dict[str, ColumnAccumulator],
) -> TableScan:
    """Return what going through a table once tells: one type for every column, some columns whole.

    The latter are those to be `gathered`, at least one. Where only other rows tell
    the type of these, the table is gone through for them once more.
    """
    parts: list[TypedPart | TextPart | PartitionedPart] = []
    counts = []
    first = next(iter(gathered.values()))
    for path in paths:
        before = first.rows
        if form.TYPED:
            schema = cast("TypedFormat", form).schema(path, names)
            parts.append(TypedPart(path, form, schema))
        else:
            parts.append(_surveyed(path, form, names, as_text, gathered))
        counts.append(first.rows - before)
    table = _joined(parts, form, names)
    again = {
        name: found.anew()
        for name, found in gathered.items()
        if form.TYPED or found.is_mixed or found.kind != table.schema.field(name).type
    }
    if again:
        counts = [_gather(table, part, again) for part in table.parts]
    return TableScan(table, counts, gathered | again)


def _surveyed(
    path: Path,
    form: TableFormat,
    names: Sequence[str],
    as_text: Collection[str],
    gathered: dict[str, ColumnAccumulator],
) -> TextPart | PartitionedPart:
    """Return a text file that has been read once, with its partition columns."""
    if not isinstance(form, Partitioned):
        return scanned(path, names, as_text, gathered, cast("TextFormat", form).options)
    own, constants = form.own(path, names), form.constants[path]
    within = {name: column for name, column in gathered.items() if name not in constants}
    file = scanned(path, own, as_text, within, cast("TextFormat", form.form).options)
    part = PartitionedPart(file, form, names, frozenset(as_text))
    for name, column in gathered.items():
        if name in constants:
            column.add(constants[name].column(part.file.n_rows, as_text=name in as_text))
    return part


def _joined(
    parts: Sequence[TypedPart | TextPart | PartitionedPart],
    form: TableFormat,
    names: Sequence[str],
) -> JoinedParts:
    """Return the files of a table with their joint types; text where a text file has none."""
    schema = parts[0].schema
    if len(parts) > 1:
        paths, schemas = [part.path for part in parts], [part.schema for part in parts]
        schema, unlike = joint_schema(paths, schemas, form, names)
        parts = [p if isinstance(p, TypedPart) else p.as_written(unlike) for p in parts]
    return JoinedParts(parts, pa.schema([(field.name, _wide(field.type)) for field in schema]))


def _wide(kind: pa.DataType) -> pa.DataType:
    """Return the type; that of a dictionary with room for the values of every block."""
    if not pa.types.is_dictionary(kind):
        return kind
    return pa.dictionary(pa.int32(), kind.value_type, ordered=kind.ordered)


def _gather(table: JoinedParts, part: Part, columns: dict[str, ColumnAccumulator]) -> int:
    """Return the number of rows of a file, the columns of which have been added."""
    rows = 0
    for block in table.blocks(part, list(columns)):
        rows += block.num_rows
        for name, column in columns.items():
            column.add(block.column(name))
    return rows
