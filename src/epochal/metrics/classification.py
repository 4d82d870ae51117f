"""Classification metrics of predicted probabilities, streaming: memory does not grow with the rows.

The metrics are scikit-learn's, computed from sums; the expected calibration error is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from epochal.errors import DataError
from epochal.metrics.roc import Area, Ranking
from epochal.records import ClassFigures, Evaluation

BINS = 15
# The most distinct probabilities of all classes for the AUC: at 24 bytes each, in runs of at most
# twice as many, they take 50 MB. And the fewest per class if there are very many classes.
DISTINCT, FEWEST = 2**20, 2**12
# Probabilities in a chunk.
SLICE = 2**21
# Larger exponents than this, relative to the unit, change the unit of weights.
UNIT_DISTANCE = 500
# The log-loss clips probabilities at this, as scikit-learn does.
LOWEST = float(np.finfo(np.float64).eps)

Floats = NDArray[np.float64]
Indices = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class MetricAccumulator:
    """The sums over rows from which the metrics are computed, and the rankings for the AUC.

    `counts[i, j]` is the number of rows of class i that were predicted as class j, `weights[i, j]`
    their weight. `loss` is −Σ w log p of the true classes, in nats. `gaps` is Σ w (correct −
    confidence) in each bin of the confidence. `rankings` has one ranking for two classes, else one
    per class. All weights are divided by 2^`unit` to avoid overflow; None before the first row.
    """

    counts: NDArray[np.int64]
    weights: Floats
    loss: float
    gaps: Floats
    rankings: tuple[Ranking, ...]
    unit: int | None = None

    @classmethod
    def empty(cls, n_classes: int, capacity: int | None = None) -> MetricAccumulator:
        """Return the accumulator of no rows; `capacity` bounds the distinct probabilities per ranking."""
        ranked = 1 if n_classes == 2 else n_classes
        ranking = Ranking(capacity or max(DISTINCT // ranked, FEWEST))
        square = (n_classes, n_classes)
        counts = np.zeros(square, dtype=np.int64)
        return cls(counts, np.zeros(square), 0.0, np.zeros(BINS), (ranking,) * ranked)

    @property
    def rows(self) -> int:
        """The number of rows, those of weight 0 among them."""
        return int(self.counts.sum())

    def add(
        self,
        y_true: Indices,
        probabilities: NDArray[np.floating[Any]],
        sample_weight: Floats | None = None,
    ) -> MetricAccumulator:
        """Return the accumulator with more rows: class indices (rows,), probabilities (rows, classes).

        >>> accumulator = MetricAccumulator.empty(2).add(np.array([0]), np.array([[0.9, 0.1]]))
        >>> accumulator.add(np.array([1]), np.array([[0.6, 0.4]])).counts.tolist()
        [[1, 0], [1, 0]]
        """
        checked_weights = (
            None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        )
        _check(y_true, probabilities, checked_weights, len(self.counts))
        weights = np.ones(len(y_true)) if checked_weights is None else checked_weights
        accumulator, size = self, max(SLICE // len(self.counts), 1)
        for start in range(0, len(y_true), size):
            part = slice(start, start + size)
            unit = _unit_of(weights[part], accumulator.unit)
            scaled = np.ldexp(weights[part], -unit) if unit else weights[part]
            added = _of_slice(y_true[part], _shares(probabilities[part]), scaled, self.rankings)
            accumulator = accumulator.merge(replace(added, unit=unit))
        return accumulator

    def merge(self, other: MetricAccumulator) -> MetricAccumulator:
        """Return the accumulator of the rows of both."""
        units = [accumulator.unit for accumulator in (self, other) if accumulator.unit is not None]
        unit = max(units, default=None)
        a, b = self._in(unit), other._in(unit)
        return MetricAccumulator(
            a.counts + b.counts,
            a.weights + b.weights,
            a.loss + b.loss,
            a.gaps + b.gaps,
            tuple(
                first.merge(second) for first, second in zip(a.rankings, b.rankings, strict=True)
            ),
            unit,
        )

    def _in(self, unit: int | None) -> MetricAccumulator:
        """Return the accumulator with its weights in another unit."""
        if self.unit is None or unit is None or self.unit == unit:
            return self
        factor = float(np.ldexp(1.0, self.unit - unit))
        return MetricAccumulator(
            self.counts,
            self.weights * factor,
            self.loss * factor,
            self.gaps * factor,
            tuple(ranking.times(factor) for ranking in self.rankings),
            unit,
        )

    def auc(self) -> Area | None:
        """Return the mean area under the ROC curve; None if a class has no weight, or all of it.

        Its error is the mean of the bounds that `Ranking.area` returns: 0 while all distinct
        probabilities are stored. The bound holds for any rows.
        """
        areas = [area for ranking in self.rankings if (area := ranking.area()) is not None]
        if len(areas) < len(self.rankings):
            return None
        values, errors = zip(*areas, strict=True)
        return Area(float(np.mean(values)), float(np.mean(errors)))

    def figures(self, classes: NDArray[Any]) -> Evaluation:
        """Return the metrics; 0 / 0 is 0, as in scikit-learn."""
        total = float(self.weights.sum())
        if not self.rows:
            raise DataError("there are no rows to evaluate", "at least one labelled row")
        if total == 0:
            raise DataError("the weight of every row to evaluate is 0", "one above 0")
        support = self.counts.sum(axis=1)
        correct, predicted, true = self.weights.diagonal(), self.weights.sum(0), self.weights.sum(1)
        precision, recall = _ratios(correct, predicted), _ratios(correct, true)
        f1 = _ratios(2 * correct, predicted + true)
        area = self.auc()
        return Evaluation(
            rows=self.rows,
            log_loss=self.loss / total,
            accuracy=float(correct.sum()) / total,
            balanced_accuracy=float(recall[support > 0].mean()),
            auc=None if area is None else area.value,
            calibration_error=float(np.abs(self.gaps).sum()) / total,
            confusion=tuple(tuple(int(count) for count in row) for row in self.counts),
            classes=tuple(
                ClassFigures(str(label), float(p), float(r), float(f), int(n))
                for label, p, r, f, n in zip(classes, precision, recall, f1, support, strict=True)
            ),
        )


def evaluate(
    classes: NDArray[Any],
    y_true: Indices,
    probabilities: NDArray[np.floating[Any]],
    sample_weight: Floats | None = None,
) -> Evaluation:
    """Return the metrics of probabilities (rows, classes) for true class indices (rows,).

    Weights enter every mean; the confusion matrix and the supports count rows. The AUC is exact
    up to 2**20 distinct probabilities, then to about 1e-6 (`MetricAccumulator.auc` gives the bound).

    >>> p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> figures = evaluate(np.array(["no", "yes"]), np.array([0, 1, 1]), p)
    >>> round(figures.accuracy, 3), figures.confusion
    (0.667, ((1, 0), (1, 1)))
    """
    return (
        MetricAccumulator.empty(len(classes))
        .add(y_true, probabilities, sample_weight)
        .figures(classes)
    )


def calibration_error(
    y_true: Indices, probabilities: Floats, sample_weight: Floats | None = None
) -> float:
    """Return the expected calibration error, Σ_b w_b |accuracy_b − confidence_b|.

    Rows are put into 15 equal-width bins by their confidence, the largest probability; w_b is a
    bin's share of the weight (Naeini et al., 2015).

    >>> p = np.array([[0.75, 0.25]] * 4)
    >>> calibration_error(np.array([0, 0, 0, 1]), p)
    0.0
    >>> calibration_error(np.array([0, 0, 0, 0]), p)
    0.25
    """
    weights = np.ones(len(y_true)) if sample_weight is None else np.asarray(sample_weight)
    gaps = _gaps(probabilities.argmax(axis=1) == y_true, probabilities.max(axis=1), weights)
    return float(np.abs(gaps).sum() / weights.sum())


def _unit_of(weights: Floats, before: int | None) -> int | None:
    """Return the exponent of the power of two by which weights are divided: the previous one if possible.

    >>> [_unit_of(np.array(some), before=3) for some in ([0.0], [7e9], [1e300])]
    [3, 3, 997]
    """
    largest = weights.max(initial=0.0)
    if not largest > 0:
        return before
    exponent = int(np.frexp(largest)[1])
    return exponent if before is None or exponent > before + UNIT_DISTANCE else before


def _gaps(correct: NDArray[np.bool_], confidence: Floats, weights: Floats) -> Floats:
    """Return Σ w (correct − confidence) in each bin of the confidence."""
    bins = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
    return _sums(bins, weights * (correct - confidence), BINS)


def _sums(places: Indices, weights: Floats, size: int) -> Floats:
    """Return the sum of the weights at each of `size` indices."""
    return np.bincount(places, weights, minlength=size).astype(np.float64)


def _check(
    y_true: Indices,
    probabilities: NDArray[np.floating[Any]],
    weights: Floats | None,
    n_classes: int,
) -> None:
    """Refuse arrays whose shapes do not match, invalid class indices and invalid weights."""
    expected = (len(y_true), n_classes)
    if probabilities.shape != expected or (weights is not None and weights.shape != expected[:1]):
        problem = f"probabilities of shape {probabilities.shape}"
        weights_text = "" if weights is None else f" and weights of shape {weights.shape}"
        raise DataError(problem + weights_text, f"{expected[0]} rows of {expected[1]} classes")
    if len(y_true) and not (y_true.min() >= 0 and y_true.max() < n_classes):
        raise DataError("a label is no class", f"class indices from 0 to {n_classes - 1}")
    if weights is not None and not (np.isfinite(weights) & (weights >= 0)).all():
        raise DataError("a weight is negative or not finite", "weights of at least 0")


def _shares(probabilities: NDArray[np.floating[Any]]) -> Floats:
    """Return probabilities in float64, each divided by the sum of its row."""
    # Means of float32 probabilities sum to one only up to 1e-7.
    shares = np.asarray(probabilities, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = shares / shares.sum(axis=1, keepdims=True)
    if not shares.min() >= 0:
        raise DataError("probabilities are negative or not finite", "numbers of at least 0")
    return shares


def _of_slice(
    y_true: Indices, shares: Floats, sample_weight: Floats | None, like: tuple[Ranking, ...]
) -> MetricAccumulator:
    """Return the accumulator of a chunk of rows, with rankings of the same capacity as those given."""
    n_classes = shares.shape[1]
    weights = np.ones(len(y_true)) if sample_weight is None else sample_weight
    winners = shares.argmax(axis=1)
    cells, size = y_true.astype(np.intp) * n_classes + winners, n_classes**2
    rows = np.arange(len(y_true))
    likelihood = np.clip(shares[rows, y_true], LOWEST, 1 - LOWEST)
    return MetricAccumulator(
        np.bincount(cells, minlength=size).reshape(n_classes, n_classes),
        _sums(cells, weights, size).reshape(n_classes, n_classes),
        -float((weights * np.log(likelihood)).sum()),
        _gaps(winners == y_true, shares[rows, winners], weights),
        tuple(
            Ranking.of(shares[:, k], y_true == k, weights, ranking.capacity)
            for k, ranking in enumerate(like, start=int(n_classes == 2))
        ),
    )


def _ratios(numerators: Floats, denominators: Floats) -> Floats:
    """Return parts / wholes; 0 where the whole is 0."""
    return np.divide(
        numerators, denominators, out=np.zeros(len(numerators)), where=denominators > 0
    )
