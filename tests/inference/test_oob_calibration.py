"""Opinions of rows left out: by members that left them out, whoever judged them."""

import numpy as np
import pytest

from epochal.config.presets import PRESETS
from epochal.config.resolution import resolved
from epochal.config.settings import validated
from epochal.inference.oob_calibration import OutOfBagInputs, calibrated_on_oob, prior_of
from epochal.loader.batches import ArraySource
from epochal.loader.encode import Encoded, RowMetadata
from epochal.loader.memory_items import Shares
from epochal.loader.validation_rows import oob_validation_set
from epochal.nn.layers import Layer
from epochal.records import Calibration
from epochal.splitting.bagging import bags_for
from epochal.training.loop import Trained

X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
POOL = Encoded(ArraySource(X), RowMetadata((X[:, 0] > 0).astype(np.int32), np.ones(60)))
OWN = {"n_estimators": 3, "n_folds": 3, "embedding_size": None, "n_bins": 8}
SETTINGS = resolved(validated(PRESETS["default"], OWN), rows=60, columns=2)
LAYERS = [
    (Layer(weights.astype(np.float32), np.zeros(2, np.float32)),)
    for weights in np.random.default_rng(1).normal(size=(3, 2, 2))
]


def logits(member, rows):
    """Return a member's logits of rows."""
    return X[rows] @ LAYERS[member][0].weights


def test_rows_are_spoken_of_by_members_that_left_them_out():
    """Logits from the training and logits computed afterwards are the same."""
    bags = bags_for(SETTINGS, POOL.metadata.labels, 0)
    validation_set = oob_validation_set(POOL, bags, Shares())
    said = [logits(member, validation_set.of(member)) for member in range(3)]
    then = Trained(LAYERS, None, None, said)
    now = Trained(LAYERS, None, None, None)

    calibration, while_training = calibrated_on_oob(
        then, SETTINGS, bags, OutOfBagInputs(POOL, validation_set, Shares(), None), None
    )
    same, afterwards = calibrated_on_oob(
        now, SETTINGS, bags, OutOfBagInputs(POOL, None, Shares(), None), None
    )

    np.testing.assert_allclose(while_training.mean, afterwards.mean, atol=1e-6)
    np.testing.assert_allclose(calibration.inverse_temperature, same.inverse_temperature, rtol=1e-4)
    assert while_training.rows.tolist() == list(range(60))
    row = bags.oob_rows(1)[0]
    sharp = np.exp(calibration.inverse_temperature[1] * logits(1, [row])[0])
    np.testing.assert_allclose(while_training.mean[row], sharp / sharp.sum(), rtol=1e-5)


@pytest.mark.parametrize("earlier", [None, Calibration((2.0,) * 3, (1 / 3,) * 3, 1.1)])
def test_where_nobody_can_be_asked_the_calibration_stays(earlier):
    """Without out-of-bag rows there are no predictions, and the earlier calibration, or none, stays."""
    settings = validated(SETTINGS, {"bagging": None})
    bags = bags_for(settings, POOL.metadata.labels, 0)
    calibration, said = calibrated_on_oob(
        Trained(LAYERS, None, None, None),
        settings,
        bags,
        OutOfBagInputs(POOL, None, Shares(), None),
        earlier,
    )

    assert said is None
    assert calibration == (earlier or Calibration.none(3))


def test_with_few_rows_no_class_is_impossible():
    """Out-of-bag probabilities have the prior, too; without calibration there is none."""
    bags = bags_for(SETTINGS, POOL.metadata.labels, 0)
    trained = Trained(LAYERS, None, None, None)
    few = OutOfBagInputs(POOL, None, Shares(), None, few_rows=True)
    calibration, found = calibrated_on_oob(trained, SETTINGS, bags, few, None)
    _, many = calibrated_on_oob(trained, SETTINGS, bags, few._replace(few_rows=False), None)
    uncalibrated, _ = calibrated_on_oob(
        trained, validated(SETTINGS, {"calibrate": False}), bags, few, None
    )

    shares = np.bincount(POOL.metadata.labels) / 60
    np.testing.assert_allclose(calibration.prior, 0.5 / 61 * shares)
    np.testing.assert_allclose(found.mean, (1 - 0.5 / 61) * many.mean + 0.5 / 61 * shares)
    assert uncalibrated.prior == ()


def test_rows_without_weight_are_no_evidence():
    """The prior is that of the rows that count; weights decide the shares only."""
    labels, weight = np.array([0, 1, 1, 0, 0]), np.array([3.0, 1.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(prior_of(labels, weight, 3), np.array([0.75, 0.25, 0]) / 6)
