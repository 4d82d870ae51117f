"""Relevance of features: the scale with which each begins where rows are few and columns many.

Then most columns are noise, and a network memorises the rows by them before its learned scales turn
them down. So each feature is tested against each class: its values, its ranks, steps at quantiles of
its ranks, and the distance of the ranks from the median. For a standardised feature f, and a class with
the share π, the score test of Rao is

    z² = n corr(f, y)²,    Σ over the classes of (1 - π) z²

of which the first is χ² distributed with one degree of freedom if the feature is independent of the
class, and the sum with one less than there are classes. The smaller of both p-values, corrected for the number of
tests, decides: features that are not informative begin at `MIN_SCALE`, those with p below 10^-4 at 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

# The scale of a feature that is not informative, and the negative decimal logarithm of the p-value from
# which a feature begins at 1.
MIN_SCALE, MAX_EVIDENCE = 0.05, 4.0
# Steps are at these quantiles. All tests of a feature are worth so many independent ones.
QUANTILES, TESTS = (0.1, 0.25, 0.5, 0.75, 0.9), 4
# A class of fewer rows is too small for a test.
MIN_CLASS_ROWS = 3.0


def initial_scales(
    x: np.ndarray, labels: np.ndarray, weights: np.ndarray, classes: int
) -> np.ndarray:
    """Return the initial scale of each feature for each member, float32 (members, features).

    Args:
        x: features, shape (rows, features).
        labels: class numbers, shape (rows,).
        weights: of the rows for each member, 0 for rows that it leaves out, shape (members, rows).
        classes: how many there are.

    >>> x = np.array([[0.0, 0.0], [0.0, 1.0]] * 20 + [[1.0, 0.0], [1.0, 1.0]] * 20)
    >>> initial_scales(x, np.repeat([0, 1], 40), np.ones((1, 80)), classes=2).round(2)
    array([[1.  , 0.05]], dtype=float32)
    """
    p = np.ones((len(weights), x.shape[1]))
    targets = [_Target(labels, weight, classes) for weight in weights]
    for feature in _transformed(x):
        for member, target in enumerate(targets):
            np.minimum(p[member], target.p_values(feature), out=p[member])
    evidence = -np.log10(np.clip(TESTS * p, 1e-300, 1.0)) / MAX_EVIDENCE
    return (MIN_SCALE + (1.0 - MIN_SCALE) * np.minimum(evidence, 1.0)).astype(np.float32)


def _transformed(x: np.ndarray) -> Iterator[np.ndarray]:
    """Yield what is tested of the features, each float64 (rows, features), with mean 0."""
    ranks = np.stack([_ranks(column) for column in x.T], axis=1)
    steps = (ranks > quantile for quantile in QUANTILES)
    for feature in (x, ranks, *steps, abs(ranks - 0.5)):
        numbers = np.asarray(feature, np.float64)
        yield numbers - numbers.mean(axis=0)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the share of values below each value, of equal ones the half: float64 (rows,)."""
    ordered = np.sort(values)
    below, up_to = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return (below + up_to) / (2.0 * len(values))


class _Target:
    """The classes of a member's rows, as the tests need them."""

    def __init__(self, labels: np.ndarray, weight: np.ndarray, classes: int) -> None:
        self.weight = weight / max(weight.sum(), 1e-300)
        self.rows = float(1.0 / max(np.sum(self.weight**2), 1e-300))
        shares = np.bincount(labels, self.weight, minlength=classes)
        self.tested = np.flatnonzero((self.rows * shares >= MIN_CLASS_ROWS) & (shares < 1))
        self.shares = shares[self.tested]
        is_class = labels[:, None] == self.tested
        self.residual = self.weight[:, None] * (is_class - self.shares)

    def p_values(self, feature: np.ndarray) -> np.ndarray:
        """Return the p-value of each feature, float64 (features,); 1 for constant ones."""
        from scipy.special import chdtrc

        if not len(self.tested):
            return np.ones(feature.shape[1])
        variance = self.weight @ feature**2 - (self.weight @ feature) ** 2
        spread = variance[:, None] * (self.shares * (1.0 - self.shares))
        covariance = feature.T @ self.residual
        z2 = self.rows * covariance**2 / np.maximum(spread, 1e-12)
        z2[variance <= 1e-9] = 0.0
        of_one = chdtrc(1.0, z2.max(axis=1))
        if len(self.tested) < 3:
            return np.asarray(of_one)
        of_all = chdtrc(len(self.tested) - 1.0, z2 @ (1.0 - self.shares))
        return np.minimum(2.0 * np.minimum(of_all, len(self.tested) * of_one), 1.0)
