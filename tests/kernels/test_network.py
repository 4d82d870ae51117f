"""Networks by the operations in C against the same networks by XLA."""

from dataclasses import replace

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


# Masked weights, rules without fused steps, rows that are wide or by their numbers, embeddings.
@pytest.mark.parametrize(
    ("columns", "rule", "masked", "by_number", "hidden"),
    [
        (20, "adam", False, False, (40, 33)),
        (20, "adam", True, True, (40, 33)),
        (20, "momentum", False, True, ()),
        (300, "adam", False, True, (40,)),
        (9, "adam", False, True, (40, 33)),
    ],
)
def test_rows_of_weight_0_are_left_out_without_another_bit(
    columns, rule, masked, by_number, hidden, monkeypatch, rng
):
    """Weights, moments and losses are those of a run that computes all rows; dropout is that of their places."""
    size, batches = 64, 4
    x = rng.normal(size=(size * batches, columns)).astype(np.float32)
    layers = initial((columns, *hidden, 3), "relu", seed=1, member=0)
    if columns == 9:
        x[:, 5:] = rng.uniform(0, 3, (len(x), 4))
        sizes = EmbeddingSizes(numbers=2, coarse=3, intervals=3, plain=3, categories=0, levels=0)
        shapes = embedding_shapes(sizes, 8)
        parts = {k: rng.normal(size=s).astype(np.float32) for k, s in shapes.parameters().items()}
        embedding = shapes.with_parameters(parts)
        layers = (embedding, *initial((19, *hidden, 3), "relu", seed=1, member=0))
    weights = np.asarray(rng.uniform(size=len(x)) > 0.3, np.float32)
    weights[size : 2 * size] = 0  # a batch without rows
    weights[-40:] = 0  # the end of an epoch
    y, ones = rng.integers(3, size=len(x)).astype(np.int32), np.ones(batches, np.float32)
    order = rng.permutation(len(x)).astype(np.int32) if by_number else None
    segment = Segment(x, y, ones * size, ones, np.int32(batches), order=order)
    hyper = Hyper(*map(jnp.float32, (0.01, 0.9, 0.1, 0.2, 0)))
    program = Program("relu", "cross_entropy", rule, size, dropout=True, masked=masked)
    backend, found = c_backend(parallel=False), []
    for kernels in (backend, backend._replace(used_rows=None)):
        monkeypatch.setattr(step_module, "kernels_for", lambda _, kernels=kernels: kernels)
        state = MemberState(layers, fresh_moments(layers, rule), jnp.int32(0))
        one_run = jax.jit(lambda *of: run(program, MemberConfig(hyper, jnp.uint32(9)), *of))
        found.append(jax.tree.leaves(one_run(state, segment, weights, jnp.array([True])[0])))

    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_only_operations_that_know_of_rows_in_use_leave_rows_out():
    """Other units, other losses and dropped inputs are computed by XLA, for all rows."""
    kernels, weights = c_backend(parallel=False), jnp.ones(8)
    known = Program("relu", "cross_entropy", "adam", 4, dropout=True, masked=True)

    assert step_module.used_rows(known, kernels, weights).shape == (2, 5)
    for other in ({"activation": "silu"}, {"loss": "squared_error"}, {"input_dropout": True}):
        assert step_module.used_rows(replace(known, **other), kernels, weights) is None
    assert step_module.used_rows(known, CPU, weights) is None


# Numbers before the categories, plain features behind them, both, wide rows; vectors of a piece, or not; rows with many
# levels, which are multiplied one by one.
@pytest.mark.parametrize(
    ("numbers", "plain", "size", "levels", "hidden"),
    [
        (2, 3, 8, 17, (40, 33)),
        (2, 0, 3, 17, (128,)),
        (0, 3, 19, 5, (40, 33)),
        (1, 200, 8, 5, (50,)),
        (2, 3, 8, 300, (40,)),
        (2, 3, 8, 17, ()),
    ],
)
def test_rows_of_one_level_are_multiplied_once(
    numbers, plain, size, levels, hidden, monkeypatch, rng
):
    """Weights and moments are those of XLA's products of all rows, with one thread and with several."""
    batch, categories = 64, 3
    sizes = EmbeddingSizes(numbers, 3, 4, plain, categories, levels)
    shapes = embedding_shapes(sizes, size)
    parts = {k: rng.normal(size=s).astype(np.float32) for k, s in shapes.parameters().items()}
    inputs = initial((sizes.inputs(size), *hidden, 3), "relu", seed=0, member=0)
    layers = (shapes.with_parameters(parts), *inputs)
    rows = 3 * batch
    x = [
        rng.normal(size=(rows, numbers + plain)),
        rng.uniform(0, 3, (rows, 2 * numbers)),
        rng.integers(0, levels, (rows, categories)),
    ]
    x = np.concatenate(x, axis=1).astype(np.float32)
    y, ones = rng.integers(0, 3, rows).astype(np.int32), np.ones(3, np.float32)
    weights = (rng.random(rows) > 0.3).astype(np.float32)
    segment = Segment(x, y, ones * batch, ones, np.int32(3))
    hyper = Hyper(*map(jnp.float32, (0.01, 0.9, 0.01, 0.2, 0)))
    program = Program("relu", "cross_entropy", "adam", batch, dropout=True, masked=False)
    found = []
    for kernels in (c_backend(parallel=False), c_backend(parallel=True), CPU):
        monkeypatch.setattr(step_module, "kernels_for", lambda _, kernels=kernels: kernels)
        state = MemberState(layers, fresh_moments(layers, "adam"), jnp.int32(0))
        one_run = jax.jit(lambda *of: run(program, MemberConfig(hyper, jnp.uint32(9)), *of))
        found.append(jax.tree.leaves(one_run(state, segment, weights, jnp.array([True])[0])))

    for ours, shared, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, shared)
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-3 if size > 8 else 1e-3)
