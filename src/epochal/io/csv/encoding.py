"""Detection of encodings: UTF-8 is read; UTF-16 and UTF-32 are refused by name."""

from __future__ import annotations

from codecs import getincrementaldecoder
from typing import TYPE_CHECKING

from epochal.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Bytes of the sample: one or a few lines of any table.
SAMPLE = 1 << 14

_TO_UTF8 = "convert it first, e.g.: iconv -f {} -t UTF-8 OLD > NEW"
TO_UTF8 = _TO_UTF8.format("LATIN1")
# Byte-order marks; that of UTF-32LE begins like that of UTF-16LE.
_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32LE"),
    (b"\x00\x00\xfe\xff", "UTF-32BE"),
    (b"\xff\xfe", "UTF-16LE"),
    (b"\xfe\xff", "UTF-16BE"),
)
# The bytes of a character, and the positions of zero bytes in Latin letters and digits.
_ZEROS = {
    "UTF-32LE": (4, (1, 2, 3)),
    "UTF-32BE": (4, (0, 1, 2)),
    "UTF-16LE": (2, (1,)),
    "UTF-16BE": (2, (0,)),
}


def wide_encoding(sample: bytes) -> str | None:
    r"""Return the name of the encoding if it is UTF-16 or UTF-32, with or without a byte-order mark.

    >>> wide_encoding("a,b\n1,2\n".encode("utf-16-be")), wide_encoding(b"a,b\n1,\x00\n")
    ('UTF-16BE', None)
    """
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    return next((name for name, form in _ZEROS.items() if _fits(sample, name, *form)), None)


def refuse_wide(sample: bytes, path: Path) -> None:
    """Refuse a file whose first bytes are UTF-16 or UTF-32; return nothing."""
    if name := wide_encoding(sample):
        raise wide_error(name, path, 1)


def wide_error(name: str, path: Path, line: int) -> SourceError:
    """Return the error for a file that is UTF-16 or UTF-32 from a line on."""
    from_line = "" if line == 1 else f" from line {line} on"
    hint = _TO_UTF8.format(name) if line == 1 else "write all of its lines as UTF-8"
    return SourceError(f"{path} is {name[:6]} text{from_line}", "UTF-8 text", hint)


def _fits(sample: bytes, name: str, width: int, zeros: tuple[int, ...]) -> bool:
    """Return whether bytes are text of an encoding with `width` bytes per character and these zeros."""
    counts = [sample[position::width].count(0) for position in range(width)]
    # Few other letters have zeros, but separators, digits and line ends do.
    fewest = min(counts[position] for position in zeros)
    others = max(count for position, count in enumerate(counts) if position not in zeros)
    if fewest < max(2, len(sample) / width / 16) or 4 * others > fewest:
        return False
    line_end = "\n".encode(name.lower())
    place = line_end.index(b"\n")
    for at in (sample.find(b"\n"), sample.rfind(b"\n")):
        character = sample[at - place : at - place + width]
        if at >= 0 and len(character) == width and character != line_end:
            return False
    try:
        # The sample may end within a character.
        getincrementaldecoder(name.lower())().decode(sample)
    except UnicodeDecodeError:
        return False
    return True
