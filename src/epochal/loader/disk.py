"""Encoded rows on disk: shuffled once when they are written, and again in every epoch.

The file is a row of blocks. Each row is dealt to a block at random when it
is written, so that any block is a fair sample of all rows, however they were
sorted. An epoch goes through the blocks in a new order, some at a time,
and through the rows of these in a new order. What it needs of memory are
these blocks; what it reads is read from front to back.

The file has no name while it is written: whatever ends the process, nothing is left behind.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from epochal.errors import SourceError, WriteError
from epochal.io.tempfiles import unnamed
from epochal.loader.batches import RowChunk
from epochal.tables.rows import aligned

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path

# Blocks that are in memory together: the more, the more ways rows can come together.
TOGETHER = 16


@dataclass(frozen=True)
class DiskLayout:
    """How rows lie in the file: in blocks of so many rows, of which the last may be shorter."""

    n_rows: int
    n_features: int
    block_rows: int
    dtype: type[np.generic] = np.float32

    @classmethod
    def within(
        cls, n_rows: int, n_features: int, buffer: int, dtype: type[np.generic] = np.float32
    ) -> DiskLayout:
        """Return a layout of which `TOGETHER` blocks fit into a buffer of so many bytes."""
        row = cls(n_rows, max(n_features, 1), 1, dtype).row_bytes
        fitting = buffer // (TOGETHER * row)
        return cls(n_rows, n_features, min(max(fitting, 1), n_rows), dtype)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return np.dtype(self.dtype).itemsize * self.n_features

    @property
    def sizes(self) -> np.ndarray:
        """The number of rows of each block."""
        full, rest = divmod(self.n_rows, self.block_rows)
        return np.array([self.block_rows] * full + [rest] * (rest > 0), np.int64)


class Store:
    """A file of rows while it is written: `write` deals some, `source` gives all of them."""

    def __init__(
        self, layout: DiskLayout, folder: str | None, random: np.random.Generator | None
    ) -> None:
        """Begin with no row.

        Args:
            layout: how rows shall lie.
            folder: where the file is; None: where the system has its temporary files.
            random: deals rows to blocks; None: they lie as they come.

        Raises:
            WriteError: if the folder is not there, or its disk has too little room.
        """
        self.layout, self.random = layout, random
        self.folder = tempfile.gettempdir() if folder is None else folder
        self.filled = np.zeros(len(layout.sizes), np.int64)
        try:
            room = shutil.disk_usage(self.folder).free
            # Without a buffer: what is written is in memory once, and that is the system's.
            self.file = unnamed(self.folder)
        except OSError as error:
            raise WriteError.from_cause(self.folder, error) from error
        self.closing = weakref.finalize(self, self.file.close)
        needed = layout.n_rows * layout.row_bytes
        if room < needed:
            raise WriteError(
                f"{self.folder} has room for {room / 1e6:,.0f} MB",
                f"{needed / 1e6:,.0f} MB for {layout.n_rows:,} encoded rows",
                "name a folder on another disk with cache_dir= or --cache-dir, or allow more memory",
            )

    @property
    def n_rows(self) -> int:
        """The number of rows that there will be."""
        return self.layout.n_rows

    def write(self, x: np.ndarray) -> np.ndarray:
        """Write some rows, (rows, features) of the layout's type; return their places in the file."""
        block = self._dealt(len(x))
        order = np.argsort(block, kind="stable")
        counts = np.bincount(block, minlength=len(self.filled))
        places = np.empty(len(x), np.int64)
        last = 0
        for number in np.flatnonzero(counts):
            some = order[last : last + counts[number]]
            first = number * self.layout.block_rows + self.filled[number]
            self._put(first, x[some])
            places[some] = first + np.arange(len(some))
            last += len(some)
        self.filled += counts
        return places

    def source(self) -> StoredSource:
        """Return the rows, when all have been written; the file is theirs then."""
        self.closing.detach()
        return StoredSource(self.file, self.layout)

    def _dealt(self, rows: int) -> np.ndarray:
        """Return a block for each of some rows, with room for it."""
        left = self.layout.sizes - self.filled
        if self.random is None:
            ends = np.cumsum(left)
            return np.searchsorted(ends, np.arange(rows), side="right")
        # As many of each as if places were drawn from all that are left.
        counts = self.random.multivariate_hypergeometric(left, rows, method="marginals")
        return self.random.permutation(np.repeat(np.arange(len(left)), counts))

    def _put(self, first: int, x: np.ndarray) -> None:
        """Write rows to their place."""
        left = np.ascontiguousarray(x).data.cast("B")
        try:
            self.file.seek(first * self.layout.row_bytes)
            while len(left):
                left = left[self.file.write(left) :]
        except OSError as error:
            raise WriteError.from_cause(self.folder, error) from error


class StoredSource:
    """Rows in a file, which are read as they are needed."""

    anywhere = False

    def __init__(self, file: io.FileIO, layout: DiskLayout) -> None:
        self.file, self.layout = file, layout
        self.n_rows, self.n_features = layout.n_rows, layout.n_features
        weakref.finalize(self, file.close)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows of these numbers: each is sought by itself."""
        x = aligned((len(rows), self.n_features), self.layout.dtype)
        for place, number in zip(x, rows.tolist(), strict=True):
            self._get(number, place)
        return x

    def epoch(self, random: np.random.Generator | None, most: int) -> Iterator[RowChunk]:
        """Yield every row once: blocks in a random order, and the rows of several at a time."""
        size, number = self.layout.block_rows, len(self.layout.sizes)
        order = np.arange(number) if random is None else random.permutation(number)
        buffer = aligned((min(TOGETHER, number) * size, self.n_features), self.layout.dtype)
        rest = RowChunk(np.empty(0, np.int64), buffer[:0])
        for start in range(0, number, TOGETHER):
            together = self._read(order[start : start + TOGETHER], buffer)
            rows = len(together.numbers)
            turn = np.arange(rows) if random is None else random.permutation(rows)
            while len(rest.numbers) + len(turn) >= most:
                some, turn = np.split(turn, [most - len(rest.numbers)])
                yield _followed(rest, together, some)
                rest = RowChunk(rest.numbers[:0], rest.x[:0])
            rest = _followed(rest, together, turn)
        if len(rest.numbers):
            yield rest

    def _read(self, blocks: np.ndarray, buffer: np.ndarray) -> RowChunk:
        """Return the rows of some blocks, which are read into the buffer."""
        firsts, counts = blocks * self.layout.block_rows, self.layout.sizes[blocks]
        done = 0
        for first, count in zip(firsts.tolist(), counts.tolist(), strict=True):
            self._get(first, buffer[done : done + count])
            done += count
        starts = np.cumsum(counts) - counts
        numbers = np.arange(done) + np.repeat(firsts - starts, counts)
        return RowChunk(numbers, buffer[:done])

    def _get(self, first: int, x: np.ndarray) -> None:
        """Read rows from the one of this number on."""
        left = x.data.cast("B")
        self.file.seek(first * self.layout.row_bytes)
        while len(left):
            got = self.file.readinto(left)
            if not got:
                raise SourceError("the store of encoded rows was cut short", "", "train again")
            left = left[got:]


def stored_in(path: Path, layout: DiskLayout) -> StoredSource | None:
    """Return the rows in a file that was kept; None if it is not there, or not of their size."""
    try:
        file = path.open("rb", buffering=0)
    except OSError:
        return None
    stored = StoredSource(file, layout)
    whole = path.stat().st_size == layout.n_rows * layout.row_bytes
    return stored if whole else None


def _followed(rest: RowChunk, rows: RowChunk, some: np.ndarray) -> RowChunk:
    """Return what was left, and behind it a copy of some of the rows."""
    more = np.take(rows.x, some, axis=0)
    x = np.concatenate([rest.x, more]) if len(rest.x) else more
    return RowChunk(np.concatenate([rest.numbers, rows.numbers[some]]), x)
