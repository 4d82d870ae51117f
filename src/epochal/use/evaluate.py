"""How good are probabilities? Labels and probabilities go in, figures come out.

The metrics are scikit-learn's wherever it has them; the calibration error is ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
)

from epochal.errors import DataError
from epochal.records import ClassFigures, Evaluation

BINS = 15

Floats = NDArray[np.float64]
Indices = NDArray[np.integer[Any]]


def evaluate(
    classes: NDArray[Any],
    truth: Indices,
    probabilities: NDArray[np.floating[Any]],
    sample_weight: Floats | None = None,
) -> Evaluation:
    """Return the figures of probabilities (rows, classes) against true class indices (rows,).

    Weights enter every mean; the confusion matrix and the supports count rows.

    >>> p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> figures = evaluate(np.array(["no", "yes"]), np.array([0, 1, 1]), p)
    >>> round(figures.accuracy, 3), figures.confusion
    (0.667, ((1, 0), (1, 1)))
    """
    if len(truth) == 0:
        raise DataError("there are no rows to evaluate", "at least one labelled row")
    columns = np.arange(len(classes))
    # Averages of float32 sum to one only to 1e-7, which scikit-learn warns about.
    shares = np.asarray(probabilities, dtype=np.float64)
    shares = shares / shares.sum(axis=1, keepdims=True)
    winners = shares.argmax(axis=1)
    counts = confusion_matrix(truth, winners, labels=columns)
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, winners, labels=columns, sample_weight=sample_weight, zero_division=0.0
    )
    support = counts.sum(axis=1)
    return Evaluation(
        rows=len(truth),
        log_loss=float(log_loss(truth, shares, labels=columns, sample_weight=sample_weight)),
        accuracy=float(np.average(winners == truth, weights=sample_weight)),
        balanced_accuracy=float(recall[support > 0].mean()),
        auc=_auc(truth, shares, sample_weight),
        calibration_error=calibration_error(truth, shares, sample_weight),
        confusion=tuple(tuple(int(count) for count in row) for row in counts),
        classes=tuple(
            ClassFigures(str(label), float(p), float(r), float(f), int(n))
            for label, p, r, f, n in zip(classes, precision, recall, f1, support, strict=True)
        ),
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
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
    gaps = np.bincount(bins, weights=weights * (right - confidence), minlength=BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def _auc(truth: Indices, probabilities: Floats, sample_weight: Floats | None) -> float | None:
    """Return the area under the ROC curve, or None where a class has no rows, or all of them."""
    n_classes = probabilities.shape[1]
    present = np.unique(truth)
    if len(present) < n_classes:
        return None
    ranked = range(1, 2) if n_classes == 2 else range(n_classes)
    areas = [
        roc_auc_score(truth == k, probabilities[:, k], sample_weight=sample_weight) for k in ranked
    ]
    return float(np.mean(areas))
