"""Opening of files as bytes, with or without gzip; failures become errors that name the file.

Every reader in this folder works inside `reading`, which turns exceptions of libraries into a
`SourceError`.
"""

from __future__ import annotations

import errno
import gzip
import io
import re
import tokenize
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from epochal.errors import EpochalError, MissingFileError, SourceError, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GZIP_MARK = b"\x1f\x8b"

_DAMAGED_HINT = "the file may be damaged or cut short, or in another format than its suffix says"
_ENCRYPTED = re.compile("encrypted|decrypt", re.IGNORECASE)

_DAMAGE = (
    pa.ArrowException,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    NotImplementedError,
    # NumPy raises this for some damaged headers.
    tokenize.TokenError,
)


@contextmanager
def reading(path: Path, expected: str) -> Iterator[None]:
    """Return a context in which exceptions of libraries become errors that name the file.

    `expected` describes the expected file, e.g. "a Parquet file".
    """
    try:
        yield
    except EpochalError:
        raise
    except FileNotFoundError:
        raise missing(path) from None
    except PermissionError as error:
        hint = "ask for permission to read it, or copy it to a place of yours"
        message = f"{path} may not be read: permission denied"
        raise SourceError(message, "", hint) from error
    except MemoryError as error:
        message = f"{path} does not fit into memory"
        raise SourceError(message, "", "take a part of the rows or columns") from error
    except _DAMAGE as error:
        raise damaged(path, expected, error) from error


def damaged(path: Path, expected: str, error: Exception) -> SourceError:
    """Return the error for a file that a library cannot read."""
    reason = " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__
    problem, hint = f"{path} cannot be read: {reason}", _DAMAGED_HINT
    if isinstance(error, (EOFError, zlib.error, gzip.BadGzipFile, tokenize.TokenError)):
        hint = "the file is damaged or was cut short: copy or download it again"
    elif isinstance(error, UnicodeDecodeError):
        byte = error.object[error.start]
        problem = (
            f"{path} cannot be read: a name in it is not UTF-8 text, it holds the byte 0x{byte:02x}"
        )
    elif isinstance(error, OSError) and error.errno == errno.ELOOP:
        return missing(path)
    elif isinstance(error, OSError) and error.errno is not None:
        problem = f"{path} cannot be read: {(error.strerror or reason).lower()}"
        hint = "is the path right, and the disk in order?"
    elif _ENCRYPTED.search(reason):
        problem, expected = f"{path} is encrypted", f"{expected} without encryption"
        hint = "read it with its keys, and write it again without"
    elif isinstance(error, pa.ArrowNotImplementedError):
        problem = (
            f"{path} cannot be read: it holds something that Arrow does not support ({reason})"
        )
        hint = f"write it again without that; if it should hold nothing special, {_DAMAGED_HINT}"
    elif isinstance(error, (pa.ArrowException, OSError)):
        # Arrow's messages alone assume knowledge of its sources.
        problem = f"{path} cannot be read: Arrow reports damage ({reason})"
    return SourceError(problem, expected, hint)


def missing(path: Path) -> MissingFileError:
    """Return the error for a path that does not exist, with the most similar name in its folder."""
    if path.is_symlink():
        return MissingFileError(f"{path} is a link that leads nowhere", "a link to a file")
    if "://" in str(path) or ":/" in str(path):
        return MissingFileError(f"{path} is not here", "a local file", "download it first")
    if not path.parent.is_dir():
        return MissingFileError(f"there is no folder {path.parent}", "", "is the path right?")
    names = [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")]
    return MissingFileError(f"there is no file {path}", "", suggestion(path.name, names))


def is_gzip(path: Path) -> bool:
    """Return whether the file is compressed by gzip; refuse a .gz file that is not."""
    with path.open("rb") as file:
        mark = file.read(len(GZIP_MARK))
    if mark == GZIP_MARK:
        return True
    if path.suffix.lower() == ".gz" and mark:
        hint = "if it is not compressed, rename it without .gz; else download it again"
        raise SourceError(f"{path} is not compressed by gzip, though its name says so", "", hint)
    return False


def open_bytes(path: Path) -> io.BufferedReader:
    """Return the file opened for reading bytes, decompressed if it is gzip."""
    if is_gzip(path):
        return io.BufferedReader(cast("io.RawIOBase", gzip.open(path)), 1 << 20)
    return path.open("rb")
