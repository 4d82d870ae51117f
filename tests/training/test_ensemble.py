"""The ensemble axis: mapped members are the members alone, whichever way they are mapped."""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.config.presets import PRESETS
from epochal.config.resolution import resolved
from epochal.config.settings import validated
from epochal.loader.batches import ArraySource, Epochs
from epochal.nn.layers import apply
from epochal.nn.losses import softmax
from epochal.training import ensemble
from epochal.training.init import fresh_state, member_configs, program_for
from epochal.training.step import Segment, run

ROWS, FEATURES, CLASSES = 50, 4, 3
X = np.random.default_rng(1).normal(size=(ROWS, FEATURES)).astype(np.float32)
Y = np.random.default_rng(2).integers(CLASSES, size=ROWS).astype(np.int32)


def setup(number, rows=ROWS, vectorised=False, **settings):
    """Return the arguments of a segment for a number of members."""
    values = {"n_estimators": number, "hidden_layer_sizes": (6,), "batch_size": 8, "dropout": 0.2}
    ours = resolved(validated(PRESETS["default"], values | settings), rows, FEATURES)
    program = program_for(ours, masked=False, vectorised=vectorised)
    state = fresh_state(ours, program, (FEATURES, 6, CLASSES), None, 0)
    epochs = Epochs(
        ArraySource(X[:rows]), Y[:rows], lambda r: np.ones((number, len(r)), np.float32), 8, 0
    )
    host = next(epochs.stream(0, 1))
    segment = Segment(
        *map(jnp.asarray, (host.x, host.y, host.counts, np.ones(len(host.counts), np.float32))),
        jnp.int32(host.batches),
    )
    fixed = jax.tree.map(jnp.asarray, member_configs(ours, 0))
    return program, fixed, jax.tree.map(jnp.asarray, state), segment, jnp.asarray(host.weights)


def trained(number, *, active=None, **settings):
    """Return states and losses after one segment."""
    program, fixed, state, segment, weights = setup(number, **settings)
    active = jnp.ones(number, jnp.float32) if active is None else jnp.asarray(active, jnp.float32)
    return ensemble.train_segment(program, fixed, state, segment, weights, active)


def test_mapped_members_are_the_members_alone():
    """Member k of four equals, bit for bit, the same member trained alone."""
    (state, losses) = trained(4)
    program, fixed, begin, segment, weights = setup(4)
    alone = jax.jit(run, static_argnums=0)
    for k in range(4):
        own = jax.tree.map(lambda leaf, k=k: leaf[k], (fixed, begin))
        single, loss = alone(program, *own, segment, weights[k], jnp.bool(True))
        for mine, theirs in zip(jax.tree.leaves(state), jax.tree.leaves(single), strict=True):
            np.testing.assert_allclose(mine[k], theirs, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(losses[k], loss, rtol=1e-6)
    assert not np.allclose(state.layers[0].weights[0], state.layers[0].weights[1])


def test_a_member_is_the_same_in_a_larger_ensemble():
    """The first four of eight members have the bits of an ensemble of four."""
    four, eight = trained(4)[0], trained(8)[0]

    for few, many in zip(jax.tree.leaves(four), jax.tree.leaves(eight), strict=True):
        np.testing.assert_array_equal(few, many[:4])


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_batched_members_agree_with_members_in_turn(solver):
    """Both ways of mapping give the same members, to float32 rounding."""
    turn, batch = (trained(3, vectorised=v, solver=solver)[0] for v in (False, True))

    for one, other in zip(jax.tree.leaves(turn), jax.tree.leaves(batch), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("vectorised", [False, True])
def test_members_that_stopped_keep_their_bits(vectorised):
    """Only active members move."""
    before = setup(3)[2]
    after, losses = trained(3, vectorised=vectorised, active=[True, False, True])

    np.testing.assert_array_equal(after.layers[0].weights[1], before.layers[0].weights[1])
    assert not np.array_equal(after.layers[0].weights[0], before.layers[0].weights[0])
    assert not losses[1].any()
    assert losses[0].all()


def test_settings_and_rows_do_not_recompile(caplog):
    """Other rates, decay and dropout, and a few rows fewer, run in the same program."""
    trained(2)
    with jax.log_compiles(), caplog.at_level(logging.WARNING, logger="jax"):
        trained(2, learning_rate_init=0.03, l2=0.1, dropout=0.5)
        trained(2, rows=ROWS - 1)
        same = [record.message for record in caplog.records]
        trained(2, activation="tanh")
        other = [record.message for record in caplog.records]

    assert not any("train_segment" in message for message in same)
    assert any("train_segment" in message for message in other)


def test_probabilities_are_averaged_over_members():
    """The ensemble's probabilities are the mean of the members' softmax outputs, in any pieces."""
    layers = trained(3)[0].layers
    single = [softmax(apply(one, X, "relu")) for one in ensemble.unstacked(layers)]
    from_preset = layers, np.ones(3, np.float32), np.full(3, 1 / 3, np.float32)

    for piece in (len(X), len(X) // 2):
        np.testing.assert_allclose(
            ensemble.mean_probabilities(
                from_preset, jnp.asarray(X), len(X), "relu", piece, "cross_entropy"
            ),
            np.mean(single, axis=0),
            atol=1e-6,
        )


def test_rows_that_are_padding_cost_nothing():
    """Pieces behind the rows that count are left as they were: at 0."""
    layers = ensemble.unstacked(trained(1)[0].layers)[0]
    piece = len(X) // 2
    logits = ensemble.logits(layers, jnp.asarray(X), 1, "relu", piece)

    np.testing.assert_allclose(logits[:piece], apply(layers, X[:piece], "relu"), atol=1e-6)
    assert not np.asarray(logits[piece:]).any()


def test_stacking_and_unstacking():
    """Unstacked members stack to the same tree."""
    state = setup(3)[2]
    again = ensemble.stacked(ensemble.unstacked(state))

    for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, other)
