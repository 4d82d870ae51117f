"""Classification as an objective: targets, gradients, predictions, strata, calibration, scores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.config.settings import SETTINGS
from epochal.nn.backend import PLAIN
from epochal.nn.losses import LOSSES, cross_entropy, softmax
from epochal.nn.objective import OBJECTIVES


def test_each_loss_that_can_be_set_has_an_objective():
    """A loss is added in the formulas and in the settings, and nowhere else."""
    assert OBJECTIVES.keys() == LOSSES.keys() == set(SETTINGS["loss"].constraint.words)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_targets_are_those_of_jax(name, rng):
    """Targets are one-hot with the logits' type, in NumPy and JAX; 0 everywhere for a label that is no class."""
    labels = np.array([2, 0, 4, -1, 1], np.int32)
    o = rng.normal(size=(5, 4)).astype(np.float32)
    expected = jax.nn.one_hot(labels, 4, dtype=np.float32)

    for of in (np.asarray, jnp.asarray):
        targets = OBJECTIVES[name].targets(of(labels), of(o))
        assert targets.dtype == np.float32
        np.testing.assert_array_equal(targets, expected)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_weighted_gradient_is_that_of_the_weighted_losses(name, rng):
    """Found by differentiation; losses themselves are not weighted."""
    objective = OBJECTIVES[name]
    o, w = rng.normal(size=(6, 3)), rng.uniform(1, 2, 6)
    labels = rng.integers(3, size=6).astype(np.int32)
    y = np.eye(3)[labels]
    with jax.enable_x64(True):
        expected = jax.grad(lambda o: w @ objective.losses(o, jnp.asarray(y)))(jnp.asarray(o))

    gradient, losses = objective.gradient_and_losses(o, labels, w, PLAIN)

    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(losses, LOSSES[name][0](o, y), rtol=1e-12)


def test_an_operation_of_the_backend_is_used_for_the_loss_that_it_computes():
    """It computes the cross-entropy, and nothing else."""
    kernels = PLAIN._replace(cross_entropy=lambda *of: of)
    given = np.zeros((1, 2)), np.array([1]), np.ones(1)

    assert OBJECTIVES["cross_entropy"].gradient_and_losses(*given, kernels) == given
    gradient, losses = OBJECTIVES["squared_error"].gradient_and_losses(*given, kernels)
    np.testing.assert_allclose(gradient, [[0.5, -0.5]])
    np.testing.assert_allclose(losses, [0.5])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_predictions_are_probabilities(name, rng):
    """There is one output per class, whose softmax is the prediction."""
    o = rng.normal(size=(6, OBJECTIVES[name].outputs(3)))

    assert o.shape == (6, 3)
    np.testing.assert_array_equal(OBJECTIVES[name].predictions(o), softmax(o))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_slopes_of_calibration_are_those_of_small_differences(name, rng):
    """By the logarithm of a factor on the logits; always of the cross-entropy."""
    objective, o = OBJECTIVES[name], rng.normal(size=(6, 3))
    y = np.eye(3)[rng.integers(3, size=6)]
    np.testing.assert_array_equal(objective.calibration_losses(o, y), cross_entropy(o, y))
    more, less = (objective.calibration_losses(np.exp(step) * o, y) for step in (1e-5, -1e-5))

    np.testing.assert_allclose(objective.calibration_slopes(o, y), (more - less) / 2e-5, rtol=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_class_is_a_stratum(name):
    """Splits hold each class in equal parts."""
    labels = np.array([2, 0, 1, 2])
    np.testing.assert_array_equal(OBJECTIVES[name].strata(labels), labels)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_scores_are_weighted_means(name):
    """Of hits, and of logarithms of the true class's probability, which may be 0."""
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    found = OBJECTIVES[name].scores(p, np.array([0, 1, 1]), np.array([1.0, 1.0, 2.0]))

    assert found.accuracy == pytest.approx(0.5)
    assert found.log_loss == pytest.approx(-(np.log(0.9) + np.log(0.8) + 2 * np.log(0.4)) / 4)
    certain = OBJECTIVES[name].scores(np.array([[1.0, 0.0]]), np.array([1]), np.ones(1))
    assert 700 < certain.log_loss < 750
