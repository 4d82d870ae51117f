"""Some of the rows, whatever holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import numpy as np

    from epochal.data.schema import Rows


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
