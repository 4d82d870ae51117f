"""Inner folds: the parts of the training rows whose labels target statistics leave out in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from epochal.preprocessing.name_selection import TARGET_FOLDS

if TYPE_CHECKING:
    from numpy.random import Generator


def target_folds(
    rows: int,
    random: Generator,
    groups: np.ndarray | None = None,
    timestamps: np.ndarray | None = None,
) -> np.ndarray:
    """Return the inner fold of every row, uint8 (rows,): of about equal sizes.

    Args:
        rows: how many there are.
        random: draws the folds.
        groups: group numbers from 0, (rows,): the rows of a group are in one fold.
        timestamps: order the rows, (rows,): folds are consecutive, equal timestamps in one.

    >>> print(target_folds(5, np.random.default_rng(0), timestamps=np.array([3, 1, 1, 9, 4])))
    [1 0 0 3 2]
    """
    if timestamps is not None:
        first = np.searchsorted(np.sort(timestamps), timestamps)
        return (first * TARGET_FOLDS // rows).astype(np.uint8)
    units = rows if groups is None else int(groups.max(initial=0)) + 1
    drawn = random.permutation(units)
    drawn %= TARGET_FOLDS
    small = drawn.astype(np.uint8)
    return small if groups is None else small[groups]
