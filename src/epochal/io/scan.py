"""Repeatable scans: files read block by block in several passes, which must not change in between."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from epochal import threads
from epochal.errors import SourceError
from epochal.io.opening import reading
from epochal.tables.streaming import only, regrouped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy as np
    import pyarrow as pa

    Block: TypeAlias = pa.Table | np.ndarray

_Item = TypeVar("_Item")


class Stamped(NamedTuple):
    """A file, its size in bytes, and the time of its last change (nanoseconds)."""

    path: Path
    size: int
    written: int


def stamped(path: Path) -> Stamped:
    """Return a file with its current size and time of change."""
    with reading(path, "a file"):
        status = path.stat()
        return Stamped(path, status.st_size, status.st_mtime_ns)


def changed(path: Path) -> SourceError:
    """Return the error for a file that has changed since it was first read."""
    hint = "leave it as it is until the end, or give a copy of it"
    expected = "the same content from beginning to end"
    return SourceError(f"{path} has changed while it was read", expected, hint)


def digest_of(paths: Iterable[Path], *texts: str) -> str:
    """Return a digest of the contents of files, in this order, and of further texts."""
    digest = hashlib.blake2b("".join(f"{text}\0" for text in texts).encode(), digest_size=20)
    for path in paths:
        with reading(path, "a file"), path.open("rb") as file:
            digest.update(hashlib.file_digest(file, hashlib.blake2b).digest())
    return digest.hexdigest()


@dataclass(frozen=True)
class FileScan:
    """Files that are read together, with their first sizes and times, their number of rows and a reader."""

    files: Sequence[Stamped]
    n_rows: int
    read: Callable[[], Iterator[Block]]

    def blocks(self) -> Iterator[Block]:
        """Yield all rows block by block.

        Raises:
            SourceError: if a file has changed, as soon as that is detected.
        """
        self.refuse_changed()
        remaining = self.n_rows
        for block in self.read():
            remaining -= block.shape[0]
            if remaining < 0:
                break
            yield block
        self.refuse_changed()
        if remaining:
            raise changed(self.files[0].path)

    def refuse_changed(self) -> None:
        """Refuse files that have changed since they were first read; return nothing."""
        for file in self.files:
            if stamped(file.path) != file:
                raise changed(file.path)


def pieces(scans: Sequence[FileScan], kept: np.ndarray | None, rows: int) -> Iterator[Block]:
    """Yield the rows of all files, `rows` at a time; `kept` is a mask of rows; None: all rows."""
    blocks = prefetched(chain.from_iterable(scan.blocks() for scan in scans))
    return regrouped(blocks if kept is None else only(blocks, kept), rows)


def prefetched(items: Iterator[_Item]) -> Iterator[_Item]:
    """Yield the items; a second thread, if there is one, prefetches the next item.

    >>> list(prefetched(iter([1, 2, 3])))
    [1, 2, 3]
    """
    if threads.number() < 2:
        yield from items
        return
    with threads.pool(1) as executor:
        future = executor.submit(next, items, None)
        while (item := future.result()) is not None:
            future = executor.submit(next, items, None)
            yield item
