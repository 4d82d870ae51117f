"""Rows of a text table one by one, with line numbers: slow, used for messages."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from epochal.errors import SourceError
from epochal.io.csv.header import Record
from epochal.io.opening import open_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from epochal.io.csv.stream import TextStream

_LONGEST = 1 << 30


def records_of(stream: TextStream) -> Iterator[Record]:
    """Yield the header, if there is one, and all rows of a stream's file; the stream is not advanced.

    Raises:
        SourceError: for a row that Python's reader refuses; it names the line.
    """
    with open_bytes(stream.path) as file:
        for _ in range(stream.options.skip_lines):
            file.readline()
        encoding = "utf-8" if stream.options.skip_lines else "utf-8-sig"
        with io.TextIOWrapper(file, encoding, errors="replace", newline="") as text:
            lines = _Counted(text, stream.options.skip_lines)
            rows = csv.reader(lines, delimiter=stream.separator, strict=True)
            while True:
                first = lines.count + 1
                try:
                    row = _next(rows)
                except csv.Error as error:
                    problem = f"line {first} of {stream.path} cannot be read: {error}"
                    raise SourceError(problem) from error
                if row is None:
                    return
                if row:
                    yield Record(first, row)


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file as bytes, with their numbers."""
    with open_bytes(path) as file:
        yield from enumerate(file, start=1)


def _next(rows: Iterator[list[str]]) -> list[str] | None:
    """Return the next row, with cells of any length; None at the end."""
    limit = csv.field_size_limit(_LONGEST)
    try:
        return next(rows, None)
    finally:
        csv.field_size_limit(limit)


class _Counted:
    """The lines of a file; `count` of them have been read."""

    def __init__(self, text: io.TextIOWrapper, count: int) -> None:
        self._text, self.count = text, count

    def __iter__(self) -> Iterator[str]:
        """Return the iterator itself."""
        return self

    def __next__(self) -> str:
        """Return the next line."""
        line = next(self._text)
        self.count += 1
        return line
