"""Which rows each member trains on, and which it leaves out.

All members share one set of rows; a bag is a count per row: 0 where the member
leaves the row out, 2 where a bootstrap drew it twice. Member k's bag depends on
the seed and on k, not on how many members there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from epochal.keys import Purpose, generator
from epochal.splitting.grouped import folds_of_groups
from epochal.splitting.stratified import folds
from epochal.tables.rows import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochal.config.settings import Settings


class Bags(Protocol):
    """Counts per member and row."""

    @property
    def members(self) -> int:
        """The number of members."""

    @property
    def has_oob(self) -> bool:
        """Whether members leave rows out."""

    def sample_counts(self, member: int, rows: np.ndarray) -> np.ndarray:
        """Return how often the member trains on each of these rows, shape (rows,)."""

    def oob_rows(self, member: int) -> np.ndarray:
        """Return the numbers of the rows that the member does not train on, ascending."""


@dataclass(frozen=True)
class WholeBags:
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
    """Member k leaves out fold k modulo the number of folds.

    Each time all folds have been left out once, the rows are dealt anew:
    `fold[r]` are the fold numbers of round r.
    """

    members: int
    n_folds: int
    fold: tuple[np.ndarray, ...]
    has_oob: bool = True

    def sample_counts(self, member: int, rows: np.ndarray) -> np.ndarray:
        """Return 0 on the member's own fold and 1 elsewhere."""
        fold = self.fold[member // self.n_folds]
        return (fold[rows] != member % self.n_folds).astype(np.float32)

    def oob_rows(self, member: int) -> np.ndarray:
        """Return the rows of the member's own fold."""
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
        labels: class numbers, shape (rows,); folds hold each class in equal parts.
        seed: the seed of the training.
        groups: of rows that are left out together, numbered from 0, shape (rows,).
    """
    members = settings.n_estimators
    units = len(labels) if groups is None else int(groups.max()) + 1
    if settings.bagging == "folds":
        n_folds = min(settings.n_folds, units)
        rounds = range(-(-members // n_folds))
        randoms = [generator(seed, Purpose.FOLDS, number) for number in rounds]
        dealt = tuple(
            folds(labels, n_folds, random)
            if groups is None
            else folds_of_groups(labels, groups, n_folds, random)
            for random in randoms
        )
        return FoldBags(members, n_folds, dealt)
    if settings.bagging == "bootstrap":
        draws = amount(settings.max_samples, units)
        drawn = [
            generator(seed, Purpose.BOOTSTRAP, member).integers(units, size=draws)
            for member in range(members)
        ]
        sample_counts = [np.bincount(picked, minlength=units).astype(np.uint16) for picked in drawn]
        return BootstrapBags(
            np.stack(sample_counts if groups is None else [c[groups] for c in sample_counts])
        )
    return WholeBags(members)


def bytes_per_row(settings: Settings) -> int:
    """Return how many bytes the bags of all members take for each row.

    >>> from epochal.config.presets import PRESETS
    >>> bytes_per_row(PRESETS["classic"])
    0
    """
    members = settings.n_estimators
    if settings.bagging == "folds":
        return 2 * -(-members // settings.n_folds)
    return 2 * members if settings.bagging == "bootstrap" else 0


def member_weights(bags: Bags, weight: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that gives members' weights of rows: counts times weights, mean 1."""
    members = range(bags.members)
    totals = np.zeros(bags.members)
    for span in blocks(len(weight)):
        some = np.arange(span.start, span.stop)
        totals += [np.sum(bags.sample_counts(k, some) * weight[some]) for k in members]
    means = [float(total / len(weight)) or 1.0 for total in totals]
    # Where all rows weigh the same, none is looked up.
    same = weight[:1] if np.all(weight == weight[:1]) else None

    def weights(rows: np.ndarray) -> np.ndarray:
        """Return each member's weights for these rows, float32 (members, rows)."""
        of_rows = weight[rows] if same is None else same
        each = np.empty((bags.members, len(rows)), np.float32)
        for k in members:
            np.multiply(
                bags.sample_counts(k, rows), (of_rows / means[k]).astype(np.float32), out=each[k]
            )
        return each

    return weights


def amount(share: float, whole: int) -> int:
    """Return how many of `whole` a setting means: a fraction of it, or that many.

    >>> amount(0.5, 7), amount(3, 7), amount(1.0, 7), amount(9, 7), amount(0.01, 7)
    (4, 3, 7, 7, 1)
    """
    number = round(share * whole) if isinstance(share, float) else share
    return min(max(number, 1), whole)


def feature_mask(settings: Settings, groups: np.ndarray, seed: int, member: int) -> np.ndarray:
    """Return which features a member sees when it gets a random subset of the columns, bool (features,).

    Args:
        settings: `max_features`.
        groups: the source column of each encoded feature, shape (features,).
        seed: the seed of the training.
        member: the number of the member.
    """
    columns = np.unique(groups)
    number = amount(settings.max_features, len(columns))
    if number == len(columns):
        return np.ones(len(groups), np.bool_)
    random = generator(seed, Purpose.FEATURES, member)
    return np.isin(groups, random.choice(columns, number, replace=False))
