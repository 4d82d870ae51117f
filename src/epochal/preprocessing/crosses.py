"""Crosses: pairs of categorical columns whose pairs of names say more of the class than both names.

A pair is tested on a sample of the training rows, whose labels are left out fold by fold. A logistic
regression on the log-odds of all single columns gives the probability p of each class. With the
residual r = y - p and the pair's log-odds x, freed from what the single columns explain under the
weights p (1 - p), the score test of Rao asks whether x would improve the regression:

    (Σ r x)² / Σ p (1 - p) x²

is χ² distributed with one degree of freedom if it would not.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.preprocessing.log_odds import log_odds
from epochal.preprocessing.vocabulary import Names, joined
from epochal.tables.canonical import canonical_texts
from epochal.tables.categories import unique, unique_values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

# Columns whose pairs are tested, those with most names, and classes that are asked, the largest.
MOST_COLUMNS, MOST_CLASSES = 12, 8
# Pairs that are taken, at most, and what each has to reach in the mean over classes. By chance a pair
# does so once in 10^8 tests.
MOST_PAIRS, LEAST_SCORE = 12, 33.0
# Steps of Newton's method, and what keeps them finite.
STEPS, RIDGE = 6, 1e-3


class Sample(NamedTuple):
    """Rows on which pairs are tested."""

    table: pa.Table
    labels: np.ndarray  # (rows,) class numbers
    weight: np.ndarray  # (rows,)
    folds: np.ndarray  # (rows,) left out together


def crosses(
    sample: Sample, columns: Sequence[str], many: AbstractSet[str], classes: int
) -> tuple[Names, ...]:
    """Return the pairs of columns that pay, with the weights of their pairs of names, the best first.

    Args:
        sample: the rows.
        columns: categorical columns.
        many: those of them with many names; a network finds out by itself what pairs of others say.
        classes: how many there are.

    >>> random = np.random.default_rng(0)
    >>> a, b, c = random.integers(20, size=(3, 4000))
    >>> table = pa.table({"a": a.astype(str), "b": b.astype(str), "c": c.astype(str)})
    >>> sample = Sample(table, (a * 7 + b) % 2, np.ones(4000), np.arange(4000) % 4)
    >>> [names.columns for names in crosses(sample, ["a", "b", "c"], {"a"}, classes=2)]
    [('a', 'b')]
    """
    rows = {name: _numbered(sample.table.column(name)) for name in columns}
    columns = sorted(columns, key=lambda name: -int(rows[name].max(initial=0)))[:MOST_COLUMNS]
    if len(columns) < 2:
        return ()
    sizes = np.bincount(sample.labels, sample.weight, minlength=classes)
    asked = np.argsort(-sizes, kind="stable")[: 1 if classes == 2 else MOST_CLASSES]
    single = np.stack([_left_out(rows[name], sample, classes) for name in columns], axis=1)
    pairs = {
        pair: _of_pair(sample, pair, classes)[:, asked]
        for pair in combinations(columns, 2)
        if not many.isdisjoint(pair)
    }
    return tuple(_names(sample, pair) for pair in _chosen(single[:, :, asked], pairs, sample, asked))


def _chosen(
    single: np.ndarray,
    pairs: dict[tuple[str, str], np.ndarray],
    sample: Sample,
    asked: np.ndarray,
) -> list[tuple[str, str]]:
    """Return pairs one after the other, each the best beside those before it, until none pays.

    Args:
        single: log-odds of the single columns, (rows, columns, classes that are asked).
        pairs: log-odds of pairs, (rows, classes that are asked).
        sample: the rows.
        asked: the numbers of these classes.
    """
    chosen: list[tuple[str, str]] = []
    inputs = single
    while pairs and len(chosen) < MOST_PAIRS:
        residuals = [
            _Residual.of(inputs[:, :, k], sample.labels == c, sample.weight)
            for k, c in enumerate(asked)
        ]
        scores = {
            pair: float(np.mean([r.score(x[:, k]) for k, r in enumerate(residuals)]))
            for pair, x in pairs.items()
        }
        best = max(scores, key=lambda pair: scores[pair])
        if scores[best] <= LEAST_SCORE:
            break
        chosen.append(best)
        inputs = np.concatenate([inputs, pairs.pop(best)[:, None]], axis=1)
    return chosen


def _of_pair(sample: Sample, pair: tuple[str, str], classes: int) -> np.ndarray:
    """Return the log-odds of every row's pair of names, (rows, classes)."""
    numbers = _numbered(joined([sample.table.column(name) for name in pair]))
    return _left_out(numbers, sample, classes)


def _names(sample: Sample, pair: tuple[str, str]) -> Names:
    """Return the pairs of names of two columns, and the weight of each."""
    values, indices = unique_values(joined([sample.table.column(name) for name in pair]))
    sums = np.bincount(indices, sample.weight, minlength=len(values) + 1)[: len(values)]
    return Names(pair, False, canonical_texts(values), sums)  # noqa: FBT003


def _numbered(column: pa.ChunkedArray) -> np.ndarray:
    """Return the number of every row's name."""
    return unique(column)[1]


def _left_out(numbers: np.ndarray, sample: Sample, classes: int) -> np.ndarray:
    """Return the log-odds of every row's name, without the labels of its fold, (rows, classes)."""
    shape = int(sample.folds.max()) + 1, int(numbers.max()) + 1, classes
    cells = np.ravel_multi_index((sample.folds, numbers, sample.labels), shape)
    counts = np.bincount(cells, sample.weight, minlength=int(np.prod(shape))).reshape(shape)
    others = (counts.sum(axis=0) - counts)[sample.folds, numbers]
    shares = np.bincount(sample.labels, sample.weight, minlength=classes) + 0.5
    return log_odds(others, shares / shares.sum())


class _Residual(NamedTuple):
    """What a logistic regression of one class on the single columns leaves."""

    inputs: np.ndarray  # (rows, columns + 1), the last one 1
    residual: np.ndarray  # (rows,) weighted
    curvature: np.ndarray  # (rows,) weighted p (1 - p)

    @classmethod
    def of(cls, x: np.ndarray, is_class: np.ndarray, weight: np.ndarray) -> _Residual:
        """Return what is left of a class, by Newton's method from the naive-Bayes sum."""
        inputs = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        slope = np.zeros(inputs.shape[1])
        for _ in range(STEPS):
            residual, curvature = _left(inputs, slope, is_class, weight)
            hessian = (inputs * curvature[:, None]).T @ inputs + RIDGE * len(x) * np.eye(len(slope))
            slope += np.linalg.solve(hessian, inputs.T @ residual - RIDGE * len(x) * slope)
        return cls(inputs, *_left(inputs, slope, is_class, weight))

    def score(self, x: np.ndarray) -> float:
        """Return the statistic of the score test for one more input."""
        weighted = self.inputs * self.curvature[:, None]
        ridge = RIDGE * len(x) * np.eye(self.inputs.shape[1])
        free = x - self.inputs @ np.linalg.solve(weighted.T @ self.inputs + ridge, weighted.T @ x)
        spread = float(self.curvature @ free**2)
        return float(self.residual @ free) ** 2 / spread if spread > 0 else 0.0


def _left(
    inputs: np.ndarray, slope: np.ndarray, is_class: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted residuals of a regression, and the weighted curvature of its loss."""
    p = 0.5 * (np.tanh(0.5 * (inputs @ slope)) + 1.0)
    return weight * (is_class - p), weight * np.maximum(p * (1.0 - p), 1e-9)
