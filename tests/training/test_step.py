"""A training step by hand, and a run of batches: padding, weights, inactive members."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.nn.dropout import inverted
from epochal.nn.layers import INPUTS, Layer, apply
from epochal.nn.losses import LOSSES
from epochal.training.optimizers import Hyper, fresh_moments
from epochal.training.step import (
    Batch,
    MemberConfig,
    MemberState,
    Program,
    Segment,
    ValidationRows,
    no_logits,
    run,
    step,
    validation_loss,
)

PROGRAM = Program("relu", "cross_entropy", "sgd", batch_size=2, dropout=False, masked=False)


def fixed(**hyper):
    """Return a member's constants on the device."""
    plain = {"rate": 0.5, "momentum": 0.0, "l2": 0.0, "dropout": 0.0, "input_dropout": 0.0}
    values = plain | hyper
    return MemberConfig(
        Hyper(**{name: jnp.float32(value) for name, value in values.items()}),
        jnp.uint32(1),
    )


def state(rule="sgd"):
    """Return a 2-2-2 network with round numbers."""
    first = Layer(jnp.array([[1.0, -1.0], [0.0, 2.0]]), jnp.array([0.0, 0.0]))
    last = Layer(jnp.array([[1.0, 0.0], [0.0, 1.0]]), jnp.array([0.0, 0.0]))
    return MemberState(
        (first, last), jax.tree.map(jnp.asarray, fresh_moments((first, last), rule)), jnp.int32(0)
    )


def random_segment(batches, capacity, last_rows, seed=0):
    """Return a segment of batches of 2 rows of 2 features, with padding behind."""
    random = np.random.default_rng(seed)
    rows = (batches - 1) * 2 + last_rows
    x = np.zeros((capacity * 2, 2), np.float32)
    x[:rows] = random.normal(size=(rows, 2))
    y = np.zeros(capacity * 2, np.int32)
    y[:rows] = random.integers(2, size=rows)
    weights = np.zeros(capacity * 2, np.float32)
    weights[:rows] = 1
    counts = np.ones(capacity, np.float32)
    counts[:batches] = 2
    counts[batches - 1] = last_rows
    segment = Segment(
        *map(jnp.asarray, (x, y, counts, np.ones(capacity, np.float32))), jnp.int32(batches)
    )
    return segment, jnp.asarray(weights)


def test_one_step_by_hand():
    """One row (1, 1) of class 0: the update equals the one computed by hand.

    h = relu(1, 1) = (1, 1); o = (1, 1); s = (1/2, 1/2); s - y = (-1/2, 1/2).
    With weight 1/2 (two rows in the batch, the other weighs nothing) the
    gradient at the logits is (-1/4, 1/4), so the last weights change by
    -0.5 * h^T (-1/4, 1/4) = +-1/8, and so do its biases. At h the gradient is
    the same (-1/4, 1/4) since the last weights are the identity, so the first
    weights change by +-1/8 for both features.
    """
    x, y, w = jnp.array([[1.0, 1.0], [9.0, 9.0]]), jnp.array([0, 1]), jnp.array([0.5, 0.0])
    after, loss = step(PROGRAM, fixed(), state(), Batch(x, y, w), jnp.float32(1))
    first, last = after.layers

    np.testing.assert_allclose(last.weights, [[1.125, -0.125], [0.125, 0.875]])
    np.testing.assert_allclose(last.bias, [0.125, -0.125])
    np.testing.assert_allclose(first.weights, [[1.125, -1.125], [0.125, 1.875]])
    np.testing.assert_allclose(first.bias, [0.125, -0.125])
    assert float(loss) == pytest.approx(0.5 * np.log(2))
    assert int(after.step) == 1


def test_dropped_inputs_are_as_if_the_rows_had_zeros_there():
    """A step that drops inputs is one on rows in which they are 0 and the others larger."""
    x, y, w = jnp.arange(1.0, 9.0).reshape(4, 2), jnp.array([0, 1, 1, 0]), jnp.full(4, 0.25)
    before, constants = state(), fixed(input_dropout=0.4)
    program = replace(PROGRAM, input_dropout=True)
    ours, _ = step(program, constants, before, Batch(x, y, w), jnp.float32(1))
    zeroed = inverted(x, jnp.float32(0.4), constants.seed_word, before.step, INPUTS)
    theirs, _ = step(PROGRAM, constants, before, Batch(zeroed, y, w), jnp.float32(1))

    assert 0 < np.count_nonzero(zeroed) < x.size
    for mine, its in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_l2_shrinks_weights_and_not_biases():
    """With a row weight of 0 a step is w (1 - 2 lr r) and biases stay."""
    before = state()
    x, y, none = jnp.ones((2, 2)), jnp.array([0, 1]), jnp.zeros(2)
    after, _ = step(PROGRAM, fixed(l2=0.1), before, Batch(x, y, none), jnp.float32(1))

    for old, new in zip(before.layers, after.layers, strict=True):
        np.testing.assert_allclose(new.weights, old.weights * (1 - 2 * 0.5 * 0.1), rtol=1e-6)
        np.testing.assert_array_equal(new.bias, old.bias)


def test_a_run_is_its_steps():
    """Separate steps on the batches of a segment give the same result as the compiled loop."""
    segment, weights = random_segment(batches=3, capacity=4, last_rows=1)
    looped, summed = run(PROGRAM, fixed(), state(), segment, weights, jnp.bool(True))
    single, losses = state(), []
    for number in range(3):
        part = slice(number * 2, number * 2 + 2)
        rows = float(segment.counts[number])
        batch = Batch(segment.x[part], segment.y[part], weights[part] / rows)
        single, loss = step(PROGRAM, fixed(), single, batch, jnp.float32(1))
        losses.append(float(loss) * rows)

    for ours, theirs in zip(jax.tree.leaves(looped), jax.tree.leaves(single), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    np.testing.assert_allclose(summed, [*losses, 0], rtol=1e-6)


def test_padding_changes_nothing():
    """More capacity behind the same batches gives the same bits."""
    short, losses = run(PROGRAM, fixed(), state(), *random_segment(3, 3, 1), jnp.bool(True))
    padded, same = run(PROGRAM, fixed(), state(), *random_segment(3, 8, 1), jnp.bool(True))

    for ours, theirs in zip(jax.tree.leaves(short), jax.tree.leaves(padded), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert same.tolist() == [*losses.tolist(), 0, 0, 0, 0, 0]


def test_the_short_last_batch_counts_its_rows():
    """A batch of one row moves the weights as much as that row twice in a batch of two."""
    one, weights = random_segment(1, 1, 1)
    twice = one._replace(
        x=jnp.stack([one.x[0], one.x[0]]),
        y=jnp.stack([one.y[0], one.y[0]]),
        counts=jnp.array([2.0]),
    )
    single, _ = run(PROGRAM, fixed(), state(), one, weights, jnp.bool(True))
    double, _ = run(PROGRAM, fixed(), state(), twice, jnp.ones(2), jnp.bool(True))

    assert not np.allclose(single.layers[1].weights, state().layers[1].weights)
    for ours, theirs in zip(jax.tree.leaves(single), jax.tree.leaves(double), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_member_that_has_stopped_does_nothing():
    """An inactive member keeps its bits and has no loss."""
    segment, weights = random_segment(3, 4, 2)
    after, losses = run(PROGRAM, fixed(), state(), segment, weights, jnp.bool(False))

    for ours, theirs in zip(jax.tree.leaves(after), jax.tree.leaves(state()), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not losses.any()


def test_masked_features_never_gain_weight():
    """In a masked program a feature whose weights are 0 keeps them; in another it gains some."""
    program = Program("relu", "cross_entropy", "adam", batch_size=2, dropout=False, masked=True)
    begin = state("adam")
    first = begin.layers[0]._replace(weights=begin.layers[0].weights * jnp.array([[1.0], [0.0]]))
    begin = begin._replace(layers=(first, begin.layers[1]))
    segment, weights = random_segment(3, 3, 2)
    after, _ = run(program, fixed(), begin, segment, weights, jnp.bool(True))
    unmasked = replace(program, masked=False)
    plain, _ = run(unmasked, fixed(), begin, segment, weights, jnp.bool(True))

    np.testing.assert_array_equal(after.layers[0].weights[1], [0, 0])
    assert np.all(plain.layers[0].weights[1] != 0)
    assert not np.allclose(after.layers[0].weights[0], first.weights[0])


def test_summed_loss_reads_only_its_span():
    """The loss of a span is the sum over its rows, whatever lies around it."""
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=(30, 2)), jnp.float32)
    y = jnp.asarray(random.integers(2, size=30), jnp.int32)
    w = jnp.asarray(random.uniform(size=30), jnp.float32)
    layers, order = state().layers, jnp.asarray(random.permutation(30), jnp.int32)

    def loss(first, count):
        span = jnp.int32(first), jnp.int32(count)
        return float(
            validation_loss(
                PROGRAM, layers, ValidationRows(x, y, w, order), span, no_logits(12, 2), 4
            )[0]
        )

    whole = loss(3, 11)
    rows = [loss(i, 1) for i in range(3, 14)]

    assert whole == pytest.approx(sum(rows), rel=1e-5)


def test_each_half_of_the_rows_is_spoken_of_by_the_copy_that_the_other_half_chose():
    """Even places have the logits of the checkpoint that is best on odd places, and vice versa."""
    random = np.random.default_rng(1)
    x = jnp.asarray(random.normal(size=(30, 2)), jnp.float32)
    y = jnp.asarray(random.integers(2, size=30), jnp.int32)
    w = jnp.asarray(random.uniform(0.5, 1.5, size=30), jnp.float32)
    span, rows = (jnp.int32(3), jnp.int32(11)), slice(3, 14)
    cross_fit_logits, copies, losses = no_logits(12, 2), [], []
    for scale in (0.3, 3.0, -2.0, 1.0, -0.5, 0.1):
        layers = jax.tree.map(lambda leaf, scale=scale: scale * leaf, state().layers)
        _, cross_fit_logits = validation_loss(
            PROGRAM, layers, ValidationRows(x, y, w, jnp.arange(30)), span, cross_fit_logits, 4
        )
        copies.append(np.asarray(apply(layers, x, PROGRAM.activation))[rows])
        by_row = w[rows] * LOSSES[PROGRAM.loss][0](copies[-1], jax.nn.one_hot(y[rows], 2))
        losses.append([by_row[0::2].sum(), by_row[1::2].sum()])
    best_of_even, best_of_odd = np.argmin(losses, axis=0)

    assert best_of_even != best_of_odd
    np.testing.assert_allclose(cross_fit_logits.logits[:11:2], copies[best_of_odd][0::2], rtol=1e-5)
    np.testing.assert_allclose(
        cross_fit_logits.logits[1:11:2], copies[best_of_even][1::2], rtol=1e-5
    )


def test_a_row_alone_has_the_copy_that_is_best_for_it_and_none_changes_nothing():
    """With one row its own loss decides; without rows the earlier logits stay."""
    x, y, w = jnp.tile(jnp.array([2.0, 1.0]), (8, 1)), jnp.zeros(8, jnp.int32), jnp.ones(8)
    rows = ValidationRows(x, y, w, jnp.arange(8))
    cross_fit_logits, logits = no_logits(4, 2), []
    for scale in (1.0, -1.0):
        layers = jax.tree.map(lambda leaf, scale=scale: scale * leaf, state().layers)
        _, cross_fit_logits = validation_loss(
            PROGRAM, layers, rows, (jnp.int32(0), jnp.int32(1)), cross_fit_logits, 4
        )
        loss, after = validation_loss(
            PROGRAM, layers, rows, (jnp.int32(0), jnp.int32(0)), cross_fit_logits, 4
        )
        assert float(loss) == 0.0
        jax.tree.map(np.testing.assert_array_equal, after, cross_fit_logits)
        logits.append(np.asarray(apply(layers, x, PROGRAM.activation))[0])

    assert logits[0][0] - logits[0][1] != logits[1][0] - logits[1][1]
    np.testing.assert_allclose(
        cross_fit_logits.logits[0], max(logits, key=lambda o: o[0] - o[1]), rtol=1e-6
    )
