"""Temporary files without a name, which get one when they are complete; a killed process leaves none."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import tempfile
from typing import TYPE_CHECKING, Any

from epochal.signals import unfinished

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path


# Where Python looks for a folder of temporary files, before others.
VARIABLES, USUAL = ("TMPDIR", "TEMP", "TMP"), "/tmp"  # noqa: S108 - files there have no name
# Where the system lists the open files of a process; without it a file cannot get a name later.
DESCRIPTORS = "/proc/self/fd"
# Random bytes in the name of a hidden file.
HIDDEN_BYTES = 8


def temporary_folder() -> str:
    """Return the system's folder of temporary files, as `tempfile.gettempdir` does.

    That one writes a file into the folder, to try it, which a process that is killed just then leaves.
    """
    if tempfile.tempdir is None:
        folder = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), USUAL)
        file = linkable(folder)
        if file is not None:
            file.close()
            tempfile.tempdir = os.path.abspath(folder)  # noqa: PTH100 - a text, as there
    return tempfile.gettempdir()


def unnamed(folder: str | os.PathLike[str]) -> io.FileIO:
    """Return a new unbuffered file without a name in a folder, for reading and writing.

    Raises:
        OSError: if the folder does not exist or is not writable.
    """
    return linkable(folder, 0o600) or tempfile.TemporaryFile(buffering=0, dir=folder)


def linkable(folder: str | os.PathLike[str], mode: int = 0o666) -> io.FileIO | None:
    """Return a new unbuffered file without a name, which can get one in its folder; None where there is no such file.

    Args:
        folder: in which disk it is.
        mode: its permissions, within those that the process gives.
    """
    if not os.path.isdir(DESCRIPTORS):  # noqa: PTH112
        return None
    with contextlib.suppress(AttributeError, OSError):
        # As tempfile does, but without O_EXCL, so that the file can get a name later.
        return open(os.open(folder, os.O_TMPFILE | os.O_RDWR, mode), "r+b", buffering=0)  # noqa: PTH123
    return None


def name(file: io.FileIO, path: Path) -> bool:
    """Give a file its name, replacing any other file in one step; return whether the system supports that."""
    try:
        descriptors = os.open(DESCRIPTORS, os.O_RDONLY)
        try:
            _link(file, path, descriptors)
        finally:
            os.close(descriptors)
    except (OSError, NotImplementedError):
        return False
    return True


def _link(file: io.FileIO, path: Path, descriptors: int) -> None:
    """Give a file its name, found in the folder of open descriptors; returns nothing."""
    # Python follows the link only if `src_dir_fd` is given.
    source: dict[str, Any] = {"src_dir_fd": descriptors, "follow_symlinks": True}
    with contextlib.suppress(FileExistsError):
        os.link(str(file.fileno()), path, **source)
        return
    # No call replaces a name by a file that has none.
    with hidden(path) as temporary:
        lock(file.fileno())
        os.link(str(file.fileno()), temporary, **source)
        temporary.replace(path)


@contextlib.contextmanager
def hidden(path: Path) -> Iterator[Path]:
    """Provide the path of a new hidden file beside another; after the block there is none.

    A process that is killed within the block leaves the file, and the next block removes it. So the
    block holds the `lock` of the file as long as the file is there.
    """
    _remove_abandoned(path)
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(HIDDEN_BYTES)}.tmp")
    with unfinished(str(temporary)):
        try:
            yield temporary
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def created(temporary: Path) -> io.FileIO:
    """Return a new unbuffered file with this name, whose lock is held until all of its descriptors are closed."""
    while True:
        file = open(temporary, "x+b", buffering=0)  # noqa: PTH123, SIM115 - the caller closes it
        lock(file.fileno())
        if temporary.exists():
            return file
        # Another process took it for abandoned before it was locked.
        file.close()


def lock(descriptor: int) -> bool:
    """Lock an open file, until it is closed; return whether no other process holds the lock, and there are locks."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _remove_abandoned(path: Path) -> None:
    """Remove the hidden files beside another one that killed processes have left; returns nothing."""
    digits = "[0-9a-f]" * 2 * HIDDEN_BYTES
    for left in path.parent.glob(f".{glob.escape(path.name[:40])}.{digits}.tmp"):
        # A file that is still written is locked.
        with contextlib.suppress(OSError), left.open("r+b") as file:
            if lock(file.fileno()):
                left.unlink()
