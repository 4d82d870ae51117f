"""Out-of-bag predictions and scores: of each row by members that did not train on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.inference.routes import SMALL, logits, work
from epochal.nn.layers import outputs
from epochal.records import OutOfBag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.loader.batches import RowSource
    from epochal.nn.layers import Layers
    from epochal.nn.objective import Objective

CHUNK = 65_536  # rows at a time


class OutOfBagLogits(NamedTuple):
    """Out-of-bag logits of one member: row numbers, and logits (rows, classes)."""

    rows: np.ndarray
    logits: np.ndarray


def oob_logits_of(
    layers: Layers, rows: np.ndarray, source: RowSource, activation: str
) -> OutOfBagLogits:
    """Return a member's logits of the rows with these numbers."""
    large = work([layers], len(rows)) > SMALL
    classes = outputs(layers)
    chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    logits_of_rows = [
        logits(layers, source.take(chunk), activation, large=large) for chunk in chunks
    ]
    return OutOfBagLogits(
        rows, np.concatenate([np.zeros((0, classes), np.float32), *logits_of_rows])
    )


def oob_mean_probabilities(
    oob_logits: Sequence[OutOfBagLogits],
    weights: Sequence[float] | np.ndarray,
    rows: int,
    inverse_temperature: Sequence[float] | np.ndarray,
    objective: Objective,
) -> np.ndarray:
    """Return the weighted mean probabilities of each row, over the members that cover it.

    Args:
        oob_logits: of the members.
        weights: of the members.
        rows: the number of rows.
        inverse_temperature: of the members.
        objective: turns logits into predictions.

    Returns:
        Shape (rows, classes); NaN for a row that no member covers.
    """
    total = np.zeros((rows, oob_logits[0].logits.shape[1]))
    coverage = np.zeros(rows)
    for (numbers, logits_of_rows), weight, factor in zip(
        oob_logits, weights, inverse_temperature, strict=True
    ):
        total[numbers] += weight * objective.predictions(np.float64(factor) * logits_of_rows)
        coverage[numbers] += weight
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / coverage[:, None]


def scores(
    probabilities: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray,
    objective: Objective,
    *,
    optimistic: bool,
    expected: float | None = None,
) -> OutOfBag | None:
    """Return the weighted scores over the rows that have probabilities; None if none has.

    Args:
        probabilities: shape (rows, classes); NaN for rows without.
        labels: class numbers, shape (rows,).
        weight: of the rows, shape (rows,).
        objective: computes the scores.
        optimistic: whether an earlier training may have seen the rows.
        expected: the expected log-loss of the whole ensemble.
    """
    covered = np.isfinite(probabilities).all(axis=1) & (weight > 0)
    if not covered.any():
        return None
    found = objective.scores(probabilities[covered], labels[covered], weight[covered])
    return OutOfBag(
        rows=int(covered.sum()),
        accuracy=found.accuracy,
        log_loss=found.log_loss,
        optimistic=optimistic,
        expected_log_loss=expected,
    )
