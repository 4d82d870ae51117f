"""Temporary files without a name, which get one when they are complete; a killed process leaves none."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import io
    from pathlib import Path


def unnamed(folder: str | os.PathLike[str]) -> io.FileIO:
    """Return a new unbuffered file without a name in a folder, for reading and writing.

    Raises:
        OSError: if the folder does not exist or is not writable.
    """
    with contextlib.suppress(AttributeError, NotImplementedError, IsADirectoryError):
        # As tempfile does, but without O_EXCL, so that the file can get a name later.
        return open(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600), "r+b", buffering=0)  # noqa: PTH123
    return tempfile.TemporaryFile(buffering=0, dir=folder)


def name(file: io.FileIO, path: Path) -> bool:
    """Give a file its name, replacing any other file; return whether the system supports that."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptors = os.open("/proc/self/fd", os.O_RDONLY)
        try:
            # Python follows the link only if `src_dir_fd` is given.
            os.link(str(file.fileno()), temporary, src_dir_fd=descriptors, follow_symlinks=True)
        finally:
            os.close(descriptors)
        temporary.replace(path)
    except (OSError, NotImplementedError):
        with contextlib.suppress(OSError):
            temporary.unlink()
        return False
    return True
