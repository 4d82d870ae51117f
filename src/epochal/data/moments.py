"""Mean and variance of every feature, in one pass over blocks of rows.

The moments of parts merge to the moments of the whole, so data are never
needed twice or all at once. Float64 throughout; NaN is a missing value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Moments:
    """Weight W = Σ w, mean μ = Σ w x / W and squares Σ w (x - μ)², per feature.

    The sums run over the rows in which the feature is not missing. A feature
    without any weight has mean 0 and squares 0. `rest` is what rounding took
    from the mean: far from zero, the difference of two means would otherwise
    be wrong in its eighth digit.
    """

    weight: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    rest: np.ndarray

    @property
    def variance(self) -> np.ndarray:
        """The population variance squares / W of every feature; 0 where W is 0."""
        return self.squares / np.where(self.weight > 0, self.weight, 1.0)

    @classmethod
    def nothing(cls, features: int) -> Moments:
        """Return the moments of no rows at all, the neutral element of `merge`."""
        return cls(*(np.zeros(features) for _ in range(4)))

    @classmethod
    def of(cls, block: np.ndarray, weights: np.ndarray | None = None) -> Moments:
        """Return the moments of a block of shape (rows, features), a weight per row.

        A weight of 2 counts like the row twice, a weight of 0 like no row.

        >>> moments = Moments.of(np.array([[1.0, 5.0], [3.0, np.nan]]))
        >>> print(moments.weight, moments.mean, moments.variance)
        [2. 1.] [2. 5.] [1. 0.]
        """
        weights = np.ones(len(block)) if weights is None else np.asarray(weights, np.float64)
        if not (weights > 0).all():
            block, weights = block[weights > 0], weights[weights > 0]
        if not len(block):
            return cls.nothing(block.shape[1])
        values = np.array(block, dtype=np.float64, order="C")
        with np.errstate(invalid="ignore", over="ignore"):
            if np.isnan(weights @ values).any():
                return _of_partly_missing(values, weights)
            return _of_complete(values, weights)

    def merge(self, other: Moments) -> Moments:
        """Return the moments of the rows of both.

        With δ = μ_b - μ_a and W = W_a + W_b: μ = μ_a + δ W_b / W and squares =
        S_a + S_b + δ² W_a W_b / W (Chan, Golub and LeVeque, 1979).

        >>> a, b = Moments.of(np.array([[1.0]])), Moments.of(np.array([[3.0], [5.0]]))
        >>> print(a.merge(b).mean, a.merge(b).squares)
        [3.] [8.]
        """
        weight = self.weight + other.weight
        share = other.weight / np.where(weight > 0, weight, 1.0)
        with np.errstate(invalid="ignore", over="ignore"):
            delta = (other.mean - self.mean) + (other.rest - self.rest)
            delta = np.where((self.weight > 0) & (other.weight > 0), delta, 0.0)
            mean, rest = _sum(self.mean, self.rest + delta * share)
            squares = self.squares + other.squares + delta**2 * self.weight * share
        alone = self.weight == 0
        mean, rest = np.where(alone, other.mean, mean), np.where(alone, other.rest, rest)
        return Moments(weight, mean, squares, rest)

    def where(self, chosen: np.ndarray, other: Moments) -> Moments:
        """Return the moments of the other for the features that are chosen, bool (features,)."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Moments(*(np.where(chosen, its, mine) for mine, its in pairs))


def _of_complete(values: np.ndarray, weights: np.ndarray) -> Moments:
    """Return the moments of float64 values without missing ones; `values` is overwritten.

    The first row is taken as the origin: a constant feature then has exactly
    its value as the mean and exactly 0 as the variance.
    """
    weight = weights.sum()
    origin = values[0].copy()
    values -= origin
    shift = weights @ values / weight
    values -= shift
    # The mean of the deviations is what rounding left of the first sum.
    shift += weights @ values / weight
    np.square(values, out=values)
    squares = weights @ values
    mean, rest = _sum(origin, shift)
    return Moments(np.full(len(origin), weight), mean, squares, rest)


def _of_partly_missing(values: np.ndarray, weights: np.ndarray) -> Moments:
    """Return the moments of float64 values with NaN among them; `values` is overwritten."""
    known = ~np.isnan(values)
    origin = np.nan_to_num(values[known.argmax(axis=0), np.arange(values.shape[1])], posinf=np.inf)
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
    mean, rest = _sum(origin, shift)
    return Moments(weight, mean, squares, rest)


def _sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rounded sum, and exactly what rounding took from it (Knuth's two-sum)."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)
