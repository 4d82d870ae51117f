"""Columns with more than two values: in tables of very many columns most are often binary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.tables.numeric import decoded
from epochal.tables.rows import columns_of, pieces
from epochal.tables.schema import kind_of

if TYPE_CHECKING:
    from epochal.tables.rows import Rows
    from epochal.tables.streaming import Streamed

# The first rows are looked at; of fewer than the first number nothing is known.
MIN_ROWS, MAX_ROWS = 200, 1000


def non_binary_columns(rows: Rows | Streamed) -> int:
    """Return how many columns have more than two values among the first rows; of few rows all columns.

    >>> binary, numbers = np.arange(600).reshape(300, 2) % 4 > 1, np.arange(300.0)
    >>> non_binary_columns(np.column_stack([binary, numbers]))
    1
    """
    _, first = next(pieces(rows, MAX_ROWS))
    if first.shape[0] < MIN_ROWS:
        return columns_of(rows)
    if isinstance(first, pa.Table):
        return sum(_is_non_binary(first.column(name), name) for name in first.column_names)
    ordered = np.sort(first.reshape(len(first), -1), axis=0)
    return int(np.count_nonzero((ordered[1:] != ordered[:-1]).sum(axis=0) > 1))


def _is_non_binary(column: pa.ChunkedArray, name: str) -> bool:
    """Return whether a column has categories, or more than two values."""
    if kind_of(column.type, name) == "category":
        return True
    return bool(pc.count_distinct(decoded(column), mode="only_valid").as_py() > 2)
