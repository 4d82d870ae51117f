"""A text table as a stream: its header taken off, its quotes counted.

Arrow reads the lines; what it leaves to chance (the separator, names that are
empty or there twice, a quote that is never closed) is settled here.
"""

from __future__ import annotations

import csv
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, Self

from epochal.data.sources.opening import open_bytes
from epochal.data.sources.tables import refuse_duplicates
from epochal.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
TO_UTF8 = "convert it first, e.g.: iconv -f LATIN1 -t UTF-8 OLD > NEW"

_SEPARATORS = {".csv": ",;\t|", ".tsv": "\t", ".txt": "\t,;|"}
_HEADER_BYTES = 1 << 24
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class TextStream:
    """The lines below the header, as a file to be read; and the header.

    `separator` is found in the header; `names` are the names of the columns,
    trimmed; an empty name becomes `Unnamed: 3`, as in pandas. `is_empty`: there
    is no line below the header. `quotes` counts the quotes that were read.
    """

    closed = False

    def __init__(self, path: Path) -> None:
        self.path, self.quotes = path, 0
        self._file = open_bytes(path)
        try:
            header = _header_record(self._file, path)
            self.separator = separator_of(header, _suffix(path))
            self.names = names_of(header, self.separator, path)
            self._ahead = _next_line(self._file)
        except BaseException:
            self._file.close()
            raise
        self.is_empty = not self._ahead

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes below the header; none at the end."""
        part = self._ahead or self._file.read(size)
        if 0 <= size < len(part):
            part, self._ahead = part[:size], part[size:]
        else:
            self._ahead = b""
        self.quotes += part.count(b'"')
        return part

    def readable(self) -> bool:
        """Return that the stream can be read."""
        return True

    def close(self) -> None:
        """Close the file; returns nothing."""
        self.closed = True
        self._file.close()

    def __enter__(self) -> Self:
        """Return the stream itself, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; returns nothing."""
        self.close()


def separator_of(header: str, suffix: str) -> str:
    """Return the separator of a header line: the ending's own if it occurs, or the most frequent.

    >>> separator_of('a,"b;c;d"', ".csv"), separator_of("a;b;c", ".csv")
    (',', ';')
    """
    candidates = _SEPARATORS.get(suffix, _SEPARATORS[".csv"])
    bare = re.sub(r'"[^"]*"', "", header)
    if candidates[0] in bare:
        return candidates[0]
    found = max(candidates, key=bare.count)
    return found if found in bare else candidates[0]


def names_of(header: str, separator: str, path: Path) -> list[str]:
    """Return the names in a header line, trimmed; names that are there twice are refused."""
    try:
        records = list(csv.reader([header], delimiter=separator))
    except csv.Error as error:
        hint = "write the lines with a line feed at their ends"
        message = f"line 1 of {path} cannot be read: {error}"
        raise SourceError(message, "the names of the columns", hint) from error
    names = [name.strip() for name in records[0]]
    names = [name or f"Unnamed: {position}" for position, name in enumerate(names)]
    refuse_duplicates(names, f"the header of {path}")
    return names


def _suffix(path: Path) -> str:
    """Return the ending of the file's name, without regard to .gz."""
    return PurePath(path.name.lower().removesuffix(".gz")).suffix


def _header_record(file: BinaryIO, path: Path) -> str:
    """Return the header line, joined over line breaks within quotes."""
    line = _next_line(file).removeprefix(BYTE_ORDER_MARK)
    if line.strip() == b"":
        line = _next_line(file)
    if not line:
        message = f"{path} is empty"
        raise SourceError(message, "a line with the names of the columns, then rows", "")
    if line.startswith(_UTF16_MARKS):
        raise SourceError(
            f"{path} is UTF-16 text", "UTF-8 text", TO_UTF8.replace("LATIN1", "UTF-16")
        )
    while line.count(b'"') % 2:
        more = file.readline(_HEADER_BYTES)
        if not more or len(line) > _HEADER_BYTES:
            message = f"a quote is opened in line 1 of {path} and never closed"
            raise SourceError(message, "the names of the columns", 'double it ("") if it is meant')
        line += more
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        byte = line[error.start]
        message = f"line 1 of {path} is not UTF-8 text: it holds the byte 0x{byte:02x}"
        raise SourceError(message, "UTF-8 text", TO_UTF8) from error


def _next_line(file: BinaryIO) -> bytes:
    """Return the next line that is not blank, or nothing at the end of the file."""
    line = file.readline(_HEADER_BYTES)
    while line and not line.strip(b"\r\n"):
        line = file.readline(_HEADER_BYTES)
    return line
