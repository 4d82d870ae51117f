"""docs/NUMERICS.md names what is there; and the formulas that no other test evaluates."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.inference.oob import oob_logits_of, oob_mean_probabilities
from epochal.inference.routes import by_numpy, by_xla
from epochal.kernels.library import opened
from epochal.kernels.prediction import CompiledEnsemble
from epochal.keys import Purpose, generator_for
from epochal.loader.batches import ArraySource
from epochal.nn import layers as nn_layers
from epochal.nn import losses
from epochal.nn.dropout import inverted, keep_mask
from epochal.nn.objective import OBJECTIVES
from epochal.records import Calibration
from epochal.splitting.bagging import BootstrapBags, FoldBags, member_weights
from epochal.training.optimizers import RULES, Hyper, fresh_moments
from epochal.training.step import (
    MemberConfig,
    MemberState,
    Program,
    Segment,
    ValidationRows,
    no_logits,
    run,
    validation_loss,
)

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "NUMERICS.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
NAMES = sorted(set(re.findall(r"`(epochal(?:\.\w+)+)`", PAGE)))
PARTS = ("**Code:**", "**Precision:**", "**Source:**", "**Elsewhere:**", "**Held by:**")


def test_every_section_says_all_of_it():
    """Each formula has its code, precision, source, difference and at least one test."""
    assert len(SECTIONS) > 15
    for title, text in SECTIONS.items():
        assert [part for part in PARTS if part not in text] == [], title
        assert re.search(r"`tests/[\w/]+\.py::\w+`", text), title
        assert re.search(r"`epochal(\.\w+)+`", text), title


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_every_named_test_exists(file, name):
    """A test that the page names is a test of that file."""
    tree = ast.parse((ROOT / file).read_text())

    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", NAMES)
def test_every_named_thing_exists(name):
    """Every module, function, class, method or constant that the page names exists."""
    path = name.split(".")
    for length in range(len(path), 0, -1):
        try:
            found = import_module(".".join(path[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in path[length:]:
            found = getattr(found, attribute)
        return
    pytest.fail(f"{name} is not there")


def test_every_loss_rule_and_activation_is_on_the_page():
    """The page covers every loss, gradient, update rule and activation of the code."""
    written = {function.__name__ for pair in losses.LOSSES.values() for function in pair}

    assert all(f"epochal.nn.losses.{name}`" in PAGE for name in written)
    assert all(f"`{name}`" in PAGE for name in [*RULES, *nn_layers.ACTIVATIONS])


# ------------------------------------------------------------------ formulas, in plain NumPy

SIZES = (4, 6, 3)
X = np.random.default_rng(17).normal(size=(11, 4)).astype(np.float32)
Y = np.random.default_rng(18).integers(3, size=11).astype(np.int32)
W = np.random.default_rng(19).uniform(0.5, 2, size=11).astype(np.float32)
PROGRAM = Program("tanh", "cross_entropy", "sgd", batch_size=4, dropout=False, masked=False)


def layers(member=0):
    """Return the layers of a small member."""
    return nn_layers.initial(SIZES, "tanh", seed=2, member=member)


def shares(member=0, x=X):
    """Return a member's probabilities by the formulas, in float64."""
    (w1, b1), (w2, b2) = (map(np.float64, layer) for layer in layers(member))
    o = np.tanh(x @ w1 + b1) @ w2 + b2
    return np.exp(o) / np.exp(o).sum(axis=1, keepdims=True)


def row_losses():
    """Return each row's cross-entropy by the formula, in float64."""
    return -np.log(shares()[np.arange(len(Y)), Y])


def mixed_by_hand(x):
    """Return the 32-bit mixing of one whole number, in Python's integers."""
    x ^= x >> 16
    x = x * 0x7FEB352D % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    return x ^ x >> 16


def test_dropout_bits_are_the_written_hash(rng):
    """Unit (row, column) stays if the 24-bit hash of its place is at least 2^24 p."""
    rows, width, word, step, depth, p = 7, 5, 4_000_000_123, 812, 1, 0.4
    golden = 0x9E3779B9
    stream = mixed_by_hand(mixed_by_hand((step + golden) % 2**32) ^ (word + depth) % 2**32)
    expected = [
        [
            mixed_by_hand(((row * width + column) * golden + stream) % 2**32) >> 8
            >= int(np.float32(p) * 2**24)
            for column in range(width)
        ]
        for row in range(rows)
    ]
    place = (jnp.uint32(word), jnp.int32(step), depth)
    mask = keep_mask((rows, width), jnp.float32(p), *place)
    h = rng.normal(size=(rows, width)).astype(np.float32)

    assert 0 < np.sum(expected) < rows * width
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_allclose(
        inverted(jnp.asarray(h), jnp.float32(p), *place), expected * h / (1 - p), rtol=1e-6
    )


@pytest.mark.parametrize(("activation", "gain"), [("relu", 2), ("silu", 2), ("tanh", 1)])
def test_initial_weights_are_scaled_normal_numbers(activation, gain):
    """Weights are sqrt(g / inputs) times the stream's normal numbers, with g = 1 in the last."""
    random = generator_for(5, Purpose.INITIALISATION, 3)
    start = nn_layers.initial(SIZES, activation, seed=5, member=3)

    for (weights, bias), inputs, outputs, g in zip(start, (4, 6), (6, 3), (gain, 1), strict=True):
        expected = random.standard_normal((inputs, outputs)) * np.sqrt(g / inputs)
        np.testing.assert_array_equal(weights, expected.astype(np.float32))
        np.testing.assert_array_equal(bias, np.zeros(outputs, np.float32))


def test_row_weights_are_divided_by_their_mean_over_the_epoch():
    """Member k's weight of row i is c_ki w_i / mean_j(c_kj w_j), zeros counted in the mean."""
    drawn = np.array([[1, 1, 1, 1], [2, 0, 1, 0]], np.uint16)
    weight = np.array([1.0, 2.0, 3.0, 6.0])
    rows = np.array([3, 0, 2])

    ours = member_weights(BootstrapBags(drawn), weight)(rows)

    expected = drawn * weight / (drawn * weight).mean(axis=1, keepdims=True)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected[:, rows], rtol=1e-7)
    np.testing.assert_allclose(expected.mean(axis=1), 1)


def on_device(rate, counts=(4, 4, 3)):
    """Return the arguments of a run of three batches, the last one short."""
    padding = len(counts) * 4 - len(Y)
    segment = Segment(
        x=jnp.asarray(np.pad(X, ((0, padding), (0, 0)))),
        y=jnp.asarray(np.pad(Y, (0, padding))),
        counts=jnp.asarray(counts, jnp.float32),
        factors=jnp.ones(len(counts)),
        batches=jnp.int32(len(counts)),
    )
    start = jax.tree.map(jnp.asarray, MemberState(layers(), fresh_moments(layers(), "sgd"), 0))
    settings = Hyper(*(jnp.float32(value) for value in (rate, 0, 0, 0, 0)))
    fixed = MemberConfig(settings, jnp.uint32(1))
    return fixed, start, segment, jnp.asarray(np.pad(W, (0, padding)))


def test_the_loss_of_an_epoch_is_the_weighted_sum_over_rows():
    """Each batch's loss is the sum of its rows' w_i L_i, also in the short last batch."""
    _, losses = run(PROGRAM, *on_device(rate=0.0), jnp.bool(True))
    expected = [(W * row_losses())[part].sum() for part in np.split(np.arange(11), [4, 8])]

    np.testing.assert_allclose(losses[:3], expected, rtol=1e-5)


def test_a_batch_is_divided_by_its_rows():
    """The last bias moves by -rate (1/n) sum w_i (s_i - y_i) in each batch, n its own rows."""
    (after, _), rate = run(PROGRAM, *on_device(rate=1e-4), jnp.bool(True)), 1e-4
    slopes = W[:, None] * (shares() - np.eye(3)[Y])
    expected = -rate * sum(slopes[part].mean(axis=0) for part in np.split(np.arange(11), [4, 8]))
    by_epoch = -rate * slopes.sum(axis=0) / 4

    np.testing.assert_allclose(after.layers[-1].bias, expected, rtol=2e-3, atol=1e-8)
    assert not np.allclose(expected, by_epoch, rtol=2e-2)


def test_the_validation_loss_is_the_weighted_sum_over_rows():
    """The validation loss is the sum of w_i L_i over the member's rows, without dropout."""
    padded = (np.pad(X, ((0, 8), (0, 0))), np.pad(Y, (0, 8)), np.pad(W, (0, 8)))
    span = (jnp.int32(2), jnp.int32(7))
    on_device = ValidationRows(*map(jnp.asarray, padded), jnp.arange(len(padded[1])))
    ours, _ = validation_loss(PROGRAM, layers(), on_device, span, no_logits(8, 3), 4)

    assert float(ours) == pytest.approx(float((W * row_losses())[2:9].sum()), rel=1e-5)


def by_kernels(members, x, activation, calibration, _):
    """Return the mean probabilities by the C kernels."""
    if opened().library is None:
        pytest.skip("the operations in C are not in use")
    scales = calibration.inverse_temperature, calibration.weights
    return CompiledEnsemble(members, activation, *scales, x.shape[1]).mean_probabilities(x)


@pytest.mark.parametrize(
    ("route", "precision"), [(by_numpy, 1e-12), (by_xla, 1e-5), (by_kernels, 1e-5)]
)
def test_probabilities_are_the_mean_of_the_members(route, precision):
    """Probabilities are (1/K) sum_k s_k, on every route; NumPy's is exact to float64."""
    members = [layers(member) for member in range(3)]
    expected = np.mean([shares(member) for member in range(3)], axis=0)

    ours = route(members, X, "tanh", Calibration.none(3), "cross_entropy")

    assert not np.allclose(shares(0), shares(1))
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, expected, rtol=precision)
    np.testing.assert_allclose(ours.sum(axis=1), 1, rtol=max(precision / 10, 1e-15))


def test_left_out_probabilities_are_the_mean_of_those_who_left_the_row_out():
    """Row i has the mean over the members with c_ki = 0, and NaN if there is none."""
    fold = np.array([0, 1, 1, 0, 2, 2, 2, 0, 1, 0, 1], np.uint16)
    again = np.array([1, 1, 0, 0, 0, 1, 1, 0, 2, 2, 2], np.uint16)
    bags = FoldBags(5, 3, (fold, again))
    oob_logits = [
        oob_logits_of(layers(k), bags.oob_rows(k), ArraySource(X), "tanh") for k in range(5)
    ]
    ours = oob_mean_probabilities(
        oob_logits, np.ones(5) / 5, len(X), np.ones(5), OBJECTIVES["cross_entropy"]
    )
    left = np.stack([fold == 0, fold == 1, fold == 2, again == 0, again == 1])
    every = np.stack([shares(member) for member in range(5)])
    expected = np.einsum("ki,kij->ij", left, every) / left.sum(axis=0)[:, None]

    assert set(left.sum(axis=0)) == {1, 2}
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    alone = oob_mean_probabilities(
        oob_logits[:1], [1.0], len(X), [1.0], OBJECTIVES["cross_entropy"]
    )
    np.testing.assert_array_equal(np.isnan(alone).all(axis=1), fold != 0)
