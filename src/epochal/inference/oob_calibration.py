"""What members say of rows that they left out, and what follows from it: how sure the whole should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.inference.calibration import calibrated, expected_loss
from epochal.inference.oob import Opinion, mean_opinion, opinion
from epochal.loader.batches import LazySource
from epochal.loader.validation_rows import Judges, own
from epochal.preprocessing.byte_scaling import scaled
from epochal.records import Calibration
from epochal.training.init import kind_of

if TYPE_CHECKING:
    from epochal.config.settings import Settings
    from epochal.loader.encode import Encoded
    from epochal.loader.memory import Memory
    from epochal.preprocessing.byte_scaling import Scaling
    from epochal.splitting.bagging import Bags
    from epochal.training.loop import Trained


class Asked(NamedTuple):
    """Who can be asked of which rows: all that train, those that judged, and how many fit."""

    pool: Encoded
    judges: Judges | None
    memory: Memory
    scaling: Scaling | None  # of rows that are bytes


class Opinions(NamedTuple):
    """Mean probabilities of rows that members left out, and the log-loss to expect of the whole.

    `rows` are their numbers among those that were trained on.
    """

    mean: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    weight: np.ndarray
    expected: float | None


def opinions(
    trained: Trained, settings: Settings, bags: Bags, asked: Asked, earlier: Calibration | None
) -> tuple[Calibration, Opinions | None]:
    """Return the calibration, and what members say of rows that they left out, if they did.

    `earlier` is the calibration of a fit that this one goes on from: what holds
    where nobody can be asked.
    """
    judges = asked.judges
    plain = earlier or Calibration.none(len(trained.layers))
    if bags.leaves_out and (judges is None or judges.left_out is None):
        # Others have judged, or nobody: those that were left out are asked now.
        judges = own(asked.pool, bags, asked.memory.judging)
        x, scaling = judges.x, asked.scaling
        source = LazySource(len(x), x.shape[1], lambda rows: scaled(x[rows], scaling))
        said = [
            opinion(layers, judges.of(member), source, settings.activation)
            for member, layers in enumerate(trained.layers)
        ]
    elif (
        judges is not None and trained.said is not None and (bags.leaves_out or settings.calibrate)
    ):
        said = [Opinion(judges.of(member), said) for member, said in enumerate(trained.said)]
    else:
        return plain, None
    labels, weight = judges.y, judges.weights
    if bags.leaves_out:
        said = [_own(one, len(labels)) for one in said]
    kinds = np.array([kind_of(layers) for layers in trained.layers])
    calibration = calibrated(said, kinds, labels, weight) if settings.calibrate else plain
    if judges.left_out is None:
        return calibration, None
    mean = mean_opinion(said, calibration.weights, len(labels), calibration.sharpness)
    expected = expected_loss(said, calibration, labels, weight) if settings.calibrate else None
    return calibration, Opinions(mean, judges.left_out, labels, weight, expected)


def _own(one: Opinion, rows: int) -> Opinion:
    """Return an opinion of rows left out: who left out none was judged by all, and has none."""
    return Opinion(one.rows[:0], one.logits[:0]) if len(one.rows) == rows else one
