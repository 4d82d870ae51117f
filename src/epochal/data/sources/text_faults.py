"""What is wrong with a text table, and in which line.

Only asked after Arrow has refused a file: Arrow reads many lines at once and
does not count them; this reads them one by one.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from epochal.data.sources.opening import open_bytes
from epochal.data.sources.text_stream import TO_UTF8, TextStream
from epochal.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_UNCLOSED = 'close it, or double it ("") if it belongs to the value'
_SHOWN = 60


def fault_in(path: Path) -> SourceError | None:
    """Return an error that names the first line that is wrong; None if none is found."""
    return _encoding_fault(path) or _record_fault(path)


def unclosed_quote(path: Path) -> SourceError | None:
    """Return an error for a quote that is still open at the end of the file, if there is one."""
    fault = _record_fault(path)
    return fault if fault and fault.hint == _UNCLOSED else None


def _encoding_fault(path: Path) -> SourceError | None:
    """Return an error for the first line that is not UTF-8, if there is one."""
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                before = line[: error.start].decode()[-20:]
                place = f"line {number} of {path} is not UTF-8 text"
                found = f"{place}: the byte 0x{line[error.start]:02x} follows {before!r}"
                return SourceError(found, "UTF-8 text", TO_UTF8)
    return None


def _record_fault(path: Path) -> SourceError | None:
    """Return an error for the first record of a wrong length or with an open quote."""
    with TextStream(path) as stream:
        expected, separator = len(stream.names), stream.separator
    with open_bytes(path) as file:
        lines = _Lines(io.TextIOWrapper(file, "utf-8-sig", newline=""))
        records = csv.reader(lines, delimiter=separator)
        while True:
            first = lines.begin()
            try:
                record = next(records, None)
            except csv.Error as error:
                return _unreadable(path, first, str(error))
            if record is None:
                return None
            if lines.quotes % 2 and _is_open(lines.text, separator):
                found = f"a quote is opened in line {first} of {path} and never closed"
                return SourceError(found, "a quote at the end of the value", _UNCLOSED)
            if record and len(record) != expected:
                return _wrong_length(path, first, record, expected)


class _Lines:
    """The lines of a file, counted; and the text of the record that is being read."""

    def __init__(self, file: Iterable[str]) -> None:
        self._file, self._count = iter(file), 0
        self.text, self.quotes = "", 0

    def begin(self) -> int:
        """Return the number of the line with which the next record begins."""
        self.text, self.quotes = "", 0
        return self._count + 1

    def __iter__(self) -> Iterator[str]:
        """Return the lines themselves."""
        return self

    def __next__(self) -> str:
        """Return the next line."""
        line = next(self._file)
        self._count += 1
        self.quotes += line.count('"')
        self.text += line
        return line


def _is_open(text: str, separator: str) -> bool:
    """Return whether a quote is still open at the end of a record.

    >>> _is_open('1,"abc', ","), _is_open('1,a"bc', ",")
    (True, False)
    """
    try:
        list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _unreadable(path: Path, line: int, reason: str) -> SourceError:
    """Return the error for a record that Python's reader gives up on."""
    if "field limit" in reason:
        found = f"a quote opened in line {line} of {path} is not closed for 131,072 characters"
        return SourceError(found, "a quote at the end of the value", _UNCLOSED)
    return SourceError(f"line {line} of {path} cannot be read: {reason}")


def _wrong_length(path: Path, line: int, record: list[str], expected: int) -> SourceError:
    """Return the error for a record with too few or too many values."""
    count = len(record)
    values = "value" if count == 1 else "values"
    shown = ", ".join(record)
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
    columns = "column" if expected == 1 else "columns"
    hint = f"the line reads: {shown}"
    if count > expected:
        hint += "; put values that hold the separator into quotes"
    found = f"line {line} of {path} has {count} {values}"
    return SourceError(found, f"{expected} {columns}, as in the header", hint)
