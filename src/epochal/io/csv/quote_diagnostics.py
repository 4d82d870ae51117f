"""Errors about quotes in a text table; they name the line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from epochal.errors import SourceError
from epochal.io.opening import open_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from epochal.io.csv.quotes import Quoting

_DOUBLED = 'write a quote within a value twice (""), and put such a value into quotes'
_CLOSED = 'close it, or double it ("") if it belongs to the value'
_SHOWN = 20
_CHUNK = 1 << 20


def line_ends_in(content: bytes) -> int:
    r"""Return the number of line ends in bytes: line feeds, carriage returns, or pairs of both.

    >>> line_ends_in(b"1\r\n2\r3\n")
    3
    """
    return content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")


def line_at(path: Path, offset: int) -> int:
    """Return the line number of a byte offset; the file is read again."""
    line, last = 1, b""
    with open_bytes(path) as file:
        while offset > 0 and (part := file.read(min(offset, _CHUNK))):
            line += line_ends_in(part)
            # A pair of carriage return and line feed may be split between two chunks.
            line -= last == b"\r" and part[:1] == b"\n"
            offset, last = offset - len(part), part[-1:]
    return line


def not_a_bound(path: Path, quotes: Quoting, line_of: Callable[[int], int]) -> SourceError:
    """Return the error for a closing quote before other text; `line_of` maps positions to lines."""
    opened, closed = quotes.fault or (0, 0)
    first_line, line = line_of(opened), line_of(closed)
    following = quotes.content[closed + 1 : closed + 1 + 4 * _SHOWN].decode(errors="replace")
    text = (re.split(r"[\r\n]", following)[0])[:_SHOWN]
    value = "the value" if first_line == line else f"the value that begins in line {first_line}"
    message = f"line {line} of {path} has {text!r} after the quote that closes {value}"
    return SourceError(message, "a separator or a line end after a closing quote", _DOUBLED)


def never_closed(path: Path, line: int) -> SourceError:
    """Return the error for a quote that is open at the end of the file."""
    message = f"a quote is opened in line {line} of {path} and never closed"
    return SourceError(message, "a quote at the end of the value", _CLOSED)


def closed_too_late(path: Path, line: int, most: int) -> SourceError:
    """Return the error for a quote that is not closed within `most` bytes."""
    message = f"a quote is opened in line {line} of {path} and not closed within {most:,} bytes"
    return SourceError(message, "a quote at the end of the value", _CLOSED)


def holds_mark(path: Path, line: int) -> SourceError:
    """Return the error for a file that contains the mark of quoted values."""
    message = f"line {line} of {path} holds the characters U+FDD0 and U+FDD1 next to each other"
    return SourceError(message, "text: Unicode reserves them for programs", "remove them")
