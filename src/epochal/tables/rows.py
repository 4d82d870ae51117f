"""Rows of any kind: how many there are, pieces of them, some of them."""

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

# A text: SciPy takes half a second to import, and most tables are not sparse.
Rows: TypeAlias = "pa.Table | np.ndarray | sparse.csr_matrix | sparse.csr_array"

# Elements that are worked on at a time: about what a processor's cache holds.
_CHUNK = 2**17
# A chunk of a table has more rows, since Arrow takes microseconds for each column of it.
_TABLE_CHUNK = 2**20
# Rows of a chunk, however wide or narrow they are.
_FEWEST, _MOST = 64, 2**15
# Rows of which what is known is worked on at a time: of more, a shuffled list would take much memory.
_BLOCK = 2**22
# More threads would wait for memory, not for arithmetic.
_THREADS = 8

Result = TypeVar("Result")


def len_of(rows: Rows | Streamed) -> int:
    """Return the number of rows (`len` of a sparse matrix is refused by SciPy)."""
    if isinstance(rows, Streamed):
        return rows.n_rows
    return int(rows.num_rows if isinstance(rows, pa.Table) else rows.shape[0])


def head_of(rows: Rows | Streamed) -> Rows:
    """Return what says of which columns, or shape, rows are."""
    return rows.head if isinstance(rows, Streamed) else rows


def columns_of(rows: Rows | Streamed) -> int:
    """Return the number of columns of a table, or of numbers in a row of an array."""
    return math.prod(head_of(rows).shape[1:])


def image_of(rows: Rows | Streamed) -> tuple[int, ...]:
    """Return the height and width of rows that are images, () of others."""
    shape: tuple[int, ...] = head_of(rows).shape[1:]
    return shape[:2] if len(shape) > 1 else ()


def spans(rows: Rows) -> Iterator[slice]:
    """Return the slices into which rows are cut to be worked on in bounded memory."""
    count, step = len_of(rows), _step(rows)
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def pieces(rows: Rows | Streamed, most: int | None = None) -> Iterator[tuple[slice, Rows]]:
    """Return all rows in pieces of bounded size, each with its span; the same pieces wherever they are.

    Of at most `most` rows each, where that is less than what is usual.
    """
    size = _step(rows) if most is None else min(_step(rows), most)
    return cut(rows, size)


def blocks(rows: int) -> Iterator[slice]:
    """Return the slices of so many rows in which what is known of each is worked on.

    >>> list(blocks(5))
    [slice(0, 5, None)]
    """
    return (slice(start, min(start + _BLOCK, rows)) for start in range(0, rows, _BLOCK))


def cut(rows: Rows | Streamed, size: int) -> Iterator[tuple[slice, Rows]]:
    """Yield all rows, `size` at a time (the last piece may have fewer), each with its span."""
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


def ahead(
    work: Callable[..., Result], some: Iterable[tuple[Any, Any]], most: int = _THREADS
) -> Iterator[Result]:
    """Yield what the work makes of each piece, in their order; the next pieces are under way.

    A piece comes with its span, or with whatever else the work is to know of it. As many
    are worked on at once as there are threads, or `most`.
    """
    pieces = iter(some)
    first = list(islice(pieces, 2))
    if len(first) < 2 or (count := min(threads.number(), most)) < 2:
        # A small table is done before a thread has begun it.
        yield from (work(*one) for one in chain(first, pieces))
        return
    begun: deque[Future[Result]] = deque()
    with threads.pool(count) as executor:
        for beside, piece in chain(first, pieces):
            begun.append(executor.submit(work, beside, piece))
            if len(begun) > count:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def _step(rows: Rows | Streamed) -> int:
    """Return how many rows a piece has."""
    elements = _TABLE_CHUNK if isinstance(head_of(rows), pa.Table) else _CHUNK
    return min(max(elements // max(columns_of(rows), 1), _FEWEST), _MOST)


def bucket(number: int) -> int:
    """Return the next size out of 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 and so on.

    Near sizes share one compiled program; at most a quarter is padding.

    >>> [bucket(number) for number in (1, 7, 9, 17, 1000)]
    [1, 7, 10, 20, 1024]
    """
    unit = max(2 ** (number.bit_length() - 3), 1)
    return -(-number // unit) * unit


def aligned(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> np.ndarray:
    """Return an uninitialised array that JAX's CPU can use without a copy.

    It asks for a first byte at a multiple of 64.

    >>> aligned((3, 5)).shape, aligned((3, 5)).ctypes.data % 64
    ((3, 5), 0)
    """
    size = np.dtype(dtype).itemsize * math.prod(shape)
    memory = np.empty(size + 64, np.uint8)
    first = -memory.ctypes.data % 64
    array: np.ndarray = memory[first : first + size].view(dtype).reshape(shape)
    return array


def with_room(rows: int, columns: int, dtype: DTypeLike = np.float32) -> np.ndarray:
    """Return an array as `aligned` does, with room behind it up to a bucket of rows.

    What is never written there takes no memory.

    >>> x = with_room(9, 2)
    >>> x.shape, roomy(x, 10).shape, roomy(x, 100)
    ((9, 2), (10, 2), None)
    """
    return aligned((bucket(rows), columns), dtype)[:rows]


def roomy(x: np.ndarray, rows: int) -> np.ndarray | None:
    """Return an array of so many rows that begins as x does, in the same memory; None if that ends before.

    Only of what `aligned` or `with_room` made.
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
    """Return the rows of these numbers, in this order."""
    if isinstance(rows, pa.Table):
        return rows.take(pa.array(numbers))
    return rows[numbers]


def span(rows: Rows, start: int, stop: int) -> Rows:
    """Return the rows from one number up to another, without copying where that can be."""
    if isinstance(rows, pa.Table):
        return rows.slice(start, stop - start)
    return rows[start:stop]
