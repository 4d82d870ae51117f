"""The area under the ROC curve of rows that come piece by piece, in bounded memory.

The scores of pieces merge to the scores of the whole, to the bit: neither the
order nor the size of the pieces says what is kept of them.
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
MIDDLE = int(np.float64(0.5).view(np.int64))


class Area(NamedTuple):
    """An area under the ROC curve, and how far at most it is from that of the scores themselves."""

    value: float
    error: float


@dataclass(frozen=True, eq=False)
class RocRun:
    """Distinct scores in ascending order, with the weight of the positive and negative rows at each.

    A score stands as its key (`keys_of`), without its last `dropped` bits.
    """

    keys: Keys
    positive: Floats
    negative: Floats
    dropped: int = 0

    @classmethod
    def of(cls, scores: Floats, positive: NDArray[np.bool_], weights: Floats) -> RocRun:
        """Return the scores of some rows; rows of weight 0 leave no trace.

        >>> run = RocRun.of(np.array([0.5, 0.2, 0.5]), np.array([True, False, False]), np.ones(3))
        >>> print(run.positive, run.negative)
        [0. 1.] [1. 1.]
        """
        counting = weights > 0
        if not counting.all():
            scores, positive, weights = scores[counting], positive[counting], weights[counting]
        keys = keys_of(scores)
        order = np.argsort(keys)
        weights, positive = weights[order], positive[order]
        return _joined(keys[order], weights * positive, weights * ~positive, 0)

    def merge(self, other: RocRun) -> RocRun:
        """Return the scores of both, as fine as the coarser of the two."""
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
        """Return the scores without so many bits of their keys; those that are now equal, as one."""
        if dropped == self.dropped:
            return self
        keys = self.keys >> (dropped - self.dropped)
        return _joined(keys, self.positive, self.negative, dropped)

    def fitted(self, capacity: int) -> RocRun:
        """Return the scores without the fewest bits that leave at most so many of them."""
        if len(self.keys) <= capacity:
            return self
        # Neighbours become one as soon as the highest bit in which they differ is dropped.
        differing = self.keys[1:] ^ self.keys[:-1]
        bits = int(np.partition(differing, -capacity)[-capacity]).bit_length()
        return self.coarsened(self.dropped + bits)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rows by score, at most `capacity` distinct scores of them, for the area under the ROC curve.

    While there are more, one more bit of every score's key is dropped, so that neighbours
    become one. How many bits that takes is a property of all the rows alone, since
    parts of them never take more. The rows stand in runs, each more
    than twice as long as the next, so that a row is moved few times: log2(capacity).
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
        """Return the ranking of rows that all weigh so many times as much."""
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

        While no bits are dropped, it is exact. Then what counts half may be in either order, so
        |AUC − exact| ≤ ½ Σ_b p_b n_b / (P N), which is the error given.

        >>> scores, positive = np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1]) > 0
        >>> Ranking.of(scores, positive, np.ones(4), 3).area()
        Area(value=0.875, error=0.0)
        >>> Ranking.of(scores, positive, np.ones(4), 1).area()
        Area(value=0.5, error=0.5)
        """
        if not self.runs:
            return None
        run = reduce(RocRun.merge, reversed(self.runs)).fitted(self.capacity)
        # In units of their own, so that products of enormous weights are numbers.
        positive, negative = _in_unit(run.positive), _in_unit(run.negative)
        pairs = float(positive.sum() * negative.sum())
        if pairs == 0:
            return None
        below = np.cumsum(negative) - negative
        halves = float((positive * negative).sum()) / (2 * pairs)
        value = float((positive * below).sum()) / pairs + halves
        return Area(value, halves if run.dropped else 0.0)


def keys_of(scores: Floats) -> Keys:
    """Return whole numbers in the order of scores in [0, 1], no two scores having the same.

    Up to ½ it is the bits of the score s, above it is mirrored: 2 bits(½) − bits(1 − s), where
    1 − s is exact. So keys without their last bits are bins that are equally wide in relation to
    the smaller of s and 1 − s: fine at both ends, where scores of good models crowd.

    >>> keys = keys_of(np.array([0.0, 1e-300, 1e-9, 0.5, 1 - 1e-9, 1.0]))
    >>> bool((np.diff(keys) > 2**48).all())
    True
    """
    # A zero with a sign would be the lowest of all numbers.
    bits = np.abs(np.minimum(scores, 1.0 - scores)).view(np.int64)
    return np.where(scores > 0.5, 2 * MIDDLE - bits, bits)


def _in_unit(weights: Floats) -> Floats:
    """Return weights divided by a power of two that is larger than each, which changes no digit."""
    return np.ldexp(weights, -np.frexp(weights.max(initial=0.0))[1])


def _joined(keys: Keys, positive: Floats, negative: Floats, dropped: int) -> RocRun:
    """Return the run of keys in ascending order, equal ones as one."""
    first = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    if first.all():
        return RocRun(keys, positive, negative, dropped)
    starts = np.flatnonzero(first)
    positive, negative = (np.add.reduceat(weights, starts) for weights in (positive, negative))
    return RocRun(keys[starts], positive, negative, dropped)
