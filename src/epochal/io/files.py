"""Reading of files: rows and labels from any path, at once or in batches.

Tables are read from CSV, TSV, Parquet and Arrow, arrays from .npy, .npz, IDX and images.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar, cast

import numpy as np
import pyarrow as pa

from epochal.config.csv_options import PLAIN
from epochal.errors import DataError, SourceError
from epochal.io import images
from epochal.io.array_streams import refuse_mismatch
from epochal.io.discovery import SUFFIXES, discover, format_of
from epochal.io.hive import partitioned
from epochal.io.labelled import (
    LabelledRows,
    from_table,
    no_columns,
    no_labels,
    without_missing,
)
from epochal.io.multifile import TableFormat, joint_schema, read_parts, shared_names
from epochal.io.opened_data import OpenedData
from epochal.io.opening import reading
from epochal.io.typed_labels import spelled
from epochal.tables.origin import Origin, Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from epochal.config.csv_options import CsvOptions
    from epochal.tables.rows import Rows

_Block = TypeVar("_Block")

__all__ = ["SUFFIXES", "LabelledRows", "batches", "discover", "labelled_batches", "read"]

TABLES = ("text", "parquet", "arrow")
# The modules that read the formats.
_MODULES = {
    "text": "epochal.io.csv.reader",
    "parquet": "epochal.io.parquet",
    "arrow": "epochal.io.arrow",
    "arrays": "epochal.io.numpy_files",
    "idx": "epochal.io.idx",
}


class ArrayFormat(Protocol):
    """The interface of a module for one array format."""

    def read(self, path: Path, target: str | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the rows of a file and their labels."""

    def batches(
        self, path: Path, rows: int, target: str | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Yield the rows of a file and their labels, `rows` at a time."""


def read(
    path: str,
    target: str | None,
    columns: Sequence[str] | None = None,
    as_text: Collection[str] = (),
    csv: CsvOptions = PLAIN,
    *,
    target_as_text: bool = False,
) -> LabelledRows:
    """Return all rows and labels at a path (file, folder of parts, or pattern).

    `target` is the name of the column with the labels (for arrays: the name of an array or the number
    of a column). None: no labels, except those that an array file contains. `columns`: read only
    these and the target. `as_text`: columns of text files that are not parsed; labels never are.
    `target_as_text`: labels that are numbers in other files become texts. `csv`: options for CSV
    files. Rows without a label are dropped and counted.
    """
    parts = discover(path)
    name = str(format_of(parts[0]))
    if name in TABLES:
        form = partitioned(table_format(name, csv), path, parts)
        names = shared_names(parts, form, _wanted(columns, target))
        if target is not None and target not in names:
            shared_names(parts, form, [target])
        texts = {name for name in (*as_text, target) if name in names}
        table, counts = read_parts(parts, form, names, texts)
        origin = Origin.of(parts, counts)
        labelled = from_table(table, target, path, target_as_text, origin)
    else:
        pairs = list(_arrays(parts, name, target))
        labelled = _joined(pairs, parts[: len(pairs)], path)
        if target_as_text and labelled.labels is not None:
            labelled = replace(labelled, labels=spelled(labelled.labels))
    return _not_empty(labelled)


def found_once(path: str) -> OpenedData:
    """Return data with a fixed list of files, whatever happens to the folder later."""
    return path if isinstance(path, OpenedData) else OpenedData(path, discover(path), path)


def refuse_unlabelled(path: OpenedData, csv: CsvOptions = PLAIN) -> None:
    """Refuse data that contain no labels, before they are read; return nothing."""
    first = path.parts[0]
    name = str(format_of(first))
    if name in TABLES:
        form = partitioned(table_format(name, csv), path, path.parts)
        raise no_labels(path, shared_names(path.parts, form))
    if name != "pictures":
        _, labels = next(array_format(name).batches(first, 1), (None, None))
        if labels is None:
            raise no_labels(path, None)


def batches(
    path: str, rows_per_batch: int, names: Sequence[str] | None = None, csv: CsvOptions = PLAIN
) -> Iterator[Piece]:
    """Yield the rows at a path, `rows_per_batch` at a time, in bounded memory.

    `names`: only these columns; None: all. Columns of text files stay text and are parsed by the
    schema of a model. Without rows, there is one empty batch.
    """
    is_empty = True
    for piece in _pieces(path, rows_per_batch, names, None, csv):
        is_empty = False
        yield Piece(piece.rows, piece.origin)
    if is_empty:
        parts = discover(path)
        name = str(format_of(parts[0]))
        if name in TABLES:
            form = partitioned(table_format(name, csv), path, parts)
            columns = shared_names(parts, form, names)
            yield Piece(pa.table({column: pa.nulls(0) for column in columns}))
        else:
            yield Piece(array_format(name).read(parts[0])[0])


class PassthroughColumns(NamedTuple):
    """Columns that are passed through unchanged: their types, and pieces of rows with them."""

    types: pa.Schema
    pieces: Iterator[tuple[Piece, pa.Table]]


def batches_with(
    path: str, rows_per_batch: int, kept: Sequence[str], csv: CsvOptions = PLAIN
) -> PassthroughColumns:
    """Return the rows at a path, `rows_per_batch` at a time, with the columns `kept` unchanged.

    Rows are those of `batches`. Kept columns are not trimmed or parsed, and no value becomes missing:
    texts of text files are exact, values of other files have their types.

    Raises:
        EpochalError: if a column does not exist, or the data are no table.
    """
    parts = discover(path)
    name = str(format_of(parts[0]))
    if name not in TABLES:
        raise no_columns(path, "--keep")
    form = partitioned(table_format(name, csv), path, parts)
    names = shared_names(parts, form)
    shared_names(parts, form, kept)
    schemas = [form.written_types(part, kept) for part in parts]
    types = schemas[0] if len(parts) == 1 else joint_schema(parts, schemas, form, kept)[0]

    def pieces() -> Iterator[tuple[Piece, pa.Table]]:
        """Yield the pieces of every part in turn."""
        for part in parts:
            blocks = form.batches_with(part, rows_per_batch, names, kept)
            for start, (rows, table) in _counted(blocks, lambda block: len(block[0])):
                with reading(part, f"the types of the columns of {parts[0]}"):
                    cast_table = table if table.schema.equals(types) else table.cast(types)
                yield Piece(rows, _from(part, start)), cast_table

    return PassthroughColumns(types, pieces())


def labelled_batches(
    path: str,
    rows_per_batch: int,
    names: Sequence[str] | None,
    target: str | None,
    csv: CsvOptions = PLAIN,
) -> Iterator[LabelledRows]:
    """Yield rows and labels at a path, `rows_per_batch` at a time, in bounded memory.

    As `read`, except that all columns of text files stay text. `dropped` is counted per batch.
    """
    count = 0
    for labelled in _pieces(path, rows_per_batch, names, target, csv):
        count += _count(labelled.rows) + labelled.dropped
        yield labelled
    if not count:
        raise no_rows(path)


def _pieces(
    path: str, rows: int, names: Sequence[str] | None, target: str | None, csv: CsvOptions
) -> Iterator[LabelledRows]:
    """Yield rows and labels at a path, `rows` at a time; nothing if there are no rows."""
    parts = discover(path)
    name = str(format_of(parts[0]))
    if name not in TABLES:
        yield from _array_batches(parts, name, rows, target, path)
        return
    form = partitioned(table_format(name, csv), path, parts)
    wanted = shared_names(parts, form, _wanted(names, target))
    for part in parts:
        for start, table in _counted(form.batches(part, rows, wanted), len):
            yield from_table(table, target, path, origin=_from(part, start))


def _array_batches(
    parts: Sequence[Path], name: str, rows: int, target: str | None, source: str
) -> Iterator[LabelledRows]:
    """Yield the batches of every part of arrays in turn."""
    sources: Iterable[tuple[object, Iterator[tuple[np.ndarray, np.ndarray | None]]]]
    if name == "pictures":
        sources = [(source, images.together(parts, rows, target))]
    else:
        sources = ((part, array_format(name).batches(part, rows, target)) for part in parts)
    for part, blocks in sources:
        for start, (block, labels) in _counted(blocks, lambda pair: len(pair[0])):
            yield without_missing(block, labels, source, _from(part, start))


def _counted(
    blocks: Iterable[_Block], rows_of: Callable[[_Block], int]
) -> Iterator[tuple[int, _Block]]:
    """Yield pairs of the number of a block's first row and the block."""
    start = 0
    for block in blocks:
        yield start, block
        start += rows_of(block)


def _from(file: object, row: int) -> Origin:
    """Return the origin of the rows of a file from row number `row` on."""
    return Origin.of([file], [0]).after(row)


def _arrays(
    parts: Sequence[Path], name: str, target: str | None
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield the arrays of every part; images as one array."""
    if name == "pictures":
        return images.together(parts, len(parts), target)
    return (array_format(name).read(part, target) for part in parts)


def table_format(name: str, csv: CsvOptions = PLAIN) -> TableFormat:
    """Return the reader of a table format, imported when needed; `csv` has the options for text."""
    module = import_module(_MODULES[name])
    return cast("TableFormat", module.TextFormat(csv) if name == "text" else module)


def array_format(name: str) -> ArrayFormat:
    """Return the module for an array format, imported when needed."""
    return cast("ArrayFormat", import_module(_MODULES[name]))


def _wanted(columns: Sequence[str] | None, target: str | None) -> list[str] | None:
    """Return the columns to read: the selected ones and the target; None for all."""
    if columns is None:
        return None
    return [*columns, target] if target is not None and target not in columns else list(columns)


def _joined(
    pairs: Sequence[tuple[np.ndarray, np.ndarray | None]], parts: Sequence[Path], source: str
) -> LabelledRows:
    """Return the arrays of all parts as one; their rows must have the same shape."""
    first, first_labels = pairs[0]
    for (rows, labels), part in zip(pairs[1:], parts[1:], strict=True):
        refuse_mismatch((parts[0], (first, first_labels)), (part, (rows, labels)))
    # Images are read as one array, so the file of a row is unknown.
    files = parts if len(pairs) > 1 else [source]
    origin = Origin.of(files, [len(rows) for rows, _ in pairs])
    if len(pairs) == 1:
        return without_missing(first, first_labels, source, origin)
    joined = [labels for _, labels in pairs if labels is not None]
    rows = np.concatenate([rows for rows, _ in pairs])
    return without_missing(rows, np.concatenate(joined) if joined else None, source, origin)


def _count(rows: Rows) -> int:
    """Return the number of rows."""
    return int(rows.shape[0])


def _not_empty(labelled: LabelledRows) -> LabelledRows:
    """Return the rows if there are any; otherwise say whether rows or labels are missing."""
    if _count(labelled.rows):
        return labelled
    if labelled.dropped:
        raise none_labelled(labelled.dropped, labelled.source)
    raise no_rows(labelled.source)


def none_labelled(rows: int, source: str) -> DataError:
    """Return the error for data with rows of which none has a label."""
    message = f"none of the {rows} rows of {source} has a label"
    return DataError(message, "labels in the target column", "is it the right column?")


def no_rows(source: str) -> SourceError:
    """Return the error for data with columns and no rows."""
    return SourceError(f"{source} has no rows", "at least one row below the names of the columns")
