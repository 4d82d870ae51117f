"""The network: forward pass, initialisation, masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.nn.embedding import initial_embedding
from epochal.nn.layers import (
    ACTIVATIONS,
    Layer,
    apply,
    embedding_of,
    initial,
    layer_names,
    masked,
    number_of_parameters,
    variant_of,
    with_type,
)
from epochal.preprocessing.feature_layout import EmbeddingSizes


def test_forward_pass_is_the_formula(rng):
    """Logits are relu(relu(x W1 + b1) W2 + b2) W3 + b3."""
    layers = initial((4, 6, 5, 3), "relu", seed=0, member=0)
    layers = tuple(Layer(w.astype(float), rng.normal(size=b.shape)) for w, b in layers)
    x = rng.normal(size=(7, 4))
    (w1, b1), (w2, b2), (w3, b3) = layers
    first = np.maximum(x @ w1 + b1, 0)
    expected = np.maximum(first @ w2 + b2, 0) @ w3 + b3

    np.testing.assert_allclose(apply(layers, x, "relu"), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_numpy_and_jax_agree(name, rng):
    """NumPy's and JAX's arrays give the same logits through the same code."""
    layers = initial((4, 6, 3), name, seed=0, member=0)
    x = rng.normal(size=(7, 4)).astype(np.float32)
    on_device = tuple(Layer(jnp.asarray(w), jnp.asarray(b)) for w, b in layers)

    ours, theirs = apply(layers, x, name), apply(on_device, jnp.asarray(x), name)

    assert ours.dtype == theirs.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("relu", lambda x: np.maximum(x, 0)),
        ("tanh", np.tanh),
        ("logistic", lambda x: 1 / (1 + np.exp(-x))),
        ("identity", lambda x: x),
        ("silu", lambda x: x / (1 + np.exp(-x))),
        (
            "selu",
            lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
        ),
    ],
)
def test_activations_are_their_formulas(name, formula):
    """Each activation agrees with its textbook formula."""
    x = np.linspace(-30, 30, 101)

    np.testing.assert_allclose(ACTIVATIONS[name](x), formula(x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_finite_far_out(name):
    """No activation overflows at +-1e4."""
    assert np.isfinite(ACTIVATIONS[name](np.array([-1e4, 1e4]))).all()


def test_initial_weights_have_the_stated_variance():
    """Weights have variance 2 / inputs before a ReLU and 1 / inputs at the output; biases are 0."""
    first, last = initial((400, 300, 200), "relu", seed=1, member=0)

    assert first.weights.var() * 400 / 2 == pytest.approx(1, abs=0.02)
    assert last.weights.var() * 300 == pytest.approx(1, abs=0.03)
    assert not first.bias.any()
    assert first.weights.dtype == np.float32


def test_members_start_apart_and_by_their_number():
    """Another member or seed starts elsewhere; the same ones start at the same bits."""
    start = [
        initial((4, 3, 2), "relu", seed=s, member=m) for s, m in [(0, 0), (0, 0), (0, 1), (1, 0)]
    ]

    np.testing.assert_array_equal(start[0][0].weights, start[1][0].weights)
    assert not np.array_equal(start[0][0].weights, start[2][0].weights)
    assert not np.array_equal(start[0][0].weights, start[3][0].weights)


def test_masked_features_have_no_weights():
    """A masked feature starts at 0, and the rest is scaled for the inputs that are left."""
    mask = np.arange(400)[:, None] < 100
    first, _ = initial((400, 300, 2), "relu", seed=0, member=0, mask=mask)

    assert not first.weights[100:].any()
    assert first.weights[:100].var() * 100 / 2 == pytest.approx(1, abs=0.05)


def test_units_that_see_little_start_as_large():
    """Each unit's weights are scaled by its number of inputs; a unit without inputs has weights of 0."""
    sees = np.array([0, 50, 400])
    mask = np.arange(400)[:, None] < np.repeat(sees, 100)
    first, _ = initial((400, 300, 2), "relu", seed=0, member=0, mask=mask)

    assert not first.weights[~mask].any()
    assert not first.weights[:, :100].any()
    for unit, inputs in ((100, 50), (200, 400)):
        own = first.weights[:inputs, unit : unit + 100]
        assert own.var() * inputs / 2 == pytest.approx(1, abs=0.1)


def test_the_gradient_of_what_is_not_seen_is_zero():
    """Only first weights that are 0 get the gradient 0, whatever it was; others keep theirs."""
    layers = (Layer(np.array([[0.0, 2.0]]), np.zeros(2)), Layer(np.zeros((2, 1)), np.zeros(1)))
    slope = (Layer(np.array([[np.nan, 3.0]]), np.ones(2)), Layer(np.ones((2, 1)), np.ones(1)))
    first, last = masked(slope, layers)

    assert first.weights.tolist() == [[0.0, 3.0]]
    assert first.bias.tolist() == [1.0, 1.0]
    assert last is slope[1]


def test_relu_at_zero_and_nan():
    """The slope of ReLU at 0 is 0, as in the textbook, and NaN is not hidden."""
    relu = ACTIVATIONS["relu"]

    assert jax.grad(relu)(jnp.float32(0)) == 0
    assert np.isnan(relu(np.array([np.nan]))).all()


@pytest.mark.parametrize("fine", [False, True])
def test_an_embedding_is_told_from_affine_layers(fine):
    """Layers know whether they begin with an embedding, its variant, and their names in a file."""
    sizes = EmbeddingSizes(numbers=2, coarse=3, intervals=3, plain=1, categories=0, levels=0)
    affine = initial((5, 4, 3), "relu", seed=0, member=0)
    layers = (initial_embedding(sizes, 2, seed=0, member=0, fine=fine), *affine)

    assert embedding_of(affine) is None
    assert embedding_of(layers) is layers[0]
    assert (variant_of(affine), variant_of(layers)) == (0, int(fine))
    assert layer_names(affine) == ["layer.0", "layer.1"]
    assert layer_names(layers) == ["embedding", "layer.0", "layer.1"]


def test_layers_change_their_type_and_nothing_else():
    """Converted to float64, the layers have the same numbers."""
    layers = initial((4, 6, 3), "relu", seed=0, member=0)
    exact = with_type(layers, np.float64)

    assert number_of_parameters(exact) == number_of_parameters(layers) == 4 * 6 + 6 + 6 * 3 + 3
    assert exact[0].weights.dtype == np.float64
    np.testing.assert_array_equal(exact[0].weights, layers[0].weights)
