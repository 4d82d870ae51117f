"""Folders that are named after what their files have in common: `g=1/part.parquet` (Hive's partitions).

Such a name is a column of the files within, with one value. Names and values may be
percent-encoded; the type of a column is the one that Arrow's data sets find.
"""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import unquote

import pyarrow as pa

from epochal.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from epochal.data.sources.parts import TableFormat
    from epochal.data.sources.table_streams import TypedFormat

MISSING = "__HIVE_DEFAULT_PARTITION__"
_FOLDER = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_WHOLE = re.compile(r"-?\d{1,10}")


def names_a_value(folder: Path) -> bool:
    """Return whether the name of a folder says a value of a column.

    >>> names_a_value(Path("g=1")), names_a_value(Path("parts")), names_a_value(Path("=1"))
    (True, False, False)
    """
    return _FOLDER.fullmatch(folder.name) is not None


def partitions(path: str, parts: Sequence[Path]) -> dict[Path, dict[str, str | None]]:
    """Return what the folders below a path, or those that a pattern fits, say of each part.

    What is named itself says nothing: of `data/g=1` all files have the same g.

    >>> partitions("data", [Path("data/g=1/b%20c=x/a.csv")])
    {PosixPath('data/g=1/b%20c=x/a.csv'): {'g': '1', 'b c': 'x'}}
    """
    root = _root(path)
    if root is None:
        return {part: {} for part in parts}
    said = {}
    for part in parts:
        folders = part.relative_to(root).parts[:-1]
        pairs = [found.groups() for folder in folders if (found := _FOLDER.fullmatch(folder))]
        values = [(unquote(name), unquote(value)) for name, value in pairs]
        said[part] = {name: None if value == MISSING else value for name, value in values}
    return said


def _root(path: str) -> Path | None:
    """Return the folder that a path names, or the one in which its pattern begins; None for a file."""
    place = Path(path)
    if place.is_dir():
        return place
    if place.exists():
        return None
    whole = [part for part in place.parts if glob.has_magic(part)]
    first = place.parts.index(whole[0]) if whole else len(place.parts)
    return Path(*place.parts[:first])


class Constant(NamedTuple):
    """A column with one value in all rows of a file: its type, the value in this type, and as written."""

    kind: pa.DataType
    value: int | str | None
    written: str | None

    def column(self, rows: int, *, as_text: bool = False) -> pa.ChunkedArray:
        """Return the column of so many rows; as the text that is written, if asked for."""
        kind, value = (pa.string(), self.written) if as_text else (self.kind, self.value)
        return pa.chunked_array([pa.repeat(pa.scalar(value, kind), rows)])


@dataclass(frozen=True)
class Partitioned:
    """A format of tables, with the columns that folders add to files; a format as any other."""

    form: TableFormat
    constants: Mapping[Path, Mapping[str, Constant]]

    @property
    def TYPED(self) -> bool:  # noqa: N802  (a constant of modules)
        """Whether the files say the types of columns."""
        return self.form.TYPED

    @property
    def EXPECTED(self) -> str:  # noqa: N802  (a constant of modules)
        """What a file should be."""
        return self.form.EXPECTED

    def column_names(self, path: Path) -> list[str]:
        """Return the names of the columns of a file, those of its folders last."""
        names = self.form.column_names(path)
        for name in self.constants[path]:
            if name in names:
                found = f"column {name!r} is in {path}, and its folder says it too"
                raise SourceError(found, "it in one of them", "rename the column or the folders")
        return [*names, *self.constants[path]]

    def schema(self, path: Path, names: Sequence[str]) -> pa.Schema:
        """Return the types of some columns of a file."""
        form = cast("TypedFormat", self.form)
        inner = form.schema(path, self.own(path, names))
        kinds = {name: one.kind for name, one in self.constants[path].items()}
        return pa.schema([(n, kinds[n] if n in kinds else inner.field(n).type) for n in names])

    def read(self, path: Path, names: Sequence[str], as_text: Collection[str] = ()) -> pa.Table:
        """Return some columns of a file."""
        own = self.own(path, names)
        table = self.form.read(path, own, [name for name in as_text if name in own])
        return self.completed(path, table, names, () if self.TYPED else as_text)

    def batches(self, path: Path, rows: int, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns of a file, so many rows at a time; of text files, all as text."""
        for table in self.form.batches(path, rows, self.own(path, names)):
            yield self.completed(path, table, names, () if self.TYPED else names)

    def completed(
        self, path: Path, table: pa.Table, names: Sequence[str], as_text: Collection[str]
    ) -> pa.Table:
        """Return a table of a file's own columns with those of its folders, in the order of the names."""
        constants, rows = self.constants[path], table.num_rows
        columns = [
            constants[name].column(rows, as_text=name in as_text)
            if name in constants
            else table.column(name)
            for name in names
        ]
        return pa.table(columns, names=list(names))

    def own(self, path: Path, names: Sequence[str]) -> list[str]:
        """Return those of the names that are in the file: at least one, which says how many rows it has."""
        own = [name for name in names if name not in self.constants[path]]
        return own or self.form.column_names(path)[:1]


def partitioned(form: TableFormat, path: str, parts: Sequence[Path]) -> TableFormat:
    """Return the format, with the columns that the folders below a path add, if they do."""
    said = partitions(path, parts)
    names = {name for values in said.values() for name in values}
    if not names:
        return form
    kinds = {
        name: _kind_of([values[name] for values in said.values() if name in values])
        for name in names
    }
    constants = {
        part: {name: _constant(kinds[name], value) for name, value in values.items()}
        for part, values in said.items()
    }
    return Partitioned(form, constants)


def _kind_of(values: Sequence[str | None]) -> pa.DataType:
    """Return the type of a column of these values: whole numbers that 32 bits hold, or text.

    >>> _kind_of(["007", "-2", None]), _kind_of(["1", "1.5"]), _kind_of(["3000000000"])
    (DataType(int32), DataType(string), DataType(string))
    """
    there = [value for value in values if value is not None]
    if not there:
        return pa.null()
    whole = all(_WHOLE.fullmatch(value) and -(2**31) <= int(value) < 2**31 for value in there)
    return pa.int32() if whole else pa.string()


def _constant(kind: pa.DataType, value: str | None) -> Constant:
    """Return a column of this type with one value."""
    return Constant(kind, int(value) if value is not None and kind == pa.int32() else value, value)
