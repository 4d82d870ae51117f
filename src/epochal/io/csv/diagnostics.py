"""Diagnostics: what is wrong with a text table, and in which line.

Used after Arrow has refused a file: Arrow parses many lines at once without counting them; this reads
them one by one.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from epochal.errors import SourceError
from epochal.io.csv.encoding import TO_UTF8
from epochal.io.csv.header import HEAD_LINES, Record, title_hint
from epochal.io.csv.records import lines_of, records_of
from epochal.io.csv.stream import TextStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from epochal.config.csv_options import CsvOptions

_SHOWN = 60


def fault_in(path: Path, options: CsvOptions) -> SourceError | None:
    """Return an error that names the first wrong line; None if no line is wrong."""
    return _encoding_fault(path, options) or _record_fault(path, options)


def _encoding_fault(path: Path, options: CsvOptions) -> SourceError | None:
    """Return an error for the first line that is not UTF-8, if there is one."""
    for number, line in lines_of(path):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            if number <= options.skip_lines:
                continue
            before = line[: error.start].decode()[-20:]
            place = f"line {number} of {path} is not UTF-8 text"
            problem = f"{place}: the byte 0x{line[error.start]:02x} follows {before!r}"
            return SourceError(problem, "UTF-8 text", TO_UTF8)
    return None


def _record_fault(path: Path, options: CsvOptions) -> SourceError | None:
    """Return an error for the first row that cannot be read or has a wrong number of cells."""
    with TextStream(path, options) as stream:
        expected = len(stream.names)
    records = records_of(stream)
    try:
        header = next(records) if options.header else None
        # A title above the header can be detected from the first rows.
        first = list(islice(records, HEAD_LINES))
        hint = title_hint(header, first) if header else ""
        return _wrong_length(path, chain(first, records), expected, hint)
    except SourceError as error:
        return error


def _wrong_length(
    path: Path, records: Iterator[Record], expected: int, hint: str
) -> SourceError | None:
    """Return the error for the first row with too few or too many cells, if there is one."""
    for line, cells in records:
        if len(cells) != expected:
            return _length_error(path, Record(line, cells), expected, hint)
    return None


def _length_error(path: Path, record: Record, expected: int, hint: str) -> SourceError:
    """Return the error for a row with another number of cells."""
    count = len(record.cells)
    values = "value" if count == 1 else "values"
    text = ", ".join(record.cells)
    text = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    columns = "column" if expected == 1 else "columns"
    advice = f"the line reads: {text}"
    if any(cell.lstrip(" ").startswith('"') for cell in record.cells if cell.startswith(" ")):
        advice += "; remove the spaces before quotes, which count where a value begins with them"
    elif count > expected:
        advice += "; put values that hold the separator into quotes"
    problem = f"line {record.line} of {path} has {count} {values}"
    return SourceError(problem, f"{expected} {columns}, as in the header", hint or advice)
