"""Calibration: factors that are found again, and members that are weighed."""

import numpy as np
import pytest

from epochal.inference.calibration import (
    EXPONENT,
    calibrated,
    expected_loss,
    fit_inverse_temperature,
)
from epochal.inference.oob import OutOfBagLogits
from epochal.nn.losses import softmax
from epochal.nn.objective import OBJECTIVES
from epochal.records import Calibration

ROWS = 6000
OBJECTIVE = OBJECTIVES["cross_entropy"]


def labelled(logits):
    """Return labels drawn from the probabilities of logits."""
    draws = np.random.default_rng(0).uniform(size=(len(logits), 1))
    return (draws > softmax(logits).cumsum(axis=1)).sum(axis=1)


def test_a_factor_that_was_put_in_is_found(rng):
    """Logits that are three times too large are divided by three."""
    logits = rng.normal(size=(ROWS, 3))
    found = fit_inverse_temperature(3.0 * logits, labelled(logits), np.ones(ROWS), OBJECTIVE)

    assert found == pytest.approx(1 / 3, rel=0.1)


def test_few_rows_move_little(rng):
    """With very few rows a factor stays near its prior."""
    logits = rng.normal(size=(5, 3))

    assert fit_inverse_temperature(
        9.0 * logits, labelled(logits), np.ones(5), OBJECTIVE
    ) == pytest.approx(1, rel=0.5)
    assert (
        fit_inverse_temperature(logits[:0], np.zeros(0, int), np.ones(0), OBJECTIVE, expected=1.5)
        == 1.5
    )


def test_the_unit_of_weights_does_not_matter(rng):
    """Weights of 7 are weights of 1, and a row of weight 0 is not there."""
    logits = rng.normal(size=(200, 2))
    labels = labelled(logits)
    weight = np.r_[np.ones(150), np.zeros(50)]

    found = fit_inverse_temperature(2 * logits, labels, weight, OBJECTIVE)
    assert fit_inverse_temperature(2 * logits, labels, 7 * weight, OBJECTIVE) == pytest.approx(
        found
    )
    assert fit_inverse_temperature(
        2 * logits[:150], labels[:150], np.ones(150), OBJECTIVE
    ) == pytest.approx(found)


def split(logits, members):
    """Return the logits of members that each cover a different part of the rows."""
    parts = np.array_split(np.arange(len(logits)), members)
    return [OutOfBagLogits(part, logits[part]) for part in parts]


def test_members_of_one_kind_share_their_factor_and_weigh_the_same(rng):
    """With a coverage of one, all members have one factor and equal weights, and the prior exponent."""
    logits = rng.normal(size=(ROWS, 3))
    found = calibrated(
        split(2.0 * logits, 4), np.zeros(4, int), labelled(logits), np.ones(ROWS), OBJECTIVE
    )

    assert len(set(found.inverse_temperature)) == 1
    assert found.inverse_temperature[0] == pytest.approx(0.5, rel=0.1)
    assert found.weights == (0.25,) * 4
    assert found.exponent == pytest.approx(1 + (EXPONENT - 1) * 0.75)


def test_a_kind_that_knows_nothing_weighs_nothing(rng):
    """The weight of a variant minimises the loss on rows that are out-of-bag for both variants."""
    logits = 2 * rng.normal(size=(ROWS, 3))
    noise = rng.normal(size=(ROWS, 3))
    both = split(logits, 2) + split(noise, 2)
    found = calibrated(both, np.array([0, 0, 1, 1]), labelled(logits), np.ones(ROWS), OBJECTIVE)

    assert found.weights == pytest.approx((0.5, 0.5, 0.0, 0.0))


def test_opinions_that_differ_make_a_mean_that_is_raised(rng):
    """If members have independent errors, their mean is not confident enough: the exponent is above 1."""
    logits = 2 * rng.normal(size=(ROWS, 2))
    apart = [logits + 1.5 * rng.normal(size=logits.shape) for _ in range(2)]
    labels = labelled(logits)
    both = [oob_logits_of for own in apart for oob_logits_of in split(own, 2)]
    found = calibrated(both, np.array([0, 0, 1, 1]), labels, np.ones(ROWS), OBJECTIVE)

    assert found.exponent > 1.05
    assert sum(found.weights) == pytest.approx(1)
    assert found.weights[0] == pytest.approx(0.25, abs=0.06)


def test_the_expected_loss_is_that_of_many(rng):
    """The gain of two members over one predicts that of sixteen, to a tenth."""
    truth = 2 * rng.normal(size=(ROWS, 2))
    labels, weight = labelled(truth), np.ones(ROWS)
    every = [truth + 1.5 * rng.normal(size=truth.shape) for _ in range(16)]
    folds = np.array_split(np.arange(ROWS), 8)
    said = [OutOfBagLogits(folds[k % 8], own[folds[k % 8]]) for k, own in enumerate(every)]
    found = calibrated(said, np.repeat([0, 1], 8), labels, weight, OBJECTIVE)
    mean = sum(
        share * softmax(sharp * own)
        for own, share, sharp in zip(every, found.weights, found.inverse_temperature, strict=True)
    )
    raised = mean**found.exponent
    reached = -np.log((raised / raised.sum(axis=1, keepdims=True))[np.arange(ROWS), labels]).mean()

    assert expected_loss(said, found, labels, weight, OBJECTIVE) == pytest.approx(reached, rel=0.1)
    assert expected_loss(said[:8], Calibration.none(8), labels, weight, OBJECTIVE) is None
