"""Hive partitioning: folders named `column=value` add a column to the files within them.

Names and values may be percent-encoded; a column has the type that Arrow's data sets infer.
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

    from epochal.io.multifile import TableFormat
    from epochal.io.table_streams import TypedFormat

MISSING = "__HIVE_DEFAULT_PARTITION__"
_FOLDER = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_INTEGER = re.compile(r"-?\d{1,10}")


def is_partition(folder: Path) -> bool:
    """Return whether a folder is named `column=value`.

    >>> is_partition(Path("g=1")), is_partition(Path("parts")), is_partition(Path("=1"))
    (True, False, False)
    """
    return _FOLDER.fullmatch(folder.name) is not None


def partitions(path: str, parts: Sequence[Path]) -> dict[Path, dict[str, str | None]]:
    """Return the partition values of each part, from the folders below a path or matched by a pattern.

    Folders that are part of the path itself are ignored: all files of `data/g=1` have the same g.

    >>> partitions("data", [Path("data/g=1/b%20c=x/a.csv")])
    {PosixPath('data/g=1/b%20c=x/a.csv'): {'g': '1', 'b c': 'x'}}
    """
    root = _root(path)
    if root is None:
        return {part: {} for part in parts}
    values_by_part = {}
    for part in parts:
        folders = part.relative_to(root).parts[:-1]
        pairs = [match.groups() for folder in folders if (match := _FOLDER.fullmatch(folder))]
        values = [(unquote(name), unquote(value)) for name, value in pairs]
        values_by_part[part] = {name: None if value == MISSING else value for name, value in values}
    return values_by_part


def _root(path: str) -> Path | None:
    """Return the folder at a path, or the last folder before the pattern; None for a file."""
    place = Path(path)
    if place.is_dir():
        return place
    if place.exists():
        return None
    patterns = [part for part in place.parts if glob.has_magic(part)]
    first = place.parts.index(patterns[0]) if patterns else len(place.parts)
    return Path(*place.parts[:first])


class Constant(NamedTuple):
    """A partition column of a file: its type, its value, and the text in the name of the folder."""

    kind: pa.DataType
    value: int | str | None
    written: str | None

    def column(self, rows: int, *, as_text: bool = False) -> pa.ChunkedArray:
        """Return the column with this number of rows; `as_text`: as the text in the folder's name."""
        kind, value = (pa.string(), self.written) if as_text else (self.kind, self.value)
        return pa.chunked_array([pa.repeat(pa.scalar(value, kind), rows)])


@dataclass(frozen=True)
class Partitioned:
    """A table format whose files also have partition columns."""

    form: TableFormat
    constants: Mapping[Path, Mapping[str, Constant]]

    @property
    def TYPED(self) -> bool:  # noqa: N802  (a constant of modules)
        """Whether files store the types of columns."""
        return self.form.TYPED

    @property
    def EXPECTED(self) -> str:  # noqa: N802  (a constant of modules)
        """What a file should be."""
        return self.form.EXPECTED

    def column_names(self, path: Path) -> list[str]:
        """Return the names of the columns of a file, partition columns last."""
        names = self.form.column_names(path)
        for name in self.constants[path]:
            if name in names:
                problem = f"column {name!r} is both in {path} and in the name of its folder"
                raise SourceError(problem, "it in one of them", "rename the column or the folders")
        return [*names, *self.constants[path]]

    def schema(self, path: Path, names: Sequence[str]) -> pa.Schema:
        """Return the types of some columns of a file."""
        form = cast("TypedFormat", self.form)
        inner = form.schema(path, self.columns_in_file(path, names))
        kinds = {name: constant.kind for name, constant in self.constants[path].items()}
        return pa.schema([(n, kinds[n] if n in kinds else inner.field(n).type) for n in names])

    def page_bytes(self, path: Path, names: Sequence[str]) -> int:
        """Return about how many bytes of pages are in memory while columns of a file are read."""
        form = cast("TypedFormat", self.form)
        return form.page_bytes(path, self.columns_in_file(path, names))

    def read(self, path: Path, names: Sequence[str], as_text: Collection[str] = ()) -> pa.Table:
        """Return some columns of a file."""
        file_names = self.columns_in_file(path, names)
        table = self.form.read(path, file_names, [name for name in as_text if name in file_names])
        return self.completed(path, table, names, () if self.TYPED else as_text)

    def batches(self, path: Path, rows: int, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns of a file, `rows` rows at a time; of text files, all as text."""
        for table in self.form.batches(path, rows, self.columns_in_file(path, names)):
            yield self.completed(path, table, names, () if self.TYPED else names)

    def batches_with(
        self, path: Path, rows: int, names: Sequence[str], kept: Sequence[str]
    ) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield the same, each time with the columns `kept`, unchanged from the file or its path."""
        as_text = () if self.TYPED else [*names, *kept]
        kept_in_file = [name for name in kept if name not in self.constants[path]]
        for table, kept_table in self.form.batches_with(
            path, rows, self.columns_in_file(path, names), kept_in_file
        ):
            # A table without columns has no number of rows.
            values = self.completed(path, kept_table if kept_in_file else table, kept, as_text)
            yield self.completed(path, table, names, as_text), values

    def written_types(self, path: Path, names: Sequence[str]) -> pa.Schema:
        """Return the types of columns in the file; for text files all are text."""
        constants = self.constants[path]
        file_types = self.form.written_types(
            path, [name for name in names if name not in constants]
        )
        return pa.schema([(n, self._written_type(path, n, file_types)) for n in names])

    def _written_type(self, path: Path, name: str, file_types: pa.Schema) -> pa.DataType:
        """Return the type of one column."""
        if name not in self.constants[path]:
            return file_types.field(name).type
        return self.constants[path][name].kind if self.TYPED else pa.string()

    def completed(
        self, path: Path, table: pa.Table, names: Sequence[str], as_text: Collection[str]
    ) -> pa.Table:
        """Return a table from a file with its partition columns, in the order of the names."""
        constants, rows = self.constants[path], table.num_rows
        columns = [
            constants[name].column(rows, as_text=name in as_text)
            if name in constants
            else table.column(name)
            for name in names
        ]
        return pa.table(columns, names=list(names))

    def columns_in_file(self, path: Path, names: Sequence[str]) -> list[str]:
        """Return the names of columns in the file: at least one, to count the rows."""
        in_file = [name for name in names if name not in self.constants[path]]
        return in_file or self.form.column_names(path)[:1]


def partitioned(form: TableFormat, path: str, parts: Sequence[Path]) -> TableFormat:
    """Return the format with the partition columns of the files at a path, if there are any."""
    values_by_part = partitions(path, parts)
    names = {name for values in values_by_part.values() for name in values}
    if not names:
        return form
    kinds = {
        name: _kind_of([values[name] for values in values_by_part.values() if name in values])
        for name in names
    }
    constants = {
        part: {name: _constant(kinds[name], value) for name, value in values.items()}
        for part, values in values_by_part.items()
    }
    return Partitioned(form, constants)


def _kind_of(values: Sequence[str | None]) -> pa.DataType:
    """Return the type of a column of these values: int32 if all are such integers, else text.

    >>> _kind_of(["007", "-2", None]), _kind_of(["1", "1.5"]), _kind_of(["3000000000"])
    (DataType(int32), DataType(string), DataType(string))
    """
    present = [value for value in values if value is not None]
    if not present:
        return pa.null()
    are_integers = all(
        _INTEGER.fullmatch(value) and -(2**31) <= int(value) < 2**31 for value in present
    )
    return pa.int32() if are_integers else pa.string()


def _constant(kind: pa.DataType, value: str | None) -> Constant:
    """Return the partition column of this type and value."""
    return Constant(kind, int(value) if value is not None and kind == pa.int32() else value, value)
