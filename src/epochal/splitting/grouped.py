"""Splits that keep rows which belong together on one side: a patient's visits, a user's sessions.

Groups are dealt one after the other, each to where its classes are lacking
most; so parts are as even as whole groups allow.
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
    """Return the number of every row's group, from 0, in the order in which they appear (int32).

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
    """Return the number of every row's value, from 0, in the order in which they appear (int32)."""
    if values.dtype == object:
        number: dict[object, int] = {}
        each = (number.setdefault(value, len(number)) for value in values.tolist())
        return np.fromiter(each, np.int32, len(values))
    # There is a zero below zero, which is the same group.
    plain = values.astype(np.float64) + 0.0 if values.dtype.kind == "f" else values
    numbers: np.ndarray = pa.array(plain).dictionary_encode().indices.to_numpy()
    return numbers


def folds_of_groups(
    indices: np.ndarray, groups: np.ndarray, n_folds: int, generator: np.random.Generator
) -> np.ndarray:
    """Return the fold number of every row (uint16): the rows of a group have the same.

    Args:
        indices: the class number of every row.
        groups: the group number of every row, from 0.
        n_folds: at most as many as there are groups.
        generator: for the order of groups of one size, and ties.

    >>> of = folds_of_groups(np.zeros(6, int), np.array([0, 0, 1, 1, 2, 2]), 3, np.random.default_rng(0))
    >>> print(np.bincount(of), (of[0::2] == of[1::2]).all())
    [2 2 2] True
    """
    totals = np.bincount(indices).astype(np.float64)
    held = np.zeros((n_folds, len(totals)))
    fold_of = np.zeros(int(groups.max()) + 1, np.uint16)
    # Lots decide between folds that lack the same.
    lots = generator.random(n_folds) * 1e-9
    for number, classes, counts in _dealt(indices, groups, generator, largest_first=True):
        # The fold that holds the smallest part of these classes, and then of all rows.
        fullness = (held[:, classes] / totals[classes]) @ counts / counts.sum()
        fold = int(np.argmin(fullness + 1e-6 * held.sum(axis=1) / len(indices) + lots))
        fold_of[number] = fold
        held[fold, classes] += counts
    numbers: np.ndarray = fold_of[groups]
    return numbers


def holdout_of_groups(
    indices: np.ndarray, groups: np.ndarray, fraction: float, generator: np.random.Generator
) -> np.ndarray:
    """Return which rows validate, bool (rows,): all of a group or none.

    Groups validate as long as they bring the classes nearer to their fraction;
    at least one does, and at least one trains.
    """
    lacking = fraction * np.bincount(indices).astype(np.float64)
    number_of_groups = int(groups.max()) + 1
    validates = np.zeros(number_of_groups, bool)
    last = 0
    for number, classes, counts in _dealt(indices, groups, generator, largest_first=False):
        last = number
        after = lacking[classes] - counts
        if np.abs(after).sum() < np.abs(lacking[classes]).sum():
            validates[number] = True
            lacking[classes] = after
    if validates.all() or not validates.any():
        validates[last] = not validates[last]
    of_rows: np.ndarray = validates[groups]
    return of_rows


def _dealt(
    indices: np.ndarray, groups: np.ndarray, generator: np.random.Generator, *, largest_first: bool
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield each group's number, its classes and their rows, by lot, or the largest first."""
    classes = int(indices.max()) + 1
    pairs, counts = _counted(indices, groups, classes)
    of_pair = pairs // classes
    starts = np.flatnonzero(np.r_[True, of_pair[1:] != of_pair[:-1]])
    sizes = np.add.reduceat(counts, starts)
    ends = np.r_[starts[1:], len(pairs)]
    order = np.lexsort((generator.random(len(starts)), -sizes * largest_first))
    for k in order:
        some = slice(starts[k], ends[k])
        yield int(of_pair[starts[k]]), pairs[some] % classes, counts[some].astype(np.float64)


def _counted(
    indices: np.ndarray, groups: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which pairs of a group and a class occur, as numbers, sorted, and how often."""
    pairs, counts = np.empty((2, 0), np.int64)
    for some in blocks(len(groups)):
        here = groups[some].astype(np.int64) * classes + indices[some]
        more, how_often = np.unique(here, return_counts=True)
        pairs, places = np.unique(np.r_[pairs, more], return_inverse=True)
        counts = np.bincount(places, np.r_[counts, how_often]).astype(np.int64)
    return pairs, counts
