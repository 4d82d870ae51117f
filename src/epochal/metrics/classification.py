"""How good are probabilities? Labels and probabilities go in, figures come out.

Rows may come piece by piece: what is kept of them does not grow with their number. The metrics
are scikit-learn's, as sums; the calibration error is ours.
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
# Distinct probabilities to which those of all classes are brought for the AUC: at 24 bytes each,
# and held in runs of at most twice as many, 50 MB; and the fewest for each of very many classes.
DISTINCT, FEWEST = 2**20, 2**12
# Probabilities that are counted at a time.
SLICE = 2**21
# Weights 2^FAR times as large as the first ones are added to them in one unit.
FAR = 500
# The log-loss takes no probability for lower, as in scikit-learn.
LOWEST = float(np.finfo(np.float64).eps)

Floats = NDArray[np.float64]
Indices = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class MetricAccumulator:
    """What the figures of an evaluation are computed from: sums over rows, and their ranking.

    `counts[i, j]` are the rows of class i that were predicted as class j, `weights[i, j]` their
    weight; `loss` is −Σ w log p of the true classes, in nats; `gaps` is Σ w (right − confidence) in
    each bin of the winning probability; `rankings` are of the second class of two, or of each.
    All weights are divided by 2^`unit`, so that sums of enormous ones are numbers; None before the
    first.
    """

    counts: NDArray[np.int64]
    weights: Floats
    loss: float
    gaps: Floats
    rankings: tuple[Ranking, ...]
    unit: int | None = None

    @classmethod
    def nothing(cls, n_classes: int, capacity: int | None = None) -> MetricAccumulator:
        """Return the tally of no rows, with room for so many distinct probabilities per ranking."""
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
        truth: Indices,
        probabilities: NDArray[np.floating[Any]],
        sample_weight: Floats | None = None,
    ) -> MetricAccumulator:
        """Return the tally with more rows: class indices (rows,), probabilities (rows, classes).

        >>> accumulator = MetricAccumulator.nothing(2).add(np.array([0]), np.array([[0.9, 0.1]]))
        >>> accumulator.add(np.array([1]), np.array([[0.6, 0.4]])).counts.tolist()
        [[1, 0], [1, 0]]
        """
        given = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        _check(truth, probabilities, given, len(self.counts))
        weights = np.ones(len(truth)) if given is None else given
        accumulator, size = self, max(SLICE // len(self.counts), 1)
        for start in range(0, len(truth), size):
            part = slice(start, start + size)
            unit = _unit_of(weights[part], accumulator.unit)
            some = np.ldexp(weights[part], -unit) if unit else weights[part]
            more = _of_slice(truth[part], _shares(probabilities[part]), some, self.rankings)
            accumulator = accumulator.merge(replace(more, unit=unit))
        return accumulator

    def merge(self, other: MetricAccumulator) -> MetricAccumulator:
        """Return the tally of the rows of both."""
        units = [accumulator.unit for accumulator in (self, other) if accumulator.unit is not None]
        unit = max(units, default=None)
        a, b = self._in(unit), other._in(unit)
        return MetricAccumulator(
            a.counts + b.counts,
            a.weights + b.weights,
            a.loss + b.loss,
            a.gaps + b.gaps,
            tuple(mine.merge(its) for mine, its in zip(a.rankings, b.rankings, strict=True)),
            unit,
        )

    def _in(self, unit: int | None) -> MetricAccumulator:
        """Return the tally with its weights in another unit."""
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

        Its error, 0 while every distinct probability is kept, is the mean of the bounds that
        `Ranking.area` gives: it holds for the rows at hand, whatever they are.
        """
        areas = [area for ranking in self.rankings if (area := ranking.area()) is not None]
        if len(areas) < len(self.rankings):
            return None
        values, errors = zip(*areas, strict=True)
        return Area(float(np.mean(values)), float(np.mean(errors)))

    def figures(self, classes: NDArray[Any]) -> Evaluation:
        """Return the figures; a ratio of nothing to nothing is 0, as in scikit-learn."""
        total = float(self.weights.sum())
        if not self.rows:
            raise DataError("there are no rows to evaluate", "at least one labelled row")
        if total == 0:
            raise DataError("the weight of every row to evaluate is 0", "one above 0")
        support = self.counts.sum(axis=1)
        right, said, true = self.weights.diagonal(), self.weights.sum(0), self.weights.sum(1)
        precision, recall = _ratios(right, said), _ratios(right, true)
        f1 = _ratios(2 * right, said + true)
        area = self.auc()
        return Evaluation(
            rows=self.rows,
            log_loss=self.loss / total,
            accuracy=float(right.sum()) / total,
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
    truth: Indices,
    probabilities: NDArray[np.floating[Any]],
    sample_weight: Floats | None = None,
) -> Evaluation:
    """Return the figures of probabilities (rows, classes) against true class indices (rows,).

    Weights enter every mean; the confusion matrix and the supports count rows. The AUC is exact
    up to 2**20 distinct probabilities, then to about 1e-6 (`MetricAccumulator.auc` gives the bound).

    >>> p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> figures = evaluate(np.array(["no", "yes"]), np.array([0, 1, 1]), p)
    >>> round(figures.accuracy, 3), figures.confusion
    (0.667, ((1, 0), (1, 1)))
    """
    return (
        MetricAccumulator.nothing(len(classes))
        .add(truth, probabilities, sample_weight)
        .figures(classes)
    )


def calibration_error(
    truth: Indices, probabilities: Floats, sample_weight: Floats | None = None
) -> float:
    """Return the expected calibration error, Σ_b w_b |accuracy_b − confidence_b|.

    Rows are put into 15 equal-width bins by the probability of the class that
    wins; w_b is a bin's share of the weight (Naeini et al., 2015).

    >>> p = np.array([[0.75, 0.25]] * 4)
    >>> calibration_error(np.array([0, 0, 0, 1]), p)
    0.0
    >>> calibration_error(np.array([0, 0, 0, 0]), p)
    0.25
    """
    weights = np.ones(len(truth)) if sample_weight is None else np.asarray(sample_weight)
    gaps = _gaps(probabilities.argmax(axis=1) == truth, probabilities.max(axis=1), weights)
    return float(np.abs(gaps).sum() / weights.sum())


def _unit_of(weights: Floats, before: int | None) -> int | None:
    """Return the exponent of the power of two that weights are divided by: that of those before, if it does.

    >>> [_unit_of(np.array(some), before=3) for some in ([0.0], [7e9], [1e300])]
    [3, 3, 997]
    """
    largest = weights.max(initial=0.0)
    if not largest > 0:
        return before
    exponent = int(np.frexp(largest)[1])
    return exponent if before is None or exponent > before + FAR else before


def _gaps(right: NDArray[np.bool_], confidence: Floats, weights: Floats) -> Floats:
    """Return Σ w (right − confidence) in each bin of the confidence."""
    bins = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
    return _sums(bins, weights * (right - confidence), BINS)


def _sums(places: Indices, weights: Floats, size: int) -> Floats:
    """Return the sum of the weights at each of so many places."""
    return np.bincount(places, weights, minlength=size).astype(np.float64)


def _check(
    truth: Indices,
    probabilities: NDArray[np.floating[Any]],
    weights: Floats | None,
    n_classes: int,
) -> None:
    """Refuse what does not belong together, and what is no class or weight."""
    expected = (len(truth), n_classes)
    if probabilities.shape != expected or (weights is not None and weights.shape != expected[:1]):
        problem = f"probabilities of shape {probabilities.shape}"
        more = "" if weights is None else f" and weights of shape {weights.shape}"
        raise DataError(problem + more, f"{expected[0]} rows of {expected[1]} classes")
    if len(truth) and not (truth.min() >= 0 and truth.max() < n_classes):
        raise DataError("a label is no class", f"class indices from 0 to {n_classes - 1}")
    if weights is not None and not (np.isfinite(weights) & (weights >= 0)).all():
        raise DataError("a weight is negative or not finite", "weights of at least 0")


def _shares(probabilities: NDArray[np.floating[Any]]) -> Floats:
    """Return probabilities in float64, each divided by the sum of its row."""
    # Averages of float32 sum to one only to 1e-7.
    shares = np.asarray(probabilities, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = shares / shares.sum(axis=1, keepdims=True)
    if not shares.min() >= 0:
        raise DataError("probabilities are negative or not finite", "numbers of at least 0")
    return shares


def _of_slice(
    truth: Indices, shares: Floats, sample_weight: Floats | None, like: tuple[Ranking, ...]
) -> MetricAccumulator:
    """Return the tally of few rows, with as much room in its rankings as those of another."""
    n_classes = shares.shape[1]
    weights = np.ones(len(truth)) if sample_weight is None else sample_weight
    winners = shares.argmax(axis=1)
    cells, size = truth.astype(np.intp) * n_classes + winners, n_classes**2
    rows = np.arange(len(truth))
    likelihood = np.clip(shares[rows, truth], LOWEST, 1 - LOWEST)
    return MetricAccumulator(
        np.bincount(cells, minlength=size).reshape(n_classes, n_classes),
        _sums(cells, weights, size).reshape(n_classes, n_classes),
        -float((weights * np.log(likelihood)).sum()),
        _gaps(winners == truth, shares[rows, winners], weights),
        tuple(
            Ranking.of(shares[:, k], truth == k, weights, ranking.capacity)
            for k, ranking in enumerate(like, start=int(n_classes == 2))
        ),
    )


def _ratios(parts: Floats, wholes: Floats) -> Floats:
    """Return parts / wholes; 0 where the whole is 0."""
    return np.divide(parts, wholes, out=np.zeros(len(parts)), where=wholes > 0)
