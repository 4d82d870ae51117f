"""The area under the ROC curve, streaming, in bounded memory.

The scores of pieces merge to the scores of the whole, bit by bit, whatever the order and the size of
the pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Keys = NDArray[np.int64]

# The bits of 0.5, the score in the middle.
BITS_OF_HALF = int(np.float64(0.5).view(np.int64))


class Area(NamedTuple):
    """An area under the ROC curve, and a bound of its error."""

    value: float
    error: float


@dataclass(frozen=True, eq=False)
class RocRun:
    """Distinct scores in ascending order, with the weight of the positive and negative rows at each.

    A score is stored as its key (`keys_of`), without its last `dropped` bits.
    """

    keys: Keys
    positive: Floats
    negative: Floats
    dropped: int = 0

    @classmethod
    def of(cls, scores: Floats, positive: NDArray[np.bool_], weights: Floats) -> RocRun:
        """Return the scores of some rows; rows of weight 0 are ignored.

        >>> run = RocRun.of(np.array([0.5, 0.2, 0.5]), np.array([True, False, False]), np.ones(3))
        >>> print(run.positive, run.negative)
        [0. 1.] [1. 1.]
        """
        positive_weight = weights > 0
        if not positive_weight.all():
            scores, positive, weights = (
                scores[positive_weight],
                positive[positive_weight],
                weights[positive_weight],
            )
        keys = keys_of(scores)
        order = np.argsort(keys)
        weights, positive = weights[order], positive[order]
        return _joined(keys[order], weights * positive, weights * ~positive, 0)

    def merge(self, other: RocRun) -> RocRun:
        """Return the scores of both, with the lower precision of the two."""
        dropped = max(self.dropped, other.dropped)
        runs = self.coarsened(dropped), other.coarsened(dropped)
        keys = np.concatenate([run.keys for run in runs])
        # Stable sorting finds the two ascending runs and only merges them.
        order = np.argsort(keys, kind="stable")
        positive, negative = (
            np.concatenate([getattr(run, name) for run in runs])[order]
            for name in ("positive", "negative")
        )
        return _joined(keys[order], positive, negative, dropped)

    def coarsened(self, dropped: int) -> RocRun:
        """Return the scores with `dropped` bits of their keys dropped, equal keys combined."""
        if dropped == self.dropped:
            return self
        keys = self.keys >> (dropped - self.dropped)
        return _joined(keys, self.positive, self.negative, dropped)

    def fitted(self, capacity: int) -> RocRun:
        """Return the scores with as few bits dropped as leave at most `capacity` distinct ones."""
        if len(self.keys) <= capacity:
            return self
        # Neighbours become equal when the highest bit in which they differ is dropped.
        differences = self.keys[1:] ^ self.keys[:-1]
        bits = int(np.partition(differences, -capacity)[-capacity]).bit_length()
        return self.coarsened(self.dropped + bits)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rows sorted by score, with at most `capacity` distinct scores, for the area under the ROC curve.

    While there are more, one more bit of every score's key is dropped, so that neighbours become
    equal. The number of dropped bits depends on the set of rows only, since a part of the rows
    never needs more. The rows are in sorted runs, each more than twice as long as the next, so that
    a row is merged at most log2(capacity) times.
    """

    capacity: int
    runs: tuple[RocRun, ...] = ()

    @classmethod
    def of(
        cls, scores: Floats, positive: NDArray[np.bool_], weights: Floats, capacity: int
    ) -> Ranking:
        """Return the ranking of some rows, with a score in [0, 1] and a weight each."""
        return cls(capacity, (RocRun.of(scores, positive, weights).fitted(capacity),))

    def merge(self, other: Ranking) -> Ranking:
        """Return the ranking of the rows of both."""
        runs = self.runs
        for run in other.runs:
            last = run
            while runs and len(runs[-1].keys) <= 2 * len(last.keys):
                last = runs[-1].merge(last).fitted(self.capacity)
                runs = runs[:-1]
            runs = (*runs, last)
        return Ranking(self.capacity, runs)

    def times(self, factor: float) -> Ranking:
        """Return the ranking with all weights multiplied by a factor."""
        runs = (
            replace(run, positive=run.positive * factor, negative=run.negative * factor)
            for run in self.runs
        )
        return Ranking(self.capacity, tuple(runs))

    def area(self) -> Area | None:
        """Return the area under the ROC curve; None without positive rows, or negative ones.

        With p_b and n_b the weights of positive and negative rows at score b, P = Σ_b p_b and
        N = Σ_b n_b, it is the chance that a positive row stands above a negative one, equal
        scores counting half (Hanley and McNeil, 1982):

            AUC = Σ_b p_b (Σ_{c<b} n_c + n_b / 2) / (P N)

        It is exact while no bits are dropped. Then rows with equal keys may be in either order, so
        |AUC − exact| ≤ ½ Σ_b p_b n_b / (P N), which is the error returned.

        >>> scores, positive = np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1]) > 0
        >>> Ranking.of(scores, positive, np.ones(4), 3).area()
        Area(value=0.875, error=0.0)
        >>> Ranking.of(scores, positive, np.ones(4), 1).area()
        Area(value=0.5, error=0.5)
        """
        if not self.runs:
            return None
        run = reduce(RocRun.merge, reversed(self.runs)).fitted(self.capacity)
        # Each is scaled, so that products of very large weights do not overflow.
        positive, negative = _in_unit(run.positive), _in_unit(run.negative)
        pairs = float(positive.sum() * negative.sum())
        if pairs == 0:
            return None
        below = np.cumsum(negative) - negative
        ties = float((positive * negative).sum()) / (2 * pairs)
        value = float((positive * below).sum()) / pairs + ties
        return Area(value, ties if run.dropped else 0.0)


def keys_of(scores: Floats) -> Keys:
    """Return unique integers in the order of the scores in [0, 1].

    Up to ½ it is the bits of the score s, above it is mirrored: 2 bits(½) − bits(1 − s), where
    1 − s is exact. Keys without their last bits are bins whose width is relative to the smaller of
    s and 1 − s: fine at both ends, where most scores of good models are.

    >>> keys = keys_of(np.array([0.0, 1e-300, 1e-9, 0.5, 1 - 1e-9, 1.0]))
    >>> bool((np.diff(keys) > 2**48).all())
    True
    """
    # The bits of minus zero are those of the smallest integer.
    bits = np.abs(np.minimum(scores, 1.0 - scores)).view(np.int64)
    return np.where(scores > 0.5, 2 * BITS_OF_HALF - bits, bits)


def _in_unit(weights: Floats) -> Floats:
    """Return weights divided by a power of two that is larger than each; the division is exact."""
    return np.ldexp(weights, -np.frexp(weights.max(initial=0.0))[1])


def _joined(keys: Keys, positive: Floats, negative: Floats, dropped: int) -> RocRun:
    """Return the run of ascending keys, with equal keys combined."""
    first = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    if first.all():
        return RocRun(keys, positive, negative, dropped)
    starts = np.flatnonzero(first)
    positive, negative = (np.add.reduceat(weights, starts) for weights in (positive, negative))
    return RocRun(keys[starts], positive, negative, dropped)
