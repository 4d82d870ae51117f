"""Warnings about the header of a text table, and about lines that are no rows."""

from __future__ import annotations

import warnings
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from epochal.errors import SourceError
from epochal.io.csv.header import findings, in_apostrophes
from epochal.io.csv.quote_diagnostics import line_at
from epochal.io.csv.records import records_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from epochal.io.csv.blocks import Note
    from epochal.io.csv.stream import TextStream

# The most rows below the header that are checked, and the most cells.
_ROWS, _CELLS = 100, 20_000


def warn_of_head(stream: TextStream) -> None:
    """Warn if the first lines of a file look like titles, several headers, or none; return nothing."""
    if stream.is_empty and stream.options.header:
        return
    count = max(min(_ROWS, _CELLS // len(stream.names)), 8)
    try:
        rows = list(islice(records_of(stream), count + 1))
    except SourceError:
        # The error is raised when the rows are read.
        return
    sentences: list[str] = []
    if stream.options.header:
        header = rows.pop(0)
        sentences += findings(header, rows)
    for sentence in [*sentences, *in_apostrophes(stream.names, rows)]:
        _warn(stream, sentence)


def warn_of_notes(stream: TextStream, notes: Iterable[Note]) -> None:
    """Warn of the notes about rows of a file; return nothing."""
    for note in notes:
        _warn(stream, f"line {line_at(stream.path, note.offset)} {note.sentence}")


def warn_of_names_among(
    schema: pa.Schema, column_of: Callable[[str], pa.ChunkedArray], stream: TextStream
) -> None:
    """Warn if a row of a table repeats the column names; return nothing.

    Such a row makes columns text. So if a name cannot have its column's type, there is no such row.
    """
    if not stream.options.header or len(schema) < 2:
        return
    try:
        values = [pa.scalar(field.name).cast(field.type) for field in schema]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return
    repeated = None
    for value, name in zip(values, schema.names, strict=True):
        same = pc.fill_null(pc.equal(column_of(name), value), False)  # noqa: FBT003
        repeated = same if repeated is None else pc.and_(repeated, same)
        if not pc.any(repeated, min_count=0).as_py():
            return
    header, *_ = islice(records_of(stream), 1)
    names = [name.strip() for name in header.cells]
    rows = islice(records_of(stream), 1, None)
    line = next((row.line for row in rows if [cell.strip() for cell in row.cells] == names), None)
    if line is not None:
        _warn(
            stream,
            f"line {line} repeats the names of the columns, and is read as a row: were two "
            "files joined? Remove the line, or put the files into a folder and give that",
        )


def _warn(stream: TextStream, sentence: str) -> None:
    """Warn with the path of the file and a sentence; return nothing."""
    warnings.warn(f"{stream.path}: {sentence}", UserWarning, stacklevel=2)
