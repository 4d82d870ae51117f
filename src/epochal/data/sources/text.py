"""CSV and TSV files as tables.

In training a column is a number (a date, a boolean) only if every value in the
whole file is. In streaming all columns stay text; the schema of the model reads
them. Spaces around values and names are dropped, blank lines skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv

from epochal.data.numbers import NULL_SPELLINGS
from epochal.data.sources.opening import reading
from epochal.data.sources.tables import plain, regrouped
from epochal.data.sources.text_faults import fault_in, unclosed_quote
from epochal.data.sources.text_stream import TextStream
from epochal.data.sources.text_types import (
    refuse_decimal_commas,
    tidy,
    traits_of,
    way_of_texts,
)
from epochal.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

EXPECTED = "a CSV or TSV file, plain or compressed by gzip"
# Types are found in the values, so the parts of a data set may disagree, and be read anew.
TYPED = False

# The longest line that can be read; also what is held at a time while streaming.
LONGEST_LINE = 1 << 23


def column_names(path: Path) -> list[str]:
    """Return the names of the columns."""
    with reading(path, EXPECTED), TextStream(path) as stream:
        return stream.names


def read(path: Path, names: Sequence[str], as_text: Collection[str] = ()) -> pa.Table:
    """Return the columns of these names, typed by all of their values; `as_text` ones as text."""
    with reading(path, EXPECTED), TextStream(path) as stream:
        if stream.is_empty:
            return pa.table({name: pa.nulls(0) for name in names})
        table = _parsed(stream, names, as_text)
        untyped = [f.name for f in table.schema if pa.types.is_time(f.type)]
        refuse_binary(table, path)
    if untyped:
        return read(path, names, {*as_text, *untyped})
    columns = {name: tidy(table.column(name)) for name in names}
    for name, column in columns.items():
        if pa.types.is_string(column.type) and name not in as_text:
            traits = traits_of(column, gaps=column.null_count > table.column(name).null_count)
            columns[name] = way_of_texts(traits, stream.separator, name, path).applied(column)
    return plain(pa.table(columns), str(path))


def batches(path: Path, rows: int, names: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the columns of these names as text, `rows` rows at a time, in bounded memory."""
    with reading(path, EXPECTED), TextStream(path) as stream:
        if stream.is_empty:
            return
        blocks = _blocks(stream, names)
        for table in regrouped(blocks, rows):
            columns = {n: tidy(table.column(n)) for n in table.column_names}
            if stream.separator != ",":
                # 12,637 could be either, and is no number of thousands here.
                for name, column in columns.items():
                    refuse_decimal_commas(column, name, path)
            yield pa.table(columns)


def _parsed(stream: TextStream, names: Sequence[str], as_text: Collection[str]) -> pa.Table:
    """Return the table as Arrow reads it; what Arrow refuses is refused by line."""
    try:
        table = pyarrow.csv.read_csv(
            stream, *options(stream, names, dict.fromkeys(as_text, pa.string()))
        )
    except pa.ArrowInvalid as error:
        raise fault(stream.path, str(error)) from error
    refuse_open_quote(stream)
    return table


def _blocks(stream: TextStream, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the blocks in which Arrow reads the lines; what it refuses is refused by line."""
    types = dict.fromkeys(names, pa.string())
    try:
        yield from pyarrow.csv.open_csv(stream, *options(stream, names, types))
    except pa.ArrowInvalid as error:
        raise fault(stream.path, str(error)) from error
    refuse_open_quote(stream)


def options(
    stream: TextStream, names: Sequence[str], types: Mapping[str, pa.DataType]
) -> tuple[pyarrow.csv.ReadOptions, pyarrow.csv.ParseOptions, pyarrow.csv.ConvertOptions]:
    """Return how Arrow shall read the lines below the header; it finds the types that are not given."""
    return (
        pyarrow.csv.ReadOptions(block_size=LONGEST_LINE, column_names=stream.names),
        pyarrow.csv.ParseOptions(delimiter=stream.separator, newlines_in_values=True),
        pyarrow.csv.ConvertOptions(
            include_columns=list(names),
            column_types=dict(types),
            null_values=list(NULL_SPELLINGS),
            strings_can_be_null=True,
        ),
    )


def fault(path: Path, reason: str) -> SourceError:
    """Return the error for a file that Arrow refused, with the line if it can be found."""
    straddling = "straddling" in reason
    limit = f"a line is longer than {LONGEST_LINE:,} bytes"
    found = f"{path} cannot be read: {limit if straddling else reason}"
    return fault_in(path) or SourceError(found, EXPECTED)


def refuse_open_quote(stream: TextStream) -> None:
    """Return nothing if every quote is closed; else refuse: the lines below were swallowed."""
    if stream.quotes % 2:
        fault = unclosed_quote(stream.path)
        if fault:
            raise fault


def refuse_binary(table: pa.Table, path: Path) -> None:
    """Return nothing if Arrow found text in every column that is nothing else."""
    if any(pa.types.is_binary(field.type) for field in table.schema):
        raise fault(path, "it is not UTF-8 text")
