"""What members say of the rows they did not train on: honest without a test set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from epochal.records import OutOfBag
from epochal.use.predict import SMALL, probabilities, work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.data.bags import Bags
    from epochal.data.batches import RowSource
    from epochal.learn.network import Layers

CHUNK = 65_536  # rows at a time


def left_out_probabilities(
    members: Sequence[Layers], bags: Bags, source: RowSource, activation: str
) -> np.ndarray:
    """Return the mean probabilities over the members that left a row out.

    Shape (rows, classes); NaN for a row that every member trained on.
    """
    total = np.zeros((source.n_rows, members[0][-1].bias.size))
    voters = np.zeros(source.n_rows)
    large = work(members[:1], source.n_rows) > SMALL
    for number, layers in enumerate(members):
        rows = bags.left_out(number)
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            x = source.take(chunk)
            total[chunk] += probabilities([layers], x, activation, large=large)
        voters[rows] += 1
    with np.errstate(invalid="ignore"):
        return total / voters[:, None]


def scores(
    probabilities: np.ndarray, labels: np.ndarray, weight: np.ndarray, *, optimistic: bool
) -> OutOfBag | None:
    """Return the weighted scores over the rows that have probabilities; None if none has.

    Args:
        probabilities: shape (rows, classes), NaN where there is none.
        labels: class numbers, shape (rows,).
        weight: of the rows, shape (rows,).
        optimistic: whether the same rows chose the stopping epoch.
    """
    judged = np.isfinite(probabilities).all(axis=1) & (weight > 0)
    if not judged.any():
        return None
    p, y, w = probabilities[judged], labels[judged], weight[judged]
    of_truth = np.maximum(p[np.arange(len(y)), y], np.finfo(np.float64).tiny)
    return OutOfBag(
        rows=int(judged.sum()),
        accuracy=float(np.average(p.argmax(axis=1) == y, weights=w)),
        log_loss=float(np.average(-np.log(of_truth), weights=w)),
        optimistic=optimistic,
    )
