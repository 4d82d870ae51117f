"""Grouped splits: all rows of a group (a patient's visits, a user's sessions) are on one side.

Groups are assigned one by one, each to the side that lacks its classes most. So the class
proportions are as equal as whole groups allow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from epochal.errors import CellError, DataError
from epochal.tables.conversion import converting
from epochal.tables.labels import missing_labels
from epochal.tables.rows import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator


def numbered_groups(values: np.ndarray) -> np.ndarray:
    """Return the number of every row's group, from 0, in order of first appearance (int32).

    >>> print(numbered_groups(np.array(["ann", "bob", "ann"])))
    [0 1 0]

    Raises:
        DataError: for a missing value, or if all rows are of one group.
    """
    missing = missing_labels(values)
    if missing.any():
        expected = "a group for every row"
        raise CellError.in_row("the group is missing in", int(missing.argmax()), "", expected)
    with converting("groups", "numbers, texts or dates"):
        numbers = _numbered(values)
    if not (numbers > numbers.min(initial=0)).any():
        raise DataError("all rows are of one group", "at least two groups")
    return numbers


def _numbered(values: np.ndarray) -> np.ndarray:
    """Return the number of every row's value, from 0, in order of first appearance (int32)."""
    if values.dtype == object:
        number: dict[object, int] = {}
        group_numbers = (number.setdefault(value, len(number)) for value in values.tolist())
        return np.fromiter(group_numbers, np.int32, len(values))
    # Minus zero and zero are the same group.
    plain = values.astype(np.float64) + 0.0 if values.dtype.kind == "f" else values
    numbers: np.ndarray = pa.array(plain).dictionary_encode().indices.to_numpy()
    return numbers


def folds_of_groups(
    indices: np.ndarray, groups: np.ndarray, n_folds: int, generator: np.random.Generator
) -> np.ndarray:
    """Return the fold number of every row (uint16); all rows of a group are in one fold.

    Args:
        indices: the class number of every row.
        groups: the group number of every row, from 0.
        n_folds: at most as many as there are groups.
        generator: shuffles groups of equal size, and breaks ties.

    >>> of = folds_of_groups(np.zeros(6, int), np.array([0, 0, 1, 1, 2, 2]), 3, np.random.default_rng(0))
    >>> print(np.bincount(of), (of[0::2] == of[1::2]).all())
    [2 2 2] True
    """
    totals = np.bincount(indices).astype(np.float64)
    fold_counts = np.zeros((n_folds, len(totals)))
    fold_of = np.zeros(int(groups.max()) + 1, np.uint16)
    # Random tie-breaks between folds that lack the same.
    tie_breaks = generator.random(n_folds) * 1e-9
    for number, classes, counts in _groups_in_order(indices, groups, generator, largest_first=True):
        # The fold with the smallest share of these classes, then with the fewest rows.
        fill = (fold_counts[:, classes] / totals[classes]) @ counts / counts.sum()
        fold = int(np.argmin(fill + 1e-6 * fold_counts.sum(axis=1) / len(indices) + tie_breaks))
        fold_of[number] = fold
        fold_counts[fold, classes] += counts
    numbers: np.ndarray = fold_of[groups]
    return numbers


def holdout_of_groups(
    indices: np.ndarray, groups: np.ndarray, fraction: float, generator: np.random.Generator
) -> np.ndarray:
    """Return the mask of validation rows, bool (rows,), with all rows of a group or none.

    A group becomes validation data if that brings the classes nearer to their fraction. At least
    one group does, and at least one does not.
    """
    missing = fraction * np.bincount(indices).astype(np.float64)
    number_of_groups = int(groups.max()) + 1
    validates = np.zeros(number_of_groups, bool)
    last = 0
    for number, classes, counts in _groups_in_order(
        indices, groups, generator, largest_first=False
    ):
        last = number
        remaining = missing[classes] - counts
        if np.abs(remaining).sum() < np.abs(missing[classes]).sum():
            validates[number] = True
            missing[classes] = remaining
    if validates.all() or not validates.any():
        validates[last] = not validates[last]
    result: np.ndarray = validates[groups]
    return result


def _groups_in_order(
    indices: np.ndarray, groups: np.ndarray, generator: np.random.Generator, *, largest_first: bool
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield each group's number, its classes and their counts: in random order, or the largest first."""
    classes = int(indices.max()) + 1
    pairs, counts = _counted(indices, groups, classes)
    group_of_pair = pairs // classes
    starts = np.flatnonzero(np.r_[True, group_of_pair[1:] != group_of_pair[:-1]])
    sizes = np.add.reduceat(counts, starts)
    ends = np.r_[starts[1:], len(pairs)]
    order = np.lexsort((generator.random(len(starts)), -sizes * largest_first))
    for k in order:
        pair_slice = slice(starts[k], ends[k])
        yield (
            int(group_of_pair[starts[k]]),
            pairs[pair_slice] % classes,
            counts[pair_slice].astype(np.float64),
        )


def _counted(
    indices: np.ndarray, groups: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of a group and a class that occur, as sorted numbers, and their counts."""
    pairs, counts = np.empty((2, 0), np.int64)
    for block in blocks(len(groups)):
        block_pairs = groups[block].astype(np.int64) * classes + indices[block]
        new_pairs, new_counts = np.unique(block_pairs, return_counts=True)
        pairs, places = np.unique(np.r_[pairs, new_pairs], return_inverse=True)
        counts = np.bincount(places, np.r_[counts, new_counts]).astype(np.int64)
    return pairs, counts
