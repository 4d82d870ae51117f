"""Some of the rows, whatever holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from epochal.data.schema import Rows


def aligned(rows: int, features: int) -> np.ndarray:
    """Return an uninitialised float32 array (rows, features) that JAX's CPU can use without a copy.

    It asks for a first byte at a multiple of 64.

    >>> aligned(3, 5).shape, aligned(3, 5).ctypes.data % 64
    ((3, 5), 0)
    """
    size = 4 * rows * features
    memory = np.empty(size + 64, np.uint8)
    first = -memory.ctypes.data % 64
    array: np.ndarray = memory[first : first + size].view(np.float32).reshape(rows, features)
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
