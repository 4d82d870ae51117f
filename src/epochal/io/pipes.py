"""Data that can be read only once: standard input and pipes, copied to a file without a name.

A table is gone through several times: for its header, for the types of its columns, for its rows.
What comes out of a pipe is therefore copied to the folder for temporary files first. Nothing is
left of the copy, however the process ends.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import tempfile
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from epochal.errors import SourceError, WriteError
from epochal.io.opened_data import named_file
from epochal.io.tempfiles import unnamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from epochal.io.opened_data import NamedFile

STANDARD_INPUT = "standard input"
# Names under which the system shows it, beside the `-` of the command line.
_ITS_PATHS = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_DESCRIPTORS = "/proc/self/fd"
# Seconds without any data after which a person is told what is waited for.
PATIENCE = 1.0
_PIECE = 1 << 20
# How files begin that are no text.
_MARKS = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\x93NUMPY": "npy"}
_TEXT = (".csv", ".tsv", ".txt")


def is_piped(path: Path) -> bool:
    """Return whether what a path names is no file or folder, so that it can be read only once."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or str(path) in _ITS_PATHS


def piped(path: Path, ending: str, waiting: Callable[[str], None]) -> NamedFile:
    """Return a file with all that comes out of a pipe.

    Args:
        path: names it.
        ending: says what it holds, as the ending of a file's name does.
        waiting: is called with the name if no data come for a second.

    Raises:
        EpochalError: for a device, which has no end; for more than the disk holds.
    """
    if str(path) in _ITS_PATHS:
        return standard_input(ending, waiting)
    # Without the flag a FIFO to which nobody writes would hold up the process without a word.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise _unreadable(str(path), error) from error
    try:
        return _copied(descriptor, ending, str(path), waiting)
    finally:
        os.close(descriptor)


def standard_input(ending: str, waiting: Callable[[str], None]) -> NamedFile:
    """Return a file with all that standard input holds; the arguments are as above."""
    if sys.stdin is None:
        hint = "give the path of a file, or put `<` and the path behind the command"
        raise SourceError("standard input is closed", "data in it", hint)
    if stat.S_ISREG(os.fstat(0).st_mode) and _is_at_beginning(0) and Path(_DESCRIPTORS).is_dir():
        return named_file(f"{_DESCRIPTORS}/0", ending, STANDARD_INPUT)
    return _copied(0, ending, STANDARD_INPUT, waiting)


def say_nothing(name: str) -> None:
    """Return nothing: nobody is told that `name` is waited for."""


def _copied(descriptor: int, ending: str, name: str, waiting: Callable[[str], None]) -> NamedFile:
    """Return a file without a name that holds all that can be read from a descriptor."""
    _refuse_device(descriptor, name)
    pieces = _pieces(descriptor, name, waiting)
    first = next(pieces, b"")
    _refuse_other_kind(first, ending, name)
    folder = tempfile.gettempdir()
    try:
        copy, path = _new_file(folder)
        try:
            for piece in chain([first], pieces):
                _write(copy, piece)
        except BaseException:
            copy.close()
            raise
    except OSError as error:
        raise _no_room(name, folder, error) from error
    return named_file(path, ending, name, copy)


def _no_room(name: str, folder: str, error: OSError) -> WriteError:
    """Return the error for a copy that could not be written."""
    found = WriteError.from_cause(f"a copy of {name} to {folder}", error).found
    return WriteError(found, "", "name a folder with more room by the environment variable TMPDIR")


def _pieces(descriptor: int, name: str, waiting: Callable[[str], None]) -> Iterator[bytes]:
    """Yield what can be read from a descriptor until its end."""
    try:
        if os.isatty(descriptor):
            waiting(name)
        elif hasattr(select, "poll"):
            _wait(descriptor, name, waiting)
        os.set_blocking(descriptor, True)
        while piece := os.read(descriptor, _PIECE):
            yield piece
    except OSError as error:
        raise _unreadable(name, error) from error


def _wait(descriptor: int, name: str, waiting: Callable[[str], None]) -> None:
    """Return when there are data or will be none any more; say what is waited for if that takes long."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(1000 * PATIENCE):
        waiting(name)
        poll.poll()


def _new_file(folder: str) -> tuple[IO[bytes], str]:
    """Return a new file without a name, and a path that opens it again."""
    if Path(_DESCRIPTORS).is_dir():
        file = unnamed(folder)
        return cast("IO[bytes]", file), f"{_DESCRIPTORS}/{file.fileno()}"
    # Elsewhere it has a name, and loses it when it is closed.
    named = tempfile.NamedTemporaryFile(buffering=0, dir=folder)  # noqa: SIM115
    return cast("IO[bytes]", named), named.name


def _write(file: IO[bytes], piece: bytes) -> None:
    """Write a piece whole; returns nothing."""
    rest = memoryview(piece)
    while rest:
        rest = rest[file.write(rest) :]


def _is_at_beginning(descriptor: int) -> bool:
    """Return whether nothing has been read from a file yet."""
    return os.lseek(descriptor, 0, os.SEEK_CUR) == 0


def _refuse_device(descriptor: int, name: str) -> None:
    """Refuse what is a device and neither a terminal nor empty: a disk, /dev/zero."""
    found = os.fstat(descriptor)
    if not (stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode)):
        return
    is_empty = found.st_rdev == os.stat(os.devnull).st_rdev  # noqa: PTH116 - no path of a user
    if not (is_empty or os.isatty(descriptor)):
        raise SourceError(f"{name} is a device", "a file, a folder or a pipe", "")


def _refuse_other_kind(start: bytes, ending: str, name: str) -> None:
    """Refuse what is to be text and begins like another kind of file."""
    for mark, kind in _MARKS.items():
        if ending in _TEXT and start.startswith(mark):
            problem = f"{name} begins like a file of the format {kind}"
            raise SourceError(problem, "text", f"say what it holds: --format {kind}")


def _unreadable(name: str, error: OSError) -> SourceError:
    """Return the error for what the system does not read from."""
    reason = (error.strerror or str(error)).lower()
    return SourceError(f"{name} cannot be read: {reason}", "a file, a folder or a pipe")
