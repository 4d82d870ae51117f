"""Files that have no name until they are whole: whatever ends the process before, nothing is left."""

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
    """Return a new file in a folder, to be read and written, without a name and without a buffer.

    Raises:
        OSError: if the folder is not there, or nothing may be written to it.
    """
    with contextlib.suppress(AttributeError, NotImplementedError, IsADirectoryError):
        # As tempfile does, but such that the file can have a name in the end.
        return open(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600), "r+b", buffering=0)  # noqa: PTH123
    return tempfile.TemporaryFile(buffering=0, dir=folder)


def name(file: io.FileIO, path: Path) -> bool:
    """Give a file its name, in place of another of this name; return whether the system can do that."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        opened = os.open("/proc/self/fd", os.O_RDONLY)
        try:
            # Only with a folder does Python follow the link.
            os.link(str(file.fileno()), beside, src_dir_fd=opened, follow_symlinks=True)
        finally:
            os.close(opened)
        beside.replace(path)
    except (OSError, NotImplementedError):
        with contextlib.suppress(OSError):
            beside.unlink()
        return False
    return True
