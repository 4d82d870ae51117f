"""Errors for the quotes of a text table, with the lines in which they are."""

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
    r"""Return how many line ends are in some bytes: line feeds, carriage returns, or both together.

    >>> line_ends_in(b"1\r\n2\r3\n")
    3
    """
    return content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")


def line_at(path: Path, offset: int) -> int:
    """Return the number of the line in which a byte of the file is; the file is read once more."""
    line, last = 1, b""
    with open_bytes(path) as file:
        while offset > 0 and (part := file.read(min(offset, _CHUNK))):
            line += line_ends_in(part)
            # A carriage return and a line feed are one line end wherever they are read apart.
            line -= last == b"\r" and part[:1] == b"\n"
            offset, last = offset - len(part), part[-1:]
    return line


def not_a_bound(path: Path, found: Quoting, line_of: Callable[[int], int]) -> SourceError:
    """Return the error for a quote that closes a value before other text; `line_of` gives the line of a place."""
    opened, closed = found.fault or (0, 0)
    begun, line = line_of(opened), line_of(closed)
    behind = found.content[closed + 1 : closed + 1 + 4 * _SHOWN].decode(errors="replace")
    text = (re.split(r"[\r\n]", behind)[0])[:_SHOWN]
    value = "the value" if begun == line else f"the value that begins in line {begun}"
    message = f"line {line} of {path} has {text!r} after the quote that closes {value}"
    return SourceError(message, "a separator or a line end after a closing quote", _DOUBLED)


def never_closed(path: Path, line: int) -> SourceError:
    """Return the error for a quote that is open at the end of the file."""
    message = f"a quote is opened in line {line} of {path} and never closed"
    return SourceError(message, "a quote at the end of the value", _CLOSED)


def closed_too_late(path: Path, line: int, most: int) -> SourceError:
    """Return the error for a quote that is not closed within so many bytes."""
    message = f"a quote is opened in line {line} of {path} and not closed within {most:,} bytes"
    return SourceError(message, "a quote at the end of the value", _CLOSED)


def holds_mark(path: Path, line: int) -> SourceError:
    """Return the error for a file that holds the characters that mark quoted values."""
    message = f"line {line} of {path} holds the characters U+FDD0 and U+FDD1 next to each other"
    return SourceError(message, "text: Unicode reserves them for programs", "remove them")
