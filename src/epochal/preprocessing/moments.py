"""Mean and variance of every feature, in one pass over blocks of rows.

The moments of parts merge to the moments of the whole, so one pass over chunks of the data is
enough. All arithmetic is float64; NaN is a missing value. Values are first divided by a power of
two, so that squares neither overflow nor underflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from epochal.preprocessing.value_range import MIN_EXPONENT, ValueRange

# Weight, mean, squares and rest of every feature.
_Sums: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Moments:
    """Weight W = Σ w, mean μ = Σ w x / W and squares Σ w ((x - μ) / 2^e)², per feature.

    The sums run over the rows in which the feature is not missing. A feature without any weight has
    mean 0 and squares 0. `rest` is the rounding error of the mean: without it, the difference of
    two means far from zero is wrong in its eighth digit. `exponent` is e: all |x| are below 2^e.
    Division by a power of two is exact.
    """

    weight: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    rest: np.ndarray
    exponent: np.ndarray

    @property
    def variance(self) -> np.ndarray:
        """The population variance of every feature; 0 where W is 0, infinite if it overflows."""
        with np.errstate(over="ignore"):
            return np.ldexp(self._variance, 2 * self.exponent)

    def scale(self, variance_epsilon: float) -> np.ndarray:
        """Return √(σ + ε σ) of every feature, with σ its variance; ε is relative to the variance.

        >>> print(Moments.of(np.array([[1.0, 1e-200], [3.0, 3e-200]])).scale(0.0))
        [1.e+000 1.e-200]
        """
        return np.ldexp(np.sqrt(self._variance * (1.0 + variance_epsilon)), self.exponent)

    @property
    def _variance(self) -> np.ndarray:
        """The variance of every feature, divided by 4^e."""
        return self.squares / np.where(self.weight > 0, self.weight, 1.0)

    @classmethod
    def empty(cls, features: int) -> Moments:
        """Return the moments of no rows, the neutral element of `merge`."""
        zeros = np.zeros(features)
        return cls(zeros, zeros, zeros, zeros, np.full(features, MIN_EXPONENT, np.int32))

    @classmethod
    def of(
        cls,
        block: np.ndarray,
        weights: np.ndarray | None = None,
        exponent: np.ndarray | None = None,
    ) -> Moments:
        """Return the moments of a block of shape (rows, features), with a weight per row.

        A row of weight 2 counts twice, a row of weight 0 is ignored. `exponent`: e with |x| < 2^e
        for every feature, if it is known.

        >>> moments = Moments.of(np.array([[1.0, 5.0], [3.0, np.nan]]))
        >>> print(moments.weight, moments.mean, moments.variance)
        [2. 1.] [2. 5.] [1. 0.]
        """
        weights = np.ones(len(block)) if weights is None else np.asarray(weights, np.float64)
        if not (weights > 0).all():
            block, weights = block[weights > 0], weights[weights > 0]
        if not len(block):
            return cls.empty(block.shape[1])
        if exponent is None:
            exponent = ValueRange.of(np.asarray(block, np.float64)).exponent
        values = np.multiply(block, np.ldexp(1.0, -exponent), dtype=np.float64, order="C")
        gaps = bool(np.isnan(weights @ values).any())
        weight, mean, squares, rest = (_of_partly_missing if gaps else _of_complete)(
            values, weights
        )
        mean, rest = np.ldexp(mean, exponent), np.ldexp(rest, exponent)
        return cls(weight, mean, squares, rest, exponent)

    def merge(self, other: Moments) -> Moments:
        """Return the moments of the rows of both.

        With δ = μ_b - μ_a and W = W_a + W_b: μ = μ_a + δ W_b / W and squares =
        S_a + S_b + δ² W_a W_b / W (Chan, Golub and LeVeque, 1979), all in the same unit.

        >>> a, b = Moments.of(np.array([[1.0]])), Moments.of(np.array([[3.0], [5.0]]))
        >>> print(a.merge(b).mean, a.merge(b).variance)
        [3.] [2.66666667]
        """
        exponent = np.maximum(self.exponent, other.exponent)
        unit = np.ldexp(1.0, -exponent)
        weight = self.weight + other.weight
        share = other.weight / np.where(weight > 0, weight, 1.0)
        delta = (other.mean * unit - self.mean * unit) + (other.rest * unit - self.rest * unit)
        delta = np.where((self.weight > 0) & (other.weight > 0), delta, 0.0)
        mean, rest = _sum(self.mean * unit, self.rest * unit + delta * share)
        squares_of_both = (
            np.ldexp(one.squares, 2 * (one.exponent - exponent)) for one in (self, other)
        )
        squares = sum(squares_of_both) + delta**2 * self.weight * share
        is_empty = self.weight == 0
        mean = np.where(is_empty, other.mean, np.ldexp(mean, exponent))
        rest = np.where(is_empty, other.rest, np.ldexp(rest, exponent))
        return Moments(weight, mean, squares, rest, exponent)

    def where(self, chosen: np.ndarray, other: Moments) -> Moments:
        """Return these moments, with those of the other for the features in a mask, bool (features,)."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Moments(*(np.where(chosen, theirs, ours) for ours, theirs in pairs))


def _of_complete(values: np.ndarray, weights: np.ndarray) -> _Sums:
    """Return the sums over float64 values without missing ones; `values` is overwritten.

    The first row is subtracted first, so that the mean of a constant feature is exactly its value
    and the variance exactly 0.
    """
    weight = weights.sum()
    origin = values[0].copy()
    values -= origin
    shift = weights @ values / weight
    values -= shift
    # The mean of the deviations corrects the rounding error of the first sum.
    shift += weights @ values / weight
    np.square(values, out=values)
    squares = weights @ values
    mean, remainder = _sum(origin, shift)
    return np.full(len(origin), weight), mean, squares, remainder


def _of_partly_missing(values: np.ndarray, weights: np.ndarray) -> _Sums:
    """Return the sums over float64 values of which some are NaN; `values` is overwritten."""
    known = ~np.isnan(values)
    origin = np.nan_to_num(values[known.argmax(axis=0), np.arange(values.shape[1])])
    values -= origin
    values[~known] = 0.0
    weight = weights @ known
    divisor = np.where(weight > 0, weight, 1.0)
    shift = weights @ values / divisor
    values -= shift
    values[~known] = 0.0
    shift += weights @ values / divisor
    np.square(values, out=values)
    squares = weights @ values
    mean, remainder = _sum(origin, shift)
    return weight, mean, squares, remainder


def _sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rounded sum and its exact rounding error (Knuth's two-sum)."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)
