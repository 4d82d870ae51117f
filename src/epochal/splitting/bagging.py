"""Bagging: the rows that each member trains on, and its out-of-bag rows.

All members share one set of rows. A bag is a count per row: 0 for an out-of-bag row, 2 for a row
that a bootstrap drew twice. Member k's bag depends on the seed and on k, not on the number of
members.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from epochal.keys import Purpose, generator_for
from epochal.splitting.grouped import folds_of_groups
from epochal.splitting.stratified import folds
from epochal.tables.rows import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochal.config.settings import Settings


class Bags(Protocol):
    """The sample counts of every member and row."""

    @property
    def members(self) -> int:
        """The number of members."""

    @property
    def has_oob(self) -> bool:
        """Whether members have out-of-bag rows."""

    def sample_counts(self, member: int, rows: np.ndarray) -> np.ndarray:
        """Return how often the member trains on each of these rows, shape (rows,)."""

    def oob_rows(self, member: int) -> np.ndarray:
        """Return the numbers of the rows that the member does not train on, ascending."""


@dataclass(frozen=True)
class AllRowsBags:
    """Every member trains on every row."""

    members: int
    has_oob: bool = False

    def sample_counts(self, member: int, rows: np.ndarray) -> np.ndarray:
        """Return ones."""
        del member
        return np.ones(len(rows), np.float32)

    def oob_rows(self, member: int) -> np.ndarray:
        """Return no rows."""
        del member
        return np.empty(0, np.int64)


@dataclass(frozen=True)
class FoldBags:
    """Member k holds out fold k modulo the number of folds.

    When every fold has been held out once, a new round of folds begins: `fold[r]` are the fold
    numbers of round r.
    """

    members: int
    n_folds: int
    fold: tuple[np.ndarray, ...]
    has_oob: bool = True

    def sample_counts(self, member: int, rows: np.ndarray) -> np.ndarray:
        """Return 0 for rows of the member's fold and 1 for all others."""
        fold = self.fold[member // self.n_folds]
        return (fold[rows] != member % self.n_folds).astype(np.float32)

    def oob_rows(self, member: int) -> np.ndarray:
        """Return the rows of the member's fold."""
        return np.flatnonzero(self.fold[member // self.n_folds] == member % self.n_folds)


@dataclass(frozen=True)
class BootstrapBags:
    """Each member draws rows with replacement; `drawn[k, i]` is how often k drew row i."""

    drawn: np.ndarray
    has_oob: bool = True

    @property
    def members(self) -> int:
        """The number of members."""
        return len(self.drawn)

    def sample_counts(self, member: int, rows: np.ndarray) -> np.ndarray:
        """Return how often the rows were drawn."""
        return self.drawn[member, rows].astype(np.float32)

    def oob_rows(self, member: int) -> np.ndarray:
        """Return the rows that were not drawn."""
        return np.flatnonzero(self.drawn[member] == 0)


def bags_for(
    settings: Settings, labels: np.ndarray, seed: int, groups: np.ndarray | None = None
) -> Bags:
    """Return the bags of all members.

    Args:
        settings: `bagging`, `n_estimators`, `n_folds`, `max_samples`.
        labels: class numbers, shape (rows,); folds are stratified by them.
        seed: the seed of the training.
        groups: group numbers from 0, shape (rows,); the rows of a group are held out together.
    """
    members = settings.n_estimators
    units = len(labels) if groups is None else int(groups.max()) + 1
    if settings.bagging == "folds":
        n_folds = min(settings.n_folds, units)
        rounds = range(-(-members // n_folds))
        randoms = [generator_for(seed, Purpose.FOLDS, number) for number in rounds]
        assigned = tuple(
            folds(labels, n_folds, random)
            if groups is None
            else folds_of_groups(labels, groups, n_folds, random)
            for random in randoms
        )
        return FoldBags(members, n_folds, assigned)
    if settings.bagging == "bootstrap":
        draws = number_from_share(settings.max_samples, units)
        drawn = [
            generator_for(seed, Purpose.BOOTSTRAP, member).integers(units, size=draws)
            for member in range(members)
        ]
        sample_counts = [
            np.bincount(row_numbers, minlength=units).astype(np.uint16) for row_numbers in drawn
        ]
        return BootstrapBags(
            np.stack(sample_counts if groups is None else [c[groups] for c in sample_counts])
        )
    return AllRowsBags(members)


def bytes_per_row(settings: Settings) -> int:
    """Return the memory of all members' bags, in bytes per row.

    >>> from epochal.config.presets import PRESETS
    >>> bytes_per_row(PRESETS["classic"])
    0
    """
    members = settings.n_estimators
    if settings.bagging == "folds":
        return 2 * -(-members // settings.n_folds)
    return 2 * members if settings.bagging == "bootstrap" else 0


def member_weights(bags: Bags, weight: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of row numbers to members' weights: counts times weights, with mean 1."""
    members = range(bags.members)
    totals = np.zeros(bags.members)
    for span in blocks(len(weight)):
        block_rows = np.arange(span.start, span.stop)
        totals += [np.sum(bags.sample_counts(k, block_rows) * weight[block_rows]) for k in members]
    means = [float(total / len(weight)) or 1.0 for total in totals]
    # Equal weights need no look-up.
    same = weight[:1] if np.all(weight == weight[:1]) else None

    def weights(rows: np.ndarray) -> np.ndarray:
        """Return each member's weights for these rows, float32 (members, rows)."""
        row_weights = weight[rows] if same is None else same
        result = np.empty((bags.members, len(rows)), np.float32)
        for k in members:
            np.multiply(
                bags.sample_counts(k, rows),
                (row_weights / means[k]).astype(np.float32),
                out=result[k],
            )
        return result

    return weights


def number_from_share(share: float, total: int) -> int:
    """Return the number that a setting means: a fraction of `total` (float), or a number (int).

    >>> number_from_share(0.5, 7), number_from_share(3, 7), number_from_share(1.0, 7), number_from_share(9, 7), number_from_share(0.01, 7)
    (4, 3, 7, 7, 1)
    """
    number = round(share * total) if isinstance(share, float) else share
    return min(max(number, 1), total)


def feature_mask(settings: Settings, groups: np.ndarray, seed: int, member: int) -> np.ndarray:
    """Return the features of a member's random subset of the columns, bool (features,).

    It has those of which it has all source columns.

    Args:
        settings: `max_features`.
        groups: the source columns of each encoded feature, shape (features, columns).
        seed: the seed of the training.
        member: the number of the member.
    """
    columns = np.unique(groups)
    number = number_from_share(settings.max_features, len(columns))
    if number == len(columns):
        return np.ones(len(groups), np.bool_)
    random = generator_for(seed, Purpose.FEATURE_SUBSET, member)
    visible = np.isin(groups, random.choice(columns, number, replace=False))
    return np.asarray(visible.all(axis=1))
