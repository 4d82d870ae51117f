"""Which rows train and which validate: random, but every class with its share.

Rows are dealt before any statistic is taken, so that no validation row leaks
into the preprocessing.
"""

from __future__ import annotations

import numpy as np

from epochal.errors import CellError, DataError
from epochal.tables.conversion import converting
from epochal.tables.labels import missing_labels
from epochal.tables.rows import blocks


def latest(timestamps: np.ndarray, fraction: float) -> np.ndarray:
    """Return which rows validate, bool (rows,): the latest.

    About the fraction validates: rows with the same timestamp stay on one side.

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
        in_order = np.sort(timestamps)
    if in_order[0] == in_order[-1]:
        raise DataError("all rows have the same timestamp", "at least two different ones")
    # The rows of the timestamp at which the fraction begins, and the end of them that is nearer to it.
    wanted = (1 - fraction) * len(timestamps)
    middle = in_order[min(int(wanted), len(timestamps) - 1)]
    start, end = (int(np.searchsorted(in_order, middle, side)) for side in ("left", "right"))
    nearer = (
        start if start > 0 and (end == len(timestamps) or wanted - start <= end - wanted) else end
    )
    validates: np.ndarray = timestamps >= in_order[nearer]
    return validates


def holdout(indices: np.ndarray, fraction: float, generator: np.random.Generator) -> np.ndarray:
    """Return which rows validate, bool (rows,).

    Of every class, its fraction validates, rounded up or down so that all
    together are the fraction of all rows; one row of each class trains in any
    case. So it is in every four million rows. `indices` is the class number of every row.

    >>> validates = holdout(np.repeat([0, 1], [8, 2]), 0.5, np.random.default_rng(0))
    >>> print(validates[:8].sum(), validates[8:].sum())
    4 1
    """
    validates = np.empty(len(indices), dtype=bool)
    for some in blocks(len(indices)):
        order, counts = _by_class(indices[some], generator)
        quotas = _quotas(counts, fraction, generator)
        place_in_class = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        validates[some][order] = place_in_class < np.repeat(quotas, counts)
    return validates


def folds(indices: np.ndarray, n_folds: int, generator: np.random.Generator) -> np.ndarray:
    """Return the fold number of every row (uint16), from 0.

    The shuffled rows of class 0, then those of class 1, …, are dealt in turn
    to the folds: their sizes differ by at most 1, and so do the numbers of
    rows of any one class in them. So it is in every four million rows.

    >>> numbers = folds(np.repeat([0, 1], [5, 3]), 4, np.random.default_rng(0))
    >>> print(np.bincount(numbers))
    [2 2 2 2]
    """
    numbers = np.empty(len(indices), dtype=np.uint16)
    for some in blocks(len(indices)):
        order, _ = _by_class(indices[some], generator)
        numbers[some][order] = (some.start + np.arange(len(order))) % n_folds
    return numbers


def _by_class(indices: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers class after class, shuffled within, and the rows per class."""
    shuffled = generator.permutation(len(indices))
    order = shuffled[np.argsort(np.asarray(indices)[shuffled], kind="stable")]
    return order, np.bincount(indices) if len(indices) else np.zeros(0, dtype=np.intp)


def _quotas(counts: np.ndarray, fraction: float, generator: np.random.Generator) -> np.ndarray:
    """Return how many rows of each class validate, by largest remainders, ties by lot."""
    shares = counts * fraction
    most = np.maximum(counts - 1, 0)
    quotas: np.ndarray = np.minimum(np.floor(shares).astype(np.intp), most)
    wanted = max(round(float(counts.sum() * fraction)), 1) - quotas.sum()
    ranking = np.lexsort((generator.random(len(counts)), quotas - shares))
    ranking = ranking[(quotas < most)[ranking]]
    quotas[ranking[: max(wanted, 0)]] += 1
    return quotas
