"""Disk store: encoded rows in a file, shuffled once when written, and again in every epoch.

The file is a sequence of blocks. Each row is written to a random block, so that any block is a random
sample of all rows, even if these are sorted. An epoch reads the blocks in a new random order, several
at a time, and shuffles the rows of these. It needs memory for these blocks only, and reads each block
sequentially.

The file has no name while it is written, so that a process that is killed leaves no file.
"""

from __future__ import annotations

import shutil
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from epochal.errors import SourceError, WriteError
from epochal.io.tempfiles import temporary_folder, unnamed
from epochal.loader.batches import RowChunk
from epochal.tables.rows import aligned

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path

# Blocks in memory at a time: the more, the better the shuffling.
BLOCKS_IN_MEMORY = 16


@dataclass(frozen=True)
class DiskLayout:
    """The layout of the file: blocks of `block_rows` rows; the last may be shorter."""

    n_rows: int
    n_features: int
    block_rows: int
    dtype: type[np.generic] = np.float32

    @classmethod
    def within(
        cls, n_rows: int, n_features: int, buffer: int, dtype: type[np.generic] = np.float32
    ) -> DiskLayout:
        """Return a layout in which `BLOCKS_IN_MEMORY` blocks fit into a buffer of this many bytes."""
        row = cls(n_rows, max(n_features, 1), 1, dtype).row_bytes
        fitting = buffer // (BLOCKS_IN_MEMORY * row)
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
    """A file of rows while it is written: `write` adds rows, `source` returns all of them."""

    def __init__(
        self, layout: DiskLayout, folder: str | None, random: np.random.Generator | None
    ) -> None:
        """Begin with no row.

        Args:
            layout: of the file.
            folder: of the file; None: the system's folder of temporary files.
            random: draws the block of each row; None: rows are written in order.

        Raises:
            WriteError: if the folder does not exist, or its disk has too little space.
        """
        self.layout, self.random = layout, random
        self.folder = temporary_folder() if folder is None else folder
        self.filled = np.zeros(len(layout.sizes), np.int64)
        try:
            free_bytes = shutil.disk_usage(self.folder).free
            # Unbuffered, so that written data are in memory once, in the page cache.
            self.file = unnamed(self.folder)
        except OSError as error:
            raise WriteError.from_cause(self.folder, error) from error
        self.closing = weakref.finalize(self, self.file.close)
        needed = layout.n_rows * layout.row_bytes
        if free_bytes < needed:
            raise WriteError(
                f"{self.folder} has room for {free_bytes / 1e6:,.0f} MB",
                f"{needed / 1e6:,.0f} MB for {layout.n_rows:,} encoded rows",
                "name a folder on another disk with cache_dir= or --cache-dir, or allow more memory",
            )

    @property
    def n_rows(self) -> int:
        """The number of rows of the finished file."""
        return self.layout.n_rows

    def write(self, x: np.ndarray) -> np.ndarray:
        """Write rows, (rows, features) of the layout's type; return their row numbers in the file."""
        block = self._assigned_blocks(len(x))
        order = np.argsort(block, kind="stable")
        counts = np.bincount(block, minlength=len(self.filled))
        places = np.empty(len(x), np.int64)
        last = 0
        for number in np.flatnonzero(counts):
            of_block = order[last : last + counts[number]]
            first = number * self.layout.block_rows + self.filled[number]
            self._put(first, x[of_block])
            places[of_block] = first + np.arange(len(of_block))
            last += len(of_block)
        self.filled += counts
        return places

    def source(self) -> StoredSource:
        """Return the source of all rows, once they are written; it owns the file."""
        self.closing.detach()
        return StoredSource(self.file, self.layout)

    def _assigned_blocks(self, rows: int) -> np.ndarray:
        """Return a block with free space for each of the rows."""
        left = self.layout.sizes - self.filled
        if self.random is None:
            ends = np.cumsum(left)
            return np.searchsorted(ends, np.arange(rows), side="right")
        # The counts have the distribution of draws, without replacement, from all free places.
        counts = self.random.multivariate_hypergeometric(left, rows, method="marginals")
        return self.random.permutation(np.repeat(np.arange(len(left)), counts))

    def _put(self, first: int, x: np.ndarray) -> None:
        """Write rows from row number `first` of the file on."""
        remaining = np.ascontiguousarray(x).data.cast("B")
        try:
            self.file.seek(first * self.layout.row_bytes)
            while len(remaining):
                remaining = remaining[self.file.write(remaining) :]
        except OSError as error:
            raise WriteError.from_cause(self.folder, error) from error


class StoredSource:
    """A row source over a file."""

    random_access = False

    def __init__(self, file: io.FileIO, layout: DiskLayout) -> None:
        self.file, self.layout, self.lock = file, layout, threading.Lock()
        self.n_rows, self.n_features = layout.n_rows, layout.n_features
        weakref.finalize(self, file.close)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows with these numbers; each is a seek and a read."""
        x = aligned((len(rows), self.n_features), self.layout.dtype)
        for place, number in zip(x, rows.tolist(), strict=True):
            self._get(number, place)
        return x

    def epoch(self, random: np.random.Generator | None, chunk_rows: int) -> Iterator[RowChunk]:
        """Yield every row once: in order, or several blocks in random order at a time, their rows shuffled."""
        if random is None:
            yield from self._in_order(chunk_rows)
            return
        size, number = self.layout.block_rows, len(self.layout.sizes)
        order = random.permutation(number)
        buffer = aligned((min(BLOCKS_IN_MEMORY, number) * size, self.n_features), self.layout.dtype)
        rest = RowChunk(np.empty(0, np.int64), buffer[:0])
        for start in range(0, number, BLOCKS_IN_MEMORY):
            loaded = self._read(order[start : start + BLOCKS_IN_MEMORY], buffer)
            order_in_memory = random.permutation(len(loaded.numbers))
            while len(rest.numbers) + len(order_in_memory) >= chunk_rows:
                chosen, order_in_memory = np.split(
                    order_in_memory, [chunk_rows - len(rest.numbers)]
                )
                yield _appended(rest, loaded, chosen)
                rest = RowChunk(rest.numbers[:0], rest.x[:0])
            rest = _appended(rest, loaded, order_in_memory)
        if len(rest.numbers):
            yield rest

    def _in_order(self, chunk_rows: int) -> Iterator[RowChunk]:
        """Yield the rows in the order of the file; only one chunk is in memory."""
        for first in range(0, self.n_rows, chunk_rows):
            numbers = np.arange(first, min(first + chunk_rows, self.n_rows))
            x = aligned((len(numbers), self.n_features), self.layout.dtype)
            self._get(first, x)
            yield RowChunk(numbers, x)

    def _read(self, blocks: np.ndarray, buffer: np.ndarray) -> RowChunk:
        """Return the rows of blocks, read into the buffer."""
        firsts, counts = blocks * self.layout.block_rows, self.layout.sizes[blocks]
        n_read = 0
        for first, count in zip(firsts.tolist(), counts.tolist(), strict=True):
            self._get(first, buffer[n_read : n_read + count])
            n_read += count
        starts = np.cumsum(counts) - counts
        numbers = np.arange(n_read) + np.repeat(firsts - starts, counts)
        return RowChunk(numbers, buffer[:n_read])

    def _get(self, first: int, x: np.ndarray) -> None:
        """Read rows into x, from row number `first` on."""
        remaining = x.data.cast("B")
        # Threads that read share the position in the file.
        with self.lock:
            self.file.seek(first * self.layout.row_bytes)
            while len(remaining):
                n_bytes = self.file.readinto(remaining)
                if not n_bytes:
                    raise SourceError("the store of encoded rows was cut short", "", "train again")
                remaining = remaining[n_bytes:]


def stored_in(path: Path, layout: DiskLayout) -> StoredSource | None:
    """Return the rows in a cached file; None if it does not exist or has another size."""
    try:
        file = path.open("rb", buffering=0)
    except OSError:
        return None
    stored = StoredSource(file, layout)
    is_complete = path.stat().st_size == layout.n_rows * layout.row_bytes
    return stored if is_complete else None


def _appended(remainder: RowChunk, rows: RowChunk, chosen: np.ndarray) -> RowChunk:
    """Return the remainder, followed by a copy of the chosen rows."""
    added = np.take(rows.x, chosen, axis=0)
    x = np.concatenate([remainder.x, added]) if len(remainder.x) else added
    return RowChunk(np.concatenate([remainder.numbers, rows.numbers[chosen]]), x)
