"""Streamed rows: read chunk by chunk in each pass, so that they need not fit into memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@dataclass(frozen=True)
class Streamed:
    """Rows that can be read in any number of passes, a piece at a time.

    `head` has no rows, but the same columns and types, or the same shape. `read(n)` yields all
    rows in order, n at a time (the last piece may be shorter). Each pass yields the same rows; if
    the data have changed, it is an error. `digest()` reads the data and returns a digest of the
    rows, not of the head; it is None if none can be computed. `page_bytes` is about how many bytes
    are in memory in each pass, beside the pieces.
    """

    n_rows: int
    head: pa.Table | np.ndarray
    read: Callable[[int], Iterator[pa.Table | np.ndarray]]
    digest: Callable[[], str] | None = None
    page_bytes: int = 0

    def where(self, chosen: np.ndarray) -> Streamed:
        """Return the rows that a mask selects, bool (rows,).

        >>> rows = Streamed(6, np.empty((0, 1)), lambda n: iter(np.arange(6.0).reshape(-1, n, 1)))
        >>> few = rows.where(np.array([1, 0, 0, 1, 1, 1], bool))
        >>> [piece.ravel().tolist() for piece in few.read(3)]
        [[0.0, 3.0, 4.0], [5.0]]
        """

        def read(size: int) -> Iterator[pa.Table | np.ndarray]:
            """Yield the chosen rows, `size` at a time."""
            return regrouped(only(self.read(size), chosen), size)

        def digest() -> str:
            """Return a digest of the rows and of the mask."""
            bits = hashlib.blake2b(np.packbits(chosen).data, digest_size=20).hexdigest()
            return f"{self.digest and self.digest()}{bits}"

        known = digest if self.digest else None
        return replace(self, n_rows=int(np.count_nonzero(chosen)), read=read, digest=known)

    def mapped(self, change: Callable[[Any], Any]) -> Streamed:
        """Return the rows with a function applied to every piece; it must work row by row."""

        def read(size: int) -> Iterator[pa.Table | np.ndarray]:
            """Yield the changed pieces."""
            return map(change, self.read(size))

        return replace(self, head=change(self.head), read=read)


def only(pieces: Iterable[Any], chosen: np.ndarray) -> Iterator[Any]:
    """Yield the pieces with the rows that a mask selects, bool (rows of all pieces,)."""
    start = 0
    for piece in pieces:
        flags = chosen[start : start + piece.shape[0]]
        start += len(flags)
        if flags.all():
            yield piece
        else:
            yield chosen_of(piece, flags) if isinstance(piece, pa.Table) else piece[flags]


def chosen_of(table: pa.Table, chosen: np.ndarray) -> pa.Table:
    """Return the rows of a table that a mask selects, bool (rows,), whatever types its columns have.

    >>> chosen_of(pa.table({"a": [b"x", b"y"]}), np.array([False, True])).num_rows
    1
    """
    mask = pa.array(chosen)
    try:
        return table.filter(mask)
    except pa.ArrowNotImplementedError:
        return pa.table([_chosen_of_column(c, chosen, mask) for c in table.columns], table.schema)


def _chosen_of_column(column: pa.ChunkedArray, chosen: np.ndarray, mask: pa.Array) -> Any:
    """Return the values of a column that a mask selects; Arrow cannot filter some types, such as views."""
    try:
        return column.filter(mask)
    except pa.ArrowNotImplementedError:
        edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False)).reshape(-1, 2)
        runs = [column.slice(start, stop - start) for start, stop in edges.tolist()]
        return pa.chunked_array([chunk for run in runs for chunk in run.chunks], column.type)


def regrouped(pieces: Iterable[Any], rows: int) -> Iterator[Any]:
    """Yield the rows of tables or arrays, `rows` at a time; the last piece may be shorter.

    >>> [len(array) for array in regrouped(np.split(np.arange(5), [2, 4]), 3)]
    [3, 2]
    """
    buffered: list[Any] = []
    count = 0
    for piece in pieces:
        buffered.append(piece)
        count += piece.shape[0]
        if count < rows:
            continue
        rows_so_far = joined(buffered)
        complete = count - count % rows
        for start in range(0, complete, rows):
            yield rows_so_far[start : start + rows]
        buffered, count = [rows_so_far[complete:]], count - complete
    if count:
        yield joined(buffered)


def joined(pieces: list[Any]) -> Any:
    """Return tables, or arrays, concatenated."""
    if len(pieces) == 1:
        return pieces[0]
    if isinstance(pieces[0], pa.Table):
        return pa.concat_tables(pieces)
    return np.concatenate(pieces)
