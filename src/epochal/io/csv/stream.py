"""Text stream: the rows of a text table below its header, without the lines to skip.

Arrow parses the rows. This file handles what Arrow does not: detection of the separator, empty and
repeated names, wrong quotes and encodings.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Self

from epochal.config.csv_options import PLAIN
from epochal.errors import SourceError
from epochal.io.csv.encoding import BYTE_ORDER_MARK, SAMPLE, TO_UTF8, refuse_wide
from epochal.io.csv.header import NO_HEADER, look_like_values
from epochal.io.csv.quote_diagnostics import line_ends_in, never_closed, not_a_bound
from epochal.io.csv.quotes import quoting
from epochal.io.opened_data import ending_of
from epochal.io.opening import open_bytes
from epochal.io.tables import refuse_duplicates

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

    from epochal.config.csv_options import CsvOptions

_SEPARATORS = {".csv": ",;\t|", ".tsv": "\t", ".txt": "\t,;|"}
_HEADER_BYTES = 1 << 24


class TextStream:
    """The lines below the header as a readable file, and the header.

    `separator` is detected in the header. `names` are the trimmed column names; an empty name becomes
    `Unnamed: 3`, as in pandas; without a header they are x0, x1, …. `is_empty`: there is no line
    below the header. `header_line` is the line number of the header (without a header: of the first
    row), `offset` the byte offset of the first row.
    """

    closed = False

    def __init__(self, path: Path, options: CsvOptions = PLAIN) -> None:
        self.path, self.options = path, options
        self._file = open_bytes(path)
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise

    def _begin(self) -> None:
        """Read up to the first row; return nothing."""
        lines, path = _Lines(self._file, self.path), self.path
        lines.skip(self.options.skip_lines)
        # Blank lines before the header are skipped.
        content = lines.next_filled()
        self.header_line = lines.count
        if not content:
            message = f"{path} is empty"
            if self.options.skip_lines:
                message = f"{path} has nothing below the lines to skip"
            raise SourceError(message, "a line with the names of the columns, then rows")
        record, content = lines.record(content, ending_of(path))
        text = _decoded(record, path, self.header_line)
        if self.options.header:
            self.separator = separator_of(text, ending_of(path))
            self.names = names_of(text, self.separator, path, self.header_line)
            content = lines.next_filled()
        else:
            self.separator = lines.separator_of_rows(text, ending_of(path))
            cells = _cells(text, self.separator, path, self.header_line)
            self.names = [f"x{number}" for number in range(len(cells))]
        self._ahead, self.is_empty = content, not content
        self.offset = self._file.tell() - len(content)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes below the header; b"" at the end."""
        part = self._ahead or self._file.read(size)
        if 0 <= size < len(part):
            part, self._ahead = part[:size], part[size:]
        else:
            self._ahead = b""
        return part

    def close(self) -> None:
        """Close the file; return nothing."""
        self.closed = True
        self._file.close()

    def __enter__(self) -> Self:
        """Return the stream itself, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; return nothing."""
        self.close()


class _Lines:
    """The first lines of a file; `count` of them have been read."""

    def __init__(self, file: BufferedReader, path: Path) -> None:
        self._file, self._path, self.count = file, path, 0
        sample = file.peek(SAMPLE)[:SAMPLE]
        refuse_wide(sample, path)
        if sample.startswith(BYTE_ORDER_MARK):
            file.read(len(BYTE_ORDER_MARK))

    def skip(self, lines: int) -> None:
        """Skip lines, which must exist; return nothing."""
        for _ in range(lines):
            if not self._next():
                problem = f"{self._path} has {self.count} lines"
                raise SourceError(problem, f"more than the {lines} lines to skip")

    def next_filled(self) -> bytes:
        """Return the next line that is not blank; b"" at the end of the file."""
        line = self._next()
        while line and not line.strip(b"\r\n"):
            line = self._next()
        return line

    def record(self, line: bytes, suffix: str) -> tuple[bytes, bytes]:
        """Return a record, which may span lines within quotes: without its line end, and with it."""
        first, added = self.count, line
        while True:
            # Only a line with a quote can close the record.
            if b'"' in added:
                separator = separator_of(line.decode(errors="replace"), suffix)
                quotes = quoting(line, separator, ())
                if quotes.fault:
                    raise not_a_bound(self._path, quotes, partial(_line_of, line, first))
                if quotes.opened is None:
                    break
            elif added is line:
                break
            added = self._next()
            line += added
            if not added or len(line) > _HEADER_BYTES:
                raise never_closed(self._path, first)
        return line.rstrip(b"\r\n"), line

    def separator_of_rows(self, first: str, suffix: str) -> str:
        """Return the separator of rows without a header: one that every line has equally often."""
        sample = self._file.peek(SAMPLE)[:SAMPLE]
        # The last line may be incomplete.
        complete = sample[: sample.rfind(b"\n") + 1].decode(errors="replace")
        counts = [_counts(line) for line in [first, *complete.splitlines()][:100] if line]
        regular = [
            separator
            for separator in _SEPARATORS.get(suffix, _SEPARATORS[".csv"])
            if counts[0][separator] and len({count[separator] for count in counts}) == 1
        ]
        # If another separator is as regular, commas may belong to numbers.
        others = [separator for separator in regular if separator != ","]
        if len(counts) > 1 and others:
            return others[0]
        return regular[0] if regular else separator_of(first, suffix)

    def _next(self) -> bytes:
        """Return the next line; b"" at the end of the file."""
        line = self._file.readline(_HEADER_BYTES)
        self.count += bool(line)
        return line


def separator_of(header: str, suffix: str) -> str:
    """Return the separator of a header line: the default of the suffix if it occurs, or the most frequent.

    >>> separator_of('a,"b;c;d"', ".csv"), separator_of("a;b;c", ".csv")
    (',', ';')
    """
    candidates = _SEPARATORS.get(suffix, _SEPARATORS[".csv"])
    counts = _counts(header)
    if counts[candidates[0]]:
        return candidates[0]
    best = max(candidates, key=lambda separator: counts[separator])
    return best if counts[best] else candidates[0]


def names_of(header: str, separator: str, path: Path, line: int = 1) -> list[str]:
    """Return the trimmed names in a header line; refuse repeated names."""
    names = [name.strip() for name in _cells(header, separator, path, line)]
    hint = NO_HEADER.format(line) if look_like_values(names) else ""
    names = [name or f"Unnamed: {position}" for position, name in enumerate(names)]
    refuse_duplicates(names, f"the header in line {line} of {path}", hint)
    return names


def _cells(record: str, separator: str, path: Path, line: int) -> list[str]:
    """Return the cells of a line."""
    try:
        return next(csv.reader([record], delimiter=separator))
    except csv.Error as error:
        if "\r" not in record:
            message = f"line {line} of {path} cannot be read: {error}"
            raise SourceError(message, "cells between separators") from error
        message = f"line {line} of {path} goes on behind a carriage return without a line feed"
        hint = r"convert it first, e.g.: tr '\r' '\n' < OLD > NEW"
        raise SourceError(message, "line feeds at the ends of lines", hint) from error


def _counts(line: str) -> Counter[str]:
    """Return the counts of characters in a line outside of quotes."""
    return Counter(re.sub(r'"[^"]*"', "", line))


def _line_of(record: bytes, first: int, place: int) -> int:
    """Return the line number of a position in a record that begins in line `first`."""
    return first + line_ends_in(record[:place])


def _decoded(record: bytes, path: Path, first: int) -> str:
    """Return a record that begins in line `first` as text."""
    try:
        return record.decode()
    except UnicodeDecodeError as error:
        byte, line = record[error.start], _line_of(record, first, error.start)
        message = f"line {line} of {path} is not UTF-8 text: it holds the byte 0x{byte:02x}"
        raise SourceError(message, "UTF-8 text", TO_UTF8) from error
