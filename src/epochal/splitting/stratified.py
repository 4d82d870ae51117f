"""Stratified splits: random holdout and folds with equal class proportions, and a split by time.

Rows are split before any statistic is computed, so no validation row leaks into the preprocessing.
"""

from __future__ import annotations

import numpy as np

from epochal.errors import CellError, DataError
from epochal.tables.conversion import converting
from epochal.tables.labels import missing_labels
from epochal.tables.rows import blocks


def latest(timestamps: np.ndarray, fraction: float) -> np.ndarray:
    """Return the mask of validation rows, bool (rows,): the latest ones.

    Their share is about the fraction, since rows with the same timestamp stay on one side.

    >>> print(np.flatnonzero(latest(np.array([3, 1, 2, 3, 0, 4]), 0.3)))
    [5]

    Raises:
        DataError: for a missing timestamp, for timestamps that do not sort, or if all are the same.
    """
    missing = missing_labels(timestamps)
    if missing.any():
        expected = "a timestamp for every row"
        raise CellError.in_row("the timestamp is missing in", int(missing.argmax()), "", expected)
    with converting("timestamps", "values that sort, such as numbers, dates or texts"):
        ordered = np.sort(timestamps)
    if ordered[0] == ordered[-1]:
        raise DataError("all rows have the same timestamp", "at least two different ones")
    # The boundary falls among rows of one timestamp; the split is at the nearer end of these.
    boundary = (1 - fraction) * len(timestamps)
    boundary_value = ordered[min(int(boundary), len(timestamps) - 1)]
    start, end = (int(np.searchsorted(ordered, boundary_value, side)) for side in ("left", "right"))
    first = (
        start
        if start > 0 and (end == len(timestamps) or boundary - start <= end - boundary)
        else end
    )
    validates: np.ndarray = timestamps >= ordered[first]
    return validates


def holdout(indices: np.ndarray, fraction: float, generator: np.random.Generator) -> np.ndarray:
    """Return the mask of validation rows, bool (rows,), stratified by class.

    The fraction of every class is rounded up or down so that the total is the fraction of all rows.
    At least one row of each class trains. All this holds within each block of four million rows.
    `indices` is the class number of every row.

    >>> validates = holdout(np.repeat([0, 1], [8, 2]), 0.5, np.random.default_rng(0))
    >>> print(validates[:8].sum(), validates[8:].sum())
    4 1
    """
    validates = np.empty(len(indices), dtype=bool)
    for block in blocks(len(indices)):
        order, counts = _by_class(indices[block], generator)
        quotas = _quotas(counts, fraction, generator)
        place_in_class = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        validates[block][order] = place_in_class < np.repeat(quotas, counts)
    return validates


def folds(indices: np.ndarray, n_folds: int, generator: np.random.Generator) -> np.ndarray:
    """Return the fold number of every row (uint16), from 0.

    The shuffled rows of class 0, then those of class 1, …, are assigned to the folds in turn. The
    sizes of folds differ by at most 1, and so do the numbers of rows of any class. This holds within
    each block of four million rows.

    >>> numbers = folds(np.repeat([0, 1], [5, 3]), 4, np.random.default_rng(0))
    >>> print(np.bincount(numbers))
    [2 2 2 2]
    """
    numbers = np.empty(len(indices), dtype=np.uint16)
    for block in blocks(len(indices)):
        order, _ = _by_class(indices[block], generator)
        numbers[block][order] = (block.start + np.arange(len(order))) % n_folds
    return numbers


def _by_class(indices: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers sorted by class, shuffled within each class, and the class counts."""
    shuffled = generator.permutation(len(indices))
    order = shuffled[np.argsort(np.asarray(indices)[shuffled], kind="stable")]
    return order, np.bincount(indices) if len(indices) else np.zeros(0, dtype=np.intp)


def _quotas(counts: np.ndarray, fraction: float, generator: np.random.Generator) -> np.ndarray:
    """Return the number of validation rows of each class: largest remainders, random tie-breaks."""
    shares = counts * fraction
    limit = np.maximum(counts - 1, 0)
    quotas: np.ndarray = np.minimum(np.floor(shares).astype(np.intp), limit)
    wanted = max(round(float(counts.sum() * fraction)), 1) - quotas.sum()
    ranking = np.lexsort((generator.random(len(counts)), quotas - shares))
    ranking = ranking[(quotas < limit)[ranking]]
    quotas[ranking[: max(wanted, 0)]] += 1
    return quotas
