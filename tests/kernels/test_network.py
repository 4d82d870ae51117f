"""Networks by the operations in C against the same networks by XLA."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.kernels.library import load
from epochal.kernels.network import c_backend
from epochal.kernels.xla_cpu import CPU
from epochal.nn.dropout import Drop
from epochal.nn.embedding import embedding_shapes
from epochal.nn.layers import apply, initial, with_weights
from epochal.preprocessing.feature_layout import EmbeddingSizes
from epochal.training import step as step_module
from epochal.training.optimizers import Hyper, fresh_moments
from epochal.training.step import Batch, MemberConfig, MemberState, Program, Segment, run, step

pytestmark = pytest.mark.skipif(
    not load().instruction_set, reason="the operations in C are not in use"
)


def gradients(kernels, activation, drop, sizes=(20, 64, 33, 5), *, of_rows=True):
    """Return a network's logits, and the gradients of layers and, if wanted, of rows."""
    layers = with_weights(kernels.pack_weights, initial(sizes, activation, seed=1, member=0))
    x = np.random.default_rng(0).normal(size=(50, sizes[0])).astype(np.float32)

    def forward(layers, rows=x):
        return apply(layers, rows, activation, drop, kernels)

    @jax.jit
    def both(*of):
        logits, chain_rule = jax.vjp(forward, *of)
        of_layers, *of_x = chain_rule(jnp.cos(logits))
        return logits, with_weights(kernels.unpack_weights, of_layers), of_x

    return jax.tree.leaves(both(layers, x) if of_rows else both(layers))


# The operations apply hidden units and drop them themselves, but not the identity.
@pytest.mark.parametrize(
    ("activation", "hidden", "inputs"),
    [
        ("relu", None, None),
        ("relu", 0.2, None),
        ("relu", None, 0.1),
        ("relu", 0.2, 0.1),
        ("tanh", 0.2, 0.1),
        ("silu", None, None),
        ("silu", 0.2, None),
        ("logistic", 0.2, None),
        ("selu", None, 0.1),
        ("identity", 0.2, None),
    ],
)
def test_logits_and_gradients_are_those_of_xla(activation, hidden, inputs):
    """All layers at once, but with the identity product by product; with dropout and without."""
    drop = Drop(
        *(None if p is None else jnp.float32(p) for p in (hidden, inputs)),
        jnp.uint32(99),
        jnp.int32(4),
    )
    found = [gradients(k, activation, drop) for k in (c_backend(parallel=True), CPU)]

    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


# The chain rule takes steps of Adam if the activation is not the identity and no unit is masked.
@pytest.mark.parametrize(
    ("activation", "embedding", "masked", "rule"),
    [
        ("relu", False, False, "adam"),
        ("relu", True, False, "adam"),
        ("relu", False, True, "adam"),
        ("relu", True, False, "momentum"),
        ("relu", False, True, "momentum"),
        ("silu", True, True, "adam"),
        ("silu", False, False, "adam"),
        ("tanh", True, False, "adam"),
        ("selu", False, False, "momentum"),
        ("identity", False, False, "adam"),
        ("silu", True, False, "momentum"),
    ],
)
def test_steps_of_training_are_those_of_xla(activation, embedding, masked, rule, monkeypatch, rng):
    """Where the chain rule takes steps of Adam itself, and where it leaves gradients."""
    x = rng.uniform(0, 3, (40, 9)).astype(np.float32)
    x[:, :5] -= 1.5  # two numbers and three plain features, and places among knots
    sizes = EmbeddingSizes(numbers=2, coarse=3, intervals=3, plain=3, categories=0, levels=0)
    shapes = embedding_shapes(sizes, 4)
    random = {k: rng.normal(size=s).astype(np.float32) for k, s in shapes.parameters().items()}
    ahead = (shapes.with_parameters(random),)
    layers = ahead * embedding + initial(
        (11 if embedding else 9, 40, 33, 3), "relu", seed=1, member=0
    )
    hyper = Hyper(*map(jnp.float32, (0.01, 0.9, 0.1, 0.2, 0)))
    batch = Batch(x, np.arange(40, dtype=np.int32) % 3, np.full(40, 1 / 40, np.float32))
    program = Program(activation, "cross_entropy", rule, 40, dropout=True, masked=masked)
    found = []
    for kernels in (c_backend(parallel=True), CPU):
        monkeypatch.setattr(step_module, "kernels_for", lambda _, kernels=kernels: kernels)
        state = MemberState(layers, fresh_moments(layers, rule), jnp.int32(0)).with_mapped_weights(
            kernels.pack_weights
        )
        one_step = jax.jit(lambda *of: step(program, MemberConfig(hyper, jnp.uint32(9)), *of))
        for _ in range(3):
            state, loss = one_step(state, batch, jnp.float32(1))
        found.append(jax.tree.leaves((state.with_mapped_weights(kernels.unpack_weights), loss)))

    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


# Rows with dropout go into panels after it, wherever they are from.
@pytest.mark.parametrize(
    ("columns", "by_number", "dropped"),
    [
        (100, False, False),
        (100, True, False),
        (300, False, False),
        (300, True, False),
        (300, False, True),
        (100, True, True),
    ],
)
def test_a_run_through_a_table_is_that_of_xla(columns, by_number, dropped, monkeypatch, rng):
    """Of rows that follow each other, or by their numbers; wide ones go into panels at once."""
    x, size = rng.normal(size=(90, columns)).astype(np.float32), 30
    order = rng.permutation(90).astype(np.int32) if by_number else None
    y, ones = np.arange(90, dtype=np.int32) % 3, np.ones(90, np.float32)
    segment = Segment(x, y, ones[:3] * size, ones[:3], np.int32(3), order=order)
    layers = initial((columns, 40, 3), "relu", seed=1, member=0)
    hyper = Hyper(*map(jnp.float32, (0.01, 0.9, 0.1, 0, 0.2)))
    program = Program(
        "relu", "cross_entropy", "adam", size, dropout=False, masked=False, input_dropout=dropped
    )
    found = []
    for kernels in (c_backend(parallel=True), CPU):
        monkeypatch.setattr(step_module, "kernels_for", lambda _, kernels=kernels: kernels)
        state = MemberState(layers, fresh_moments(layers, "adam"), jnp.int32(0))
        one_run = jax.jit(lambda *of: run(program, MemberConfig(hyper, jnp.uint32(9)), *of))
        found.append(jax.tree.leaves(one_run(state, segment, ones, jnp.array([True])[0])))

    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("of_rows", [False, True])
@pytest.mark.parametrize("inputs", [100, 300])
def test_many_columns_give_the_same(inputs, of_rows):
    """Rows of many columns are put into panels first, and handed back row by row."""
    drop = Drop(jnp.float32(0.2), None, jnp.uint32(99), jnp.int32(4))
    found = [
        gradients(kernels, "relu", drop, (inputs, 70, 40), of_rows=of_rows)
        for kernels in (c_backend(parallel=True), CPU)
    ]

    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
