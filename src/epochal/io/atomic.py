"""Atomic writes: a file is replaced as a whole or not at all.

Content is written to a file in the same folder, without a name if the system has such files. When it is
whole it replaces the target in one step. A reader never sees half a file; after a failure, a full disk,
Ctrl-C or a kill the old file is unchanged, and no piece of a new one is left. A file that replaces another
has a hidden name for an instant: if the process is killed just then, the next write of the target removes it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from epochal.errors import EpochalError, WriteError
from epochal.io.tempfiles import created, hidden, linkable, name

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Yield a binary file that replaces `path` when the block ends without an exception.

    The block may close the file. Wrappers of it, such as a text or a Parquet writer, must be closed or
    flushed before the block ends. An `OSError` in the block becomes a `WriteError`, except errors of
    this package and a broken pipe; all other exceptions pass unchanged.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic(Path(folder) / "words.txt") as file:
    ...         _ = file.write(b"whole")
    ...     (Path(folder) / "words.txt").read_text()
    'whole'
    """
    with _write_errors(path):
        target = _target(path)
        unnamed = linkable(target.parent)
        with _with_name(target) if unnamed is None else _without_name(target, unnamed) as file:
            yield file
        _flush_folder(target.parent)


@contextmanager
def _without_name(target: Path, unnamed: io.FileIO) -> Iterator[BinaryIO]:
    """Yield a file that has no name before it is whole, so that a killed process leaves nothing."""
    with unnamed:
        # The block may close its own descriptor.
        with os.fdopen(os.dup(unnamed.fileno()), "r+b") as file:
            yield file
        os.fsync(unnamed.fileno())
        if target.exists():
            os.fchmod(unnamed.fileno(), _mode(target))
        if not name(unnamed, target):
            # The system cannot, or the disk is full: then this fails as well, and says so.
            unnamed.seek(0)
            with _with_name(target) as file:
                shutil.copyfileobj(unnamed, file)


@contextmanager
def _with_name(target: Path) -> Iterator[BinaryIO]:
    """Yield a hidden file, where the system has none without a name."""
    with hidden(target) as temporary, created(temporary) as own:
        # The block may close its own descriptor.
        with os.fdopen(os.dup(own.fileno()), "r+b") as file:
            yield file
        os.fsync(own.fileno())
        if target.exists():
            temporary.chmod(_mode(target))
        if os.name != "posix":
            # Other systems do not rename an open file.
            own.close()
        temporary.replace(target)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise the error of `atomic(path)` if it cannot begin; return nothing otherwise.

    Called before long work, so that its result can be written.
    """
    with _write_errors(path):
        target = _target(path)
        unnamed = linkable(target.parent)
        if unnamed is not None:
            unnamed.close()
            return
        with hidden(target) as temporary:
            temporary.open("xb").close()


@contextmanager
def _write_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Yield once; an OSError in the block becomes a WriteError that names `path`."""
    try:
        yield
    except (EpochalError, BrokenPipeError):
        raise
    except OSError as error:
        raise WriteError.from_cause(os.fspath(path), error) from error


def _target(path: str | os.PathLike[str]) -> Path:
    """Return the file to be replaced; links are followed, so that a link remains a link."""
    name = os.fspath(path)
    if not name or "\0" in name:
        raise WriteError(f"{name!r} is no file name", "", "name a file")
    target = Path(os.path.realpath(name))
    if target.is_symlink():
        # The result of links that point to each other.
        raise WriteError(f"{name} is a link that leads to itself", "a file", "remove the link")
    if os.path.isdir(name):  # noqa: PTH112 - Path drops a closing slash
        raise WriteError(f"{name} is a folder", "a file to write", "name a file inside the folder")
    if Path(name).exists() and not Path(name).is_file():
        # Replacing a device or a pipe would remove it for everyone.
        hint = "name a file; `--out -` of `epochal predict` is standard output"
        raise WriteError(f"{name} is a device or a pipe", "a file to write", hint)
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(13, os.strerror(13), name)
    return target


def _mode(target: Path) -> int:
    """Return the permissions of a file, which the one that replaces it gets."""
    return target.stat().st_mode & 0o777


def _flush_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk, if the system supports it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
