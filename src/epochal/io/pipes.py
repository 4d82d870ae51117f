"""Standard input and pipes: data that can be read only once are copied to a file without a name.

A table is read in several passes: for its header, for the types of its columns, for its rows. So the
content of a pipe is first copied to the folder for temporary files. As the copy has no name, it
vanishes with the process, however that ends.
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
from epochal.io.tempfiles import temporary_folder, unnamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from epochal.io.opened_data import NamedFile

STANDARD_INPUT = "standard input"
# Paths of standard input, in addition to the `-` of the command line.
_STANDARD_INPUT_PATHS = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_DESCRIPTORS = "/proc/self/fd"
# Seconds without data after which `waiting` is called.
PATIENCE = 1.0
_PIECE = 1 << 20
# The first bytes of formats that are no text.
_MARKS = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\x93NUMPY": "npy"}
_TEXT = (".csv", ".tsv", ".txt")


def is_piped(path: Path) -> bool:
    """Return whether a path is neither a file nor a folder, so that it can be read only once."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or str(path) in _STANDARD_INPUT_PATHS


def piped(path: Path, ending: str, waiting: Callable[[str], None]) -> NamedFile:
    """Return a file with the content of a pipe.

    Args:
        path: of the pipe.
        ending: the suffix of its format.
        waiting: is called with the path if the pipe yields no data for a second.

    Raises:
        EpochalError: for a device, which has no end; for more data than the disk can hold.
    """
    if str(path) in _STANDARD_INPUT_PATHS:
        return standard_input(ending, waiting)
    # Without O_NONBLOCK, opening a FIFO without a writer would block before `waiting` can be called.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise _unreadable(str(path), error) from error
    try:
        return _copy(descriptor, ending, str(path), waiting)
    finally:
        os.close(descriptor)


def standard_input(ending: str, waiting: Callable[[str], None]) -> NamedFile:
    """Return a file with the content of standard input; the arguments are those of `piped`."""
    if sys.stdin is None:
        hint = "give the path of a file, or put `<` and the path behind the command"
        raise SourceError("standard input is closed", "data in it", hint)
    if stat.S_ISREG(os.fstat(0).st_mode) and _is_at_beginning(0) and Path(_DESCRIPTORS).is_dir():
        return named_file(f"{_DESCRIPTORS}/0", ending, STANDARD_INPUT)
    return _copy(0, ending, STANDARD_INPUT, waiting)


def ignore_waiting(name: str) -> None:
    """Do nothing while data of `name` are awaited; return nothing."""


def _copy(descriptor: int, ending: str, name: str, waiting: Callable[[str], None]) -> NamedFile:
    """Return a file without a name, with all data of a descriptor."""
    _refuse_device(descriptor, name)
    pieces = _pieces(descriptor, name, waiting)
    first = next(pieces, b"")
    _refuse_other_kind(first, ending, name)
    folder = temporary_folder()
    try:
        copy, path = _new_file(folder)
        try:
            for piece in chain([first], pieces):
                _write(copy, piece)
        except BaseException:
            copy.close()
            raise
    except OSError as error:
        raise _write_error(name, folder, error) from error
    return named_file(path, ending, name, copy)


def _write_error(name: str, folder: str, error: OSError) -> WriteError:
    """Return the error for a copy that cannot be written."""
    problem = WriteError.from_cause(f"a copy of {name} to {folder}", error).found
    return WriteError(
        problem, "", "name a folder with more room by the environment variable TMPDIR"
    )


def _pieces(descriptor: int, name: str, waiting: Callable[[str], None]) -> Iterator[bytes]:
    """Yield the data of a descriptor in pieces, up to its end."""
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
    """Return when there are data or the end is reached; call `waiting` if that takes long."""
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
    # On other systems the file has a name and is removed when it is closed.
    named = tempfile.NamedTemporaryFile(buffering=0, dir=folder)  # noqa: SIM115
    return cast("IO[bytes]", named), named.name


def _write(file: IO[bytes], piece: bytes) -> None:
    """Write all of a piece; return nothing."""
    remaining = memoryview(piece)
    while remaining:
        remaining = remaining[file.write(remaining) :]


def _is_at_beginning(descriptor: int) -> bool:
    """Return whether a file is at its beginning."""
    return os.lseek(descriptor, 0, os.SEEK_CUR) == 0


def _refuse_device(descriptor: int, name: str) -> None:
    """Refuse a device that is neither a terminal nor empty: a disk, /dev/zero."""
    status = os.fstat(descriptor)
    if not (stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        return
    is_empty = status.st_rdev == os.stat(os.devnull).st_rdev  # noqa: PTH116 - no path of a user
    if not (is_empty or os.isatty(descriptor)):
        raise SourceError(f"{name} is a device", "a file, a folder or a pipe", "")


def _refuse_other_kind(start: bytes, ending: str, name: str) -> None:
    """Refuse data that should be text and begin like another format."""
    for mark, kind in _MARKS.items():
        if ending in _TEXT and start.startswith(mark):
            problem = f"{name} begins like a file of the format {kind}"
            raise SourceError(problem, "text", f"name its format: --format {kind}")


def _unreadable(name: str, error: OSError) -> SourceError:
    """Return the error for a file that the system cannot read."""
    reason = (error.strerror or str(error)).lower()
    return SourceError(f"{name} cannot be read: {reason}", "a file, a folder or a pipe")
