"""Files that are gone through again and again, block by block, and must not change meanwhile."""

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
    """A file, its size in bytes, and when it was last written (nanoseconds)."""

    path: Path
    size: int
    written: int


def stamped(path: Path) -> Stamped:
    """Return a file as it is now."""
    with reading(path, "a file"):
        found = path.stat()
        return Stamped(path, found.st_size, found.st_mtime_ns)


def changed(path: Path) -> SourceError:
    """Return the error for a file that is not what it was when it was read before."""
    hint = "leave it as it is until the end, or give a copy of it"
    expected = "the same content from beginning to end"
    return SourceError(f"{path} has changed while it was read", expected, hint)


def digest_of(paths: Iterable[Path], *beside: str) -> str:
    """Return a digest of the contents of files, in this order, and of further texts."""
    digest = hashlib.blake2b("".join(f"{one}\0" for one in beside).encode(), digest_size=20)
    for path in paths:
        with reading(path, "a file"), path.open("rb") as file:
            digest.update(hashlib.file_digest(file, hashlib.blake2b).digest())
    return digest.hexdigest()


@dataclass(frozen=True)
class FileScan:
    """Files that are read in one go, as they were at first; how many rows they have; how to read them."""

    files: Sequence[Stamped]
    n_rows: int
    read: Callable[[], Iterator[Block]]

    def blocks(self) -> Iterator[Block]:
        """Yield all rows block by block.

        Raises:
            SourceError: if a file is not what it was, as soon as that shows.
        """
        self.refuse_changed()
        left = self.n_rows
        for block in self.read():
            left -= block.shape[0]
            if left < 0:
                break
            yield block
        self.refuse_changed()
        if left:
            raise changed(self.files[0].path)

    def refuse_changed(self) -> None:
        """Return nothing if all files are what they were when they were read first."""
        for file in self.files:
            if stamped(file.path) != file:
                raise changed(file.path)


def pieces(runs: Sequence[FileScan], kept: np.ndarray | None, rows: int) -> Iterator[Block]:
    """Yield the rows of all files, `rows` at a time; `kept` says which; None: all of them."""
    blocks = ahead(chain.from_iterable(run.blocks() for run in runs))
    return regrouped(blocks if kept is None else only(blocks, kept), rows)


def ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """Yield the items; while one is worked on, the next is made, if there is a second thread.

    >>> list(ahead(iter([1, 2, 3])))
    [1, 2, 3]
    """
    if threads.number() < 2:
        yield from items
        return
    with threads.pool(1) as executor:
        coming = executor.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = executor.submit(next, items, None)
            yield item
