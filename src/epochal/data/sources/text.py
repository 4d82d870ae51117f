"""CSV and TSV files as tables.

In training a column is a number (a date, a boolean) only if every value in the
whole file is. In streaming all columns stay text; the schema of the model reads
them. Spaces around values and names are dropped, blank lines skipped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from epochal.data.numbers import GROUPED, NULL_SPELLINGS
from epochal.data.sources.opening import reading
from epochal.data.sources.tables import plain, regrouped
from epochal.data.sources.text_faults import fault_in, unclosed_quote
from epochal.data.sources.text_stream import TextStream
from epochal.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

EXPECTED = "a CSV or TSV file, plain or compressed by gzip"
# Types are found in the values, so the parts of a data set may disagree, and be read anew.
TYPED = False

# The longest line that can be read; also what is held at a time while streaming.
_BLOCK = 1 << 23
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_PLAIN = r"^[+-]?\d+(\.\d*)?$"
_NUMBER_WITH_COMMA = r"^[+-]?\d+(,\d+)?$"


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
        if any(pa.types.is_binary(field.type) for field in table.schema):
            raise _fault(path, "it is not UTF-8 text")
    if untyped:
        return read(path, names, {*as_text, *untyped})
    columns = {
        name: _tidy(column, infer=name not in as_text)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    if stream.separator == ",":
        columns = {n: c if n in as_text else _ungrouped(c) for n, c in columns.items()}
    else:
        _refuse_decimal_commas(columns, path, as_text)
    return plain(pa.table(columns), str(path))


def batches(path: Path, rows: int, names: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the columns of these names as text, `rows` rows at a time, in bounded memory."""
    with reading(path, EXPECTED), TextStream(path) as stream:
        if stream.is_empty:
            return
        blocks = _blocks(stream, names)
        for table in regrouped(blocks, rows):
            columns = {n: _tidy(table.column(n)) for n in table.column_names}
            if stream.separator != ",":
                # 12,637 could be either, and is no number of thousands here.
                _refuse_decimal_commas(columns, path)
            yield pa.table(columns)


def _parsed(stream: TextStream, names: Sequence[str], as_text: Collection[str]) -> pa.Table:
    """Return the table as Arrow reads it; what Arrow refuses is refused by line."""
    try:
        table = pyarrow.csv.read_csv(stream, *_options(stream, names, as_text))
    except pa.ArrowInvalid as error:
        raise _fault(stream.path, str(error)) from error
    _refuse_open_quote(stream)
    return table


def _blocks(stream: TextStream, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the blocks in which Arrow reads the lines; what it refuses is refused by line."""
    try:
        yield from pyarrow.csv.open_csv(stream, *_options(stream, names, names))
    except pa.ArrowInvalid as error:
        raise _fault(stream.path, str(error)) from error
    _refuse_open_quote(stream)


def _options(
    stream: TextStream, names: Sequence[str], as_text: Collection[str]
) -> tuple[pyarrow.csv.ReadOptions, pyarrow.csv.ParseOptions, pyarrow.csv.ConvertOptions]:
    """Return how Arrow shall read the lines below the header."""
    return (
        pyarrow.csv.ReadOptions(block_size=_BLOCK, column_names=stream.names),
        pyarrow.csv.ParseOptions(delimiter=stream.separator, newlines_in_values=True),
        pyarrow.csv.ConvertOptions(
            include_columns=list(names),
            column_types=dict.fromkeys(as_text, pa.string()),
            null_values=list(NULL_SPELLINGS),
            strings_can_be_null=True,
        ),
    )


def _fault(path: Path, reason: str) -> SourceError:
    """Return the error for a file that Arrow refused, with the line if it can be found."""
    straddling = "straddling" in reason
    limit = f"a line is longer than {_BLOCK:,} bytes"
    found = f"{path} cannot be read: {limit if straddling else reason}"
    return fault_in(path) or SourceError(found, EXPECTED)


def _refuse_open_quote(stream: TextStream) -> None:
    """Return nothing if every quote is closed; else refuse: the lines below were swallowed."""
    if stream.quotes % 2:
        fault = unclosed_quote(stream.path)
        if fault:
            raise fault


def _tidy(column: pa.ChunkedArray, *, infer: bool = False) -> pa.ChunkedArray:
    """Return the column with its texts trimmed, and null spellings found by that as null.

    `infer`: where that leaves numbers only (` ?` was what made it text), as numbers.
    """
    if not pa.types.is_string(column.type):
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    broken = pc.is_in(trimmed, value_set=pa.array(NULL_SPELLINGS))
    if not pc.any(broken).as_py():
        return trimmed
    trimmed = pc.if_else(broken, pa.scalar(None, pa.string()), trimmed)
    for kind in (pa.int64(), pa.float64()) if infer else ():
        try:
            return trimmed.cast(kind)
        except pa.ArrowInvalid:
            continue
    return trimmed


def _ungrouped(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of numbers with commas between their thousands as numbers; others as they are.

    >>> _ungrouped(pa.chunked_array([["1,234", "56", None]])).to_pylist()
    [1234, 56, None]
    """
    if not pa.types.is_string(column.type):
        return column
    grouped = pc.match_substring_regex(column, GROUPED)
    plain_or_grouped = pc.or_(grouped, pc.match_substring_regex(column, _PLAIN))
    if not (pc.any(grouped).as_py() and pc.all(plain_or_grouped).as_py()):
        return column
    digits = pc.replace_substring(column, ",", "")
    whole = not pc.any(pc.match_substring(digits, ".")).as_py()
    return digits.cast(pa.int64() if whole else pa.float64())


def _refuse_decimal_commas(
    columns: dict[str, pa.ChunkedArray], path: Path, as_text: Collection[str] = ()
) -> None:
    """Return nothing; refuse a column that is text only because of commas in its numbers."""
    for name, column in columns.items():
        if not pa.types.is_string(column.type) or name in as_text:
            continue
        values = column.drop_null()
        if not len(values) or not _DECIMAL_COMMA.fullmatch(values[0].as_py()):
            continue
        if pc.all(pc.match_substring_regex(values, _NUMBER_WITH_COMMA)).as_py():
            found = f"column {name!r} of {path} has numbers with a comma, like {values[0]}"
            raise SourceError(found, "a decimal point", "write 3.5 for 3,5")
