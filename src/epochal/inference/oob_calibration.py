"""Out-of-bag predictions after a training, and the calibration that is fitted on them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.inference.calibration import calibrated, expected_loss
from epochal.inference.oob import OutOfBagLogits, oob_logits_of, oob_mean_probabilities
from epochal.inference.predict import with_prior
from epochal.loader.batches import LazySource
from epochal.loader.validation_rows import ValidationSet, oob_validation_set
from epochal.nn.layers import variant_of
from epochal.nn.objective import OBJECTIVES
from epochal.preprocessing.byte_scaling import scaled
from epochal.records import Calibration

if TYPE_CHECKING:
    from epochal.config.settings import Settings
    from epochal.loader.encode import Encoded
    from epochal.loader.memory_items import Shares
    from epochal.preprocessing.byte_scaling import Scaling
    from epochal.splitting.bagging import Bags
    from epochal.training.loop import Trained


class OutOfBagInputs(NamedTuple):
    """The rows: all training rows, the validation set, the memory for validation rows; and whether rows are few.

    If they are, the probabilities of classes have a prior.
    """

    pool: Encoded
    validation_set: ValidationSet | None
    shares: Shares
    scaling: Scaling | None  # of rows that are bytes
    few_rows: bool = False


class OutOfBagPredictions(NamedTuple):
    """Out-of-bag probabilities of rows, and the expected log-loss of the whole ensemble.

    `rows` are their numbers among the training rows.
    """

    mean: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    weight: np.ndarray
    expected: float | None


def calibrated_on_oob(
    trained: Trained,
    settings: Settings,
    bags: Bags,
    inputs: OutOfBagInputs,
    earlier: Calibration | None,
) -> tuple[Calibration, OutOfBagPredictions | None]:
    """Return the calibration, and the out-of-bag predictions; None if there are no out-of-bag rows.

    `earlier` is the calibration of the fit that this one continues; it stays if no rows can calibrate.
    """
    validation_set = inputs.validation_set
    plain = earlier or Calibration.none(len(trained.layers))
    if bags.has_oob and (validation_set is None or validation_set.oob_rows is None):
        # The members were validated on other rows or on none: predict out-of-bag rows now.
        validation_set = oob_validation_set(inputs.pool, bags, inputs.shares)
        x, scaling = validation_set.x, inputs.scaling
        source = LazySource(len(x), x.shape[1], lambda rows: scaled(x[rows], scaling))
        oob_logits = [
            oob_logits_of(layers, validation_set.of(member), source, settings.activation)
            for member, layers in enumerate(trained.layers)
        ]
    elif (
        validation_set is not None
        and trained.cross_fit_logits is not None
        and (bags.has_oob or settings.calibrate)
    ):
        oob_logits = [
            OutOfBagLogits(validation_set.of(member), oob_logits)
            for member, oob_logits in enumerate(trained.cross_fit_logits)
        ]
    else:
        return plain, None
    labels, weight = validation_set.y, validation_set.weights
    if bags.has_oob:
        oob_logits = [_without_training_rows(one, len(labels)) for one in oob_logits]
    variants = np.array([variant_of(layers) for layers in trained.layers])
    objective = OBJECTIVES[settings.loss]
    calibration = plain
    if settings.calibrate:
        calibration = calibrated(oob_logits, variants, labels, weight, objective)
        if inputs.few_rows:
            prior = prior_of(labels, weight, oob_logits[0].logits.shape[1])
            calibration = replace(calibration, prior=prior)
    if validation_set.oob_rows is None:
        return calibration, None
    mean = oob_mean_probabilities(
        oob_logits, calibration.weights, len(labels), calibration.inverse_temperature, objective
    )
    mean = with_prior(mean, calibration.prior)
    expected = (
        expected_loss(oob_logits, calibration, labels, weight, objective)
        if settings.calibrate
        else None
    )
    return calibration, OutOfBagPredictions(mean, validation_set.oob_rows, labels, weight, expected)


def prior_of(labels: np.ndarray, weight: np.ndarray, classes: int) -> tuple[float, ...]:
    """Return the prior of each class: its share, times half a row among all rows and one.

    Members that are right about all of n rows may be sure of everything, but that no other row is an
    exception cannot be known from n rows. By Jeffreys' prior the probability of an exception is then

        0.5 / (n + 1).

    >>> print(np.round(prior_of(np.array([0, 0, 0, 1]), np.ones(4), classes=2), 3))
    [0.075 0.025]
    """
    shares = np.bincount(labels, weight, minlength=classes)
    rows = np.count_nonzero(weight)
    return tuple((0.5 / (rows + 1) * shares / shares.sum()).tolist())


def _without_training_rows(one: OutOfBagLogits, rows: int) -> OutOfBagLogits:
    """Return the logits; none of a member without out-of-bag rows, which was validated on all rows."""
    return OutOfBagLogits(one.rows[:0], one.logits[:0]) if len(one.rows) == rows else one
