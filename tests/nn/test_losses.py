"""Softmax and losses against their formulas, central differences and extremes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.nn.losses import (
    LOSSES,
    cross_entropy,
    cross_entropy_gradient,
    log_softmax,
    softmax,
    squared_error,
)

LOGITS = np.random.default_rng(7).normal(scale=3, size=(20, 5))
Y = np.eye(5)[np.random.default_rng(8).integers(5, size=20)]
SOFT = np.random.default_rng(9).dirichlet(np.ones(5), size=20)


def test_softmax_is_its_formula():
    """Softmax is exp(o_j) / sum_k exp(o_k), to float64 rounding."""
    expected = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)

    np.testing.assert_allclose(softmax(LOGITS), expected, rtol=1e-14)
    np.testing.assert_allclose(np.exp(log_softmax(LOGITS)), expected, rtol=1e-13)


def test_softmax_jacobian_is_the_written_one():
    """Its derivatives are s_j (1 - s_j) on the diagonal and -s_j s_i off it."""
    o, h = LOGITS[0], 1e-6
    s = softmax(o)
    numeric = np.array([(softmax(o + h * e) - softmax(o - h * e)) / (2 * h) for e in np.eye(5)])

    np.testing.assert_allclose(numeric, np.diag(s) - np.outer(s, s), atol=1e-9)


def test_worked_values():
    """The two worked cross-entropies are about 0.02: -log 0.978 and -log 0.98."""
    y = np.array([[0.0, 0.0, 1.0]] * 2)
    s = np.array([[0.002, 0.02, 0.978], [0.01, 0.01, 0.98]])

    expected = [-np.log(0.978), -np.log(0.98)]

    np.testing.assert_allclose(cross_entropy(np.log(s), y), expected, rtol=1e-12)
    assert [round(value, 2) for value in expected] == [0.02, 0.02]


def test_losses_are_their_formulas():
    """Cross-entropy is -sum y log s and squared error sum (s - y)^2, soft targets included."""
    s = softmax(LOGITS)

    for y in (Y, SOFT):
        np.testing.assert_allclose(
            cross_entropy(LOGITS, y), -(y * np.log(s)).sum(axis=1), rtol=1e-12
        )
        np.testing.assert_allclose(squared_error(LOGITS, y), ((s - y) ** 2).sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("y", [Y, SOFT], ids=["one-hot", "soft"])
def test_gradients_agree_with_central_differences(name, y):
    """Each written gradient is the slope of its loss at random points, in float64."""
    loss, gradient = LOSSES[name]
    h = 1e-5
    numeric = np.stack(
        [(loss(LOGITS + h * e, y) - loss(LOGITS - h * e, y)) / (2 * h) for e in np.eye(5)], axis=1
    )

    np.testing.assert_allclose(gradient(LOGITS, y), numeric, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_written_gradients_are_what_autodiff_finds(name):
    """The gradient that training uses is the derivative of the loss that it reports."""
    loss, gradient = LOSSES[name]
    o, y = jnp.asarray(LOGITS, jnp.float32), jnp.asarray(Y, jnp.float32)

    found = jax.grad(lambda o: loss(o, y).sum())(o)

    np.testing.assert_allclose(gradient(o, y), found, atol=1e-5)


@pytest.mark.parametrize("number", [np, jnp], ids=["numpy", "jax"])
@pytest.mark.parametrize("name", LOSSES)
def test_extreme_logits_are_finite_and_right(name, number):
    """Logits of +-1e4 give finite losses and gradients with the limits' values."""
    loss, gradient = LOSSES[name]
    o = number.asarray([[1e4, -1e4], [-1e4, 1e4], [1e4, 1e4]], dtype=number.float32)
    y = number.asarray([[1.0, 0.0]] * 3, dtype=number.float32)
    losses = {
        "cross_entropy": [0.0, 2e4, np.log(2)],
        "squared_error": [0.0, 2.0, 0.5],
    }
    slopes = {
        "cross_entropy": [[0.0, 0.0], [-1.0, 1.0], [-0.5, 0.5]],
        "squared_error": [[0.0, 0.0], [0.0, 0.0], [-0.5, 0.5]],
    }

    np.testing.assert_allclose(loss(o, y), losses[name], rtol=1e-6)
    np.testing.assert_allclose(gradient(o, y), slopes[name], atol=1e-6)


def test_gradient_of_cross_entropy_is_s_minus_y():
    """The gradient at the logits is s - y, and sums to 0 over the classes."""
    gradient = cross_entropy_gradient(LOGITS, Y)

    np.testing.assert_array_equal(gradient, softmax(LOGITS) - Y)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-12)
