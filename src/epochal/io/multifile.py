"""Multi-file tables: several files as one table with the same columns and a joint schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from epochal.errors import ColumnError, SourceError
from epochal.io.opening import reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path


class TableFormat(Protocol):
    """The interface of a module for one table format.

    `TYPED`: files store the types of columns. Otherwise types are inferred from the values, except
    for columns in `as_text`.
    """

    @property
    def TYPED(self) -> bool:  # noqa: N802  (a constant of modules)
        """Whether files store the types of columns."""

    @property
    def EXPECTED(self) -> str:  # noqa: N802  (a constant of modules)
        """What a file should be."""

    def column_names(self, path: Path) -> list[str]:
        """Return the names of the columns of a file."""

    def read(self, path: Path, names: Sequence[str], as_text: Collection[str] = ()) -> pa.Table:
        """Return some columns of a file."""

    def batches(self, path: Path, rows: int, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns of a file, `rows` rows at a time."""

    def batches_with(
        self, path: Path, rows: int, names: Sequence[str], kept: Sequence[str]
    ) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield the same, each time with the columns `kept`, unchanged from the file."""

    def written_types(self, path: Path, names: Sequence[str]) -> pa.Schema:
        """Return the types of columns in the file."""


def shared_names(
    parts: Sequence[Path], form: TableFormat, wanted: Sequence[str] | None = None
) -> list[str]:
    """Return the names of the columns to read, which every part has (in any order).

    By default all columns of the first part. A part with other columns than the first is refused, and
    so is an unknown name in `wanted`.
    """
    names = form.column_names(parts[0])
    present = set(names)
    for part in parts[1:]:
        others = dict.fromkeys(form.column_names(part))
        missing = [name for name in names if name not in others]
        surplus = [name for name in others if name not in present]
        if missing or surplus:
            what = f"no column {missing[0]!r}" if missing else f"a column {surplus[0]!r} more"
            hint = "give parts with the same columns"
            raise SourceError(f"{part} has {what}", f"the columns of {parts[0]}", hint)
    if wanted is None:
        return names
    unknown = [name for name in wanted if name not in present]
    if unknown:
        raise ColumnError.from_missing(unknown, names, str(parts[0]))
    return list(dict.fromkeys(wanted))


def read_parts(
    parts: Sequence[Path], form: TableFormat, names: Sequence[str], as_text: Collection[str] = ()
) -> tuple[pa.Table, list[int]]:
    """Return the rows of all parts, and their numbers; a column that is text in one part is text in all."""
    tables = [form.read(part, names, as_text) for part in parts]
    counts = [table.num_rows for table in tables]
    if len(tables) == 1:
        return tables[0], counts
    schema, mismatched = joint_schema(parts, [table.schema for table in tables], form, names)
    if mismatched:
        tables = [form.read(part, names, {*as_text, *mismatched}) for part in parts]
    cast = []
    for part, table in zip(parts, tables, strict=True):
        with reading(part, f"the types of the columns of {parts[0]}"):
            cast.append(table.cast(schema))
    return pa.concat_tables(cast).unify_dictionaries(), counts


def joint_schema(
    parts: Sequence[Path], schemas: Sequence[pa.Schema], form: TableFormat, names: Sequence[str]
) -> tuple[pa.Schema, list[str]]:
    """Return the joint type of each column, and the columns without a joint type.

    The latter become text in text files, and are an error in typed files.
    """
    types = {name: _joint_type([s.field(name).type for s in schemas]) for name in names}
    mismatched = [name for name, kind in types.items() if kind is None]
    if mismatched and form.TYPED:
        raise _mismatch(parts, schemas, mismatched[0])
    types |= dict.fromkeys(mismatched, pa.string())
    return pa.schema(list(types.items())), mismatched


def _joint_type(kinds: Sequence[pa.DataType]) -> pa.DataType | None:
    """Return the type that can hold values of all these types; None if there is none.

    >>> _joint_type([pa.int64(), pa.null(), pa.float64()])
    DataType(double)
    """
    schemas = [pa.schema([("", kind)]) for kind in kinds]
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        pass
    known = [kind for kind in kinds if not pa.types.is_null(kind)]
    if all(_is_plain_date(kind) for kind in known):
        return pa.timestamp("us")
    return pa.string() if all(map(_is_text, known)) else None


def _is_plain_date(kind: pa.DataType) -> bool:
    """Return whether the type is a date, or a timestamp without a zone."""
    return bool(pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None))


def _is_text(kind: pa.DataType) -> bool:
    """Return whether the type is text, plain or dictionary-encoded."""
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(values) or pa.types.is_large_string(values))


def _mismatch(parts: Sequence[Path], schemas: Sequence[pa.Schema], name: str) -> SourceError:
    """Return the error for a column whose type in one part does not match that of the first part."""
    kinds = [schema.field(name).type for schema in schemas]
    other = next(i for i, kind in enumerate(kinds) if _joint_type([kinds[0], kind]) is None)
    problem = f"column {name!r} is of type {kinds[other]} in {parts[other]}"
    expected = f"{kinds[0]} as in {parts[0]}"
    return SourceError(problem, expected, "write the parts with the same types")
