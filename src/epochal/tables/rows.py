"""Operations on rows of any kind: length, chunks, selection, parallel work in order."""

from __future__ import annotations

import math
from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa

from epochal import threads
from epochal.tables.streaming import Streamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from numpy.typing import DTypeLike
    from scipy import sparse

# A string, since the import of SciPy takes half a second and most tables are not sparse.
Rows: TypeAlias = "pa.Table | np.ndarray | sparse.csr_matrix | sparse.csr_array"

# Elements of a chunk: about what a processor's cache holds.
_CHUNK = 2**17
# A chunk of a table has more rows, since Arrow takes microseconds for each column of it.
_TABLE_CHUNK = 2**20
# Bounds of the rows in a chunk, for very wide and very narrow tables.
_FEWEST, _MOST = 64, 2**15
# Rows in a block of per-row arrays (labels, weights): temporary arrays of all rows would take much memory.
_BLOCK = 2**22
# With more threads, memory bandwidth is the limit.
_THREADS = 8

Result = TypeVar("Result")


def len_of(rows: Rows | Streamed) -> int:
    """Return the number of rows (`len` of a sparse matrix is refused by SciPy)."""
    if isinstance(rows, Streamed):
        return rows.n_rows
    return int(rows.num_rows if isinstance(rows, pa.Table) else rows.shape[0])


def head_of(rows: Rows | Streamed) -> Rows:
    """Return rows that have the same columns or shape, and may be empty."""
    return rows.head if isinstance(rows, Streamed) else rows


def columns_of(rows: Rows | Streamed) -> int:
    """Return the number of columns of a table, or of numbers in a row of an array."""
    return math.prod(head_of(rows).shape[1:])


def image_of(rows: Rows | Streamed) -> tuple[int, ...]:
    """Return the height and width if rows are images, else ()."""
    shape: tuple[int, ...] = head_of(rows).shape[1:]
    return shape[:2] if len(shape) > 1 else ()


def spans(rows: Rows) -> Iterator[slice]:
    """Return slices of the rows, each small enough to be processed in bounded memory."""
    count, step = len_of(rows), _step(rows)
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def pieces(rows: Rows | Streamed, most: int | None = None) -> Iterator[tuple[slice, Rows]]:
    """Return all rows in pieces of bounded size, each with its span; the size depends on nothing but the columns.

    `most` can make the pieces smaller.
    """
    size = _step(rows) if most is None else min(_step(rows), most)
    return cut(rows, size)


def blocks(rows: int) -> Iterator[slice]:
    """Return slices of per-row arrays (labels, weights) that bound the memory of temporary arrays.

    >>> list(blocks(5))
    [slice(0, 5, None)]
    """
    return (slice(start, min(start + _BLOCK, rows)) for start in range(0, rows, _BLOCK))


def cut(rows: Rows | Streamed, size: int) -> Iterator[tuple[slice, Rows]]:
    """Yield all rows with their spans, `size` at a time; the last piece may be shorter."""
    if isinstance(rows, Streamed):
        start = 0
        for piece in rows.read(size):
            yield slice(start, start + len_of(piece)), piece
            start += len_of(piece)
        return
    count = len_of(rows)
    for start in range(0, count, size):
        stop = min(start + size, count)
        yield slice(start, stop), span(rows, start, stop)


def parallel_map(
    work: Callable[..., Result], tasks: Iterable[tuple[Any, Any]], most: int = _THREADS
) -> Iterator[Result]:
    """Yield the results of a function for each task, in order, computed in parallel threads.

    Each task is a pair: the span of a piece (or another context) and the piece. At most `most`
    threads work at once.
    """
    pieces = iter(tasks)
    first = list(islice(pieces, 2))
    if len(first) < 2 or (count := min(threads.number(), most)) < 2:
        # A small table is done before a thread has started.
        yield from (work(*task) for task in chain(first, pieces))
        return
    futures: deque[Future[Result]] = deque()
    with threads.pool(count) as executor:
        for context, piece in chain(first, pieces):
            futures.append(executor.submit(work, context, piece))
            if len(futures) > count:
                yield futures.popleft().result()
        while futures:
            yield futures.popleft().result()


def _step(rows: Rows | Streamed) -> int:
    """Return how many rows a piece has."""
    elements = _TABLE_CHUNK if isinstance(head_of(rows), pa.Table) else _CHUNK
    return min(max(elements // max(columns_of(rows), 1), _FEWEST), _MOST)


def bucket(number: int) -> int:
    """Return the smallest size of 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, … that is large enough.

    Similar sizes share one compiled program; at most a quarter is padding.

    >>> [bucket(number) for number in (1, 7, 9, 17, 1000)]
    [1, 7, 10, 20, 1024]
    """
    unit = max(2 ** (number.bit_length() - 3), 1)
    return -(-number // unit) * unit


def aligned(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> np.ndarray:
    """Return an uninitialised array that JAX can use on a CPU without a copy.

    That needs an address that is a multiple of 64.

    >>> aligned((3, 5)).shape, aligned((3, 5)).ctypes.data % 64
    ((3, 5), 0)
    """
    size = np.dtype(dtype).itemsize * math.prod(shape)
    memory = np.empty(size + 64, np.uint8)
    first = -memory.ctypes.data % 64
    array: np.ndarray = memory[first : first + size].view(dtype).reshape(shape)
    return array


def with_capacity(rows: int, columns: int, dtype: DTypeLike = np.float32) -> np.ndarray:
    """Return an array as `aligned` does, with capacity for a whole bucket of rows.

    Capacity that is never written takes no memory.

    >>> x = with_capacity(9, 2)
    >>> x.shape, extended_view(x, 10).shape, extended_view(x, 100)
    ((9, 2), (10, 2), None)
    """
    return aligned((bucket(rows), columns), dtype)[:rows]


def extended_view(x: np.ndarray, rows: int) -> np.ndarray | None:
    """Return a view of `rows` rows that begins with those of x; None if the capacity is too small.

    Only arrays that `aligned` or `with_capacity` made have a capacity.
    """
    memory = x.base
    if memory is None or memory.dtype != np.uint8 or memory.ndim != 1 or not x.flags.c_contiguous:
        return None
    first, size = x.ctypes.data - memory.ctypes.data, rows * x[0].nbytes
    if x.ctypes.data % 64 or first + size > memory.nbytes:
        return None
    array: np.ndarray = memory[first : first + size].view(x.dtype).reshape(rows, -1)
    return array


def take(rows: Rows, numbers: np.ndarray) -> Rows:
    """Return the rows with these numbers, in this order."""
    if isinstance(rows, pa.Table):
        return rows.take(pa.array(numbers))
    return rows[numbers]


def span(rows: Rows, start: int, stop: int) -> Rows:
    """Return the rows from `start` to `stop`, without a copy if possible."""
    if isinstance(rows, pa.Table):
        return rows.slice(start, stop - start)
    return rows[start:stop]
