"""Opened data: files with a display name other than their path, or with a given format."""

from __future__ import annotations

import os
import sys
import weakref
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

if sys.platform == "win32":
    from pathlib import WindowsPath as _Path
else:
    from pathlib import PosixPath as _Path


class NamedFile(_Path):
    """A path with a display name, which opens another file.

    `ending` is the suffix of its format, such as ".csv".
    """

    ending = ""
    _opens = ""

    def __fspath__(self) -> str:
        """Return the path of the file that is opened."""
        return self._opens or str(self)


def named_file(
    path: str | os.PathLike[str], ending: str, name: str = "", file: IO[bytes] | None = None
) -> NamedFile:
    """Return a path that is read in the format of a suffix and shown by a name (by default the path).

    An open `file` is closed when the path is garbage-collected.

    >>> path = named_file("/proc/self/fd/7", ".csv", "standard input")
    >>> print(path, path.ending, os.fspath(path))
    standard input .csv /proc/self/fd/7
    """
    named = NamedFile(name or path)
    named.ending, named._opens = ending, os.fspath(path)  # noqa: SLF001 - made here only
    if file is not None:
        weakref.finalize(named, file.close)
    return named


def ending_of(path: PurePath) -> str:
    """Return the suffix of a file's format, in lower case and without .gz.

    >>> ending_of(PurePath("a.CSV.gz")), ending_of(named_file("a", ".tsv"))
    ('.csv', '.tsv')
    """
    if isinstance(path, NamedFile) and path.ending:
        return path.ending
    return PurePath(path.name.lower().removesuffix(".gz")).suffix


class OpenedData(str):
    """The name of data in messages, with their files.

    `typed` is the argument of the command line. Data that can be read only once are opened once, and
    then passed on like the path of other data.
    """

    __slots__ = ("parts", "typed")

    parts: Sequence[Path]
    typed: str

    def __new__(cls, name: str, parts: Sequence[Path], typed: str) -> Self:
        """Return the name with the files."""
        opened = super().__new__(cls, name)
        opened.parts, opened.typed = parts, typed
        return opened
