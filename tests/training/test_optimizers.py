"""The update rules against optax, the L2 law, and the schedule."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from epochal.nn.embedding import initial_embedding
from epochal.nn.layers import Layer, initial
from epochal.preprocessing.feature_layout import EmbeddingSizes
from epochal.training.optimizers import (
    RULES,
    Hyper,
    fresh_moments,
    optimizer_step,
    schedule_multipliers,
)
from epochal.training.step import Batch, MemberConfig, MemberState, Program, step

RATE, MOMENTUM, STEPS = 0.05, 0.8, 12
SIZES = (4, 6, 3)
# Of an embedding: the parts of the learning rate that are not 1, and what L2 shrinks.
PACES = {
    "scale": (6.0, False),
    "plain": (6.0, False),
    "bin_vectors": (0.3, True),
    "fine": (0.0, False),
    "increments": (1.0, True),
    "levels": (1.0, True),
}
ORACLES = {
    "sgd": optax.sgd(RATE),
    "momentum": optax.sgd(RATE, momentum=MOMENTUM),
    "adam": optax.adam(RATE, b1=0.9, b2=0.999, eps=1e-8),
}


def hyper(**values):
    """Return a member's settings on the device."""
    plain = {"rate": RATE, "momentum": MOMENTUM, "l2": 0.0, "dropout": 0.0, "input_dropout": 0.0}
    all_values = plain | values
    return Hyper(**{name: jnp.float32(value) for name, value in all_values.items()})


def layers():
    """Return a small network, with biases that are not 0."""
    start = initial(SIZES, "relu", seed=3, member=0)
    return tuple(Layer(jnp.asarray(w), jnp.asarray(b + 0.5)) for w, b in start)


def gradients(steps=STEPS):
    """Return a gradient for every step, of sizes that differ by a factor of a million."""
    random = np.random.default_rng(5)
    return [
        tuple(
            Layer(
                jnp.asarray(random.normal(size=w.shape) * 10.0 ** random.integers(-3, 4)),
                jnp.asarray(random.normal(size=b.shape)),
            )
            for w, b in layers()
        )
        for _ in range(steps)
    ]


def walked(rule, slopes, settings):
    """Return the layers after each step of a rule."""
    now = layers()
    moments = jax.tree.map(jnp.asarray, fresh_moments(now, rule))
    path = []
    for number, slope in enumerate(slopes):
        now, moments = optimizer_step(RULES[rule], now, slope, moments, jnp.int32(number), settings)
        path.append(now)
    return path


def test_every_rule_has_an_oracle():
    """The comparison below covers all rules, and they walk different ways."""
    assert ORACLES.keys() == RULES.keys()
    ends = [walked(rule, gradients(), hyper())[-1][0].weights for rule in RULES]
    assert not any(np.allclose(a, b) for a, b in zip(ends, ends[1:] + ends[:1], strict=True))


@pytest.mark.parametrize("rule", RULES)
def test_rules_are_those_of_optax(rule):
    """Without L2 each rule walks as optax does, every step and every parameter."""
    oracle, there = ORACLES[rule], layers()
    memory = oracle.init(there)

    for ours, slope in zip(walked(rule, gradients(), hyper()), gradients(), strict=True):
        with jax.numpy_dtype_promotion("standard"):
            change, memory = oracle.update(slope, memory, there)
            there = optax.apply_updates(there, change)
        for mine, theirs in zip(jax.tree.leaves(ours), jax.tree.leaves(there), strict=True):
            # In float32 optax's 1 - beta^t is off by up to 2e-5 in the first steps.
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=5e-6)


def reference(rule, w, slopes, rate, l2):
    """Return a weight after steps of a rule, by its formulas in float64."""
    v = m = s = np.zeros_like(w)
    for t, g in enumerate(slopes, start=1):
        v = MOMENTUM * v - g
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
        adam = -(m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        move = {"sgd": -g, "momentum": v, "adam": adam}[rule]
        w = w * (1 - 2 * rate * l2) + rate * move
    return w


@pytest.mark.parametrize("rule", RULES)
def test_rules_are_their_formulas(rule):
    """Weights with L2, and biases without, equal the formulas in float64."""
    slopes = gradients()
    ours = walked(rule, slopes, hyper(l2=0.7))[-1]

    for depth, start in enumerate(layers()):
        for name, l2 in (("weights", 0.7), ("bias", 0.0)):
            before = np.asarray(getattr(start, name), np.float64)
            slope = [np.asarray(getattr(g[depth], name), np.float64) for g in slopes]
            expected = reference(rule, before, slope, RATE, l2)
            mine = np.asarray(getattr(ours[depth], name))
            # In float32, Adam's 1 - 0.999^t is off by up to 2e-5 of itself.
            np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-4 * abs(before).max())


@pytest.mark.parametrize("rule", RULES)
def test_l2_shrinks_weights_by_the_law(rule):
    """With a gradient of 0 one step is w (1 - 2 lr r), to the last digit, and biases keep every bit."""
    zero = [jax.tree.map(jnp.zeros_like, layers())]
    after = walked(rule, zero, hyper(l2=0.3))[0]
    shrink = np.float32(1) - np.float32(2) * np.float32(RATE) * np.float32(0.3)

    for old, new in zip(layers(), after, strict=True):
        np.testing.assert_allclose(new.weights, np.asarray(old.weights) * shrink, rtol=2e-7)
        np.testing.assert_array_equal(new.bias, old.bias)
        assert not np.array_equal(new.weights, old.weights)


@pytest.mark.parametrize("rule", RULES)
def test_l2_stays_out_of_the_moments(rule):
    """The change that L2 makes in the first step does not depend on the gradient: it is decoupled."""
    slopes = gradients(1)
    with_l2, without = (walked(rule, slopes, hyper(l2=l2))[0] for l2 in (0.3, 0.0))

    for old, new, plain in zip(layers(), with_l2, without, strict=True):
        shrunk = -2 * RATE * 0.3 * np.asarray(old.weights)
        atol = 1e-6 * abs(np.asarray(plain.weights)).max()
        np.testing.assert_allclose(new.weights - plain.weights, shrunk, rtol=1e-4, atol=atol)
        np.testing.assert_array_equal(new.bias, plain.bias)


def one_step(times=1, factor=1.0, **settings):
    """Return the layers after one step on four rows, each repeated a number of times."""
    rows = 4 * times
    program = Program("relu", "cross_entropy", "momentum", rows, dropout=False, masked=False)
    batch = Batch(
        x=jnp.tile(jnp.arange(16, dtype=jnp.float32).reshape(4, 4) / 16, (times, 1)),
        y=jnp.tile(jnp.arange(4, dtype=jnp.int32) % 3, times),
        w=jnp.full(rows, 1 / rows, jnp.float32),
    )
    moments = jax.tree.map(jnp.asarray, fresh_moments(layers(), "momentum"))
    start = MemberState(layers(), moments, jnp.int32(0))
    fixed = MemberConfig(hyper(**settings), jnp.uint32(0))
    return step(program, fixed, start, batch, jnp.float32(factor))[0].layers


def test_the_strength_of_l2_does_not_depend_on_the_batch_size():
    """A batch doubled row by row is one step with the same gradient and the same shrinking."""
    trained = zip(one_step(l2=0.3), one_step(times=8, l2=0.3), one_step(l2=0.0), strict=True)

    for small, large, without in trained:
        np.testing.assert_allclose(small.weights, large.weights, rtol=1e-5, atol=1e-6)
        assert not np.allclose(small.weights, without.weights, rtol=1e-3)


def test_the_schedule_scales_rate_and_shrinking_alike():
    """A factor of 1/2 in a step is half the learning rate, L2 included."""
    halved = one_step(factor=0.5, l2=0.1)
    slower = one_step(rate=RATE / 2, l2=0.1)

    for mine, theirs, full in zip(halved, slower, one_step(l2=0.1), strict=True):
        np.testing.assert_allclose(mine.weights, theirs.weights, rtol=1e-6)
        np.testing.assert_allclose(mine.bias, theirs.bias, rtol=1e-6)
        assert not np.allclose(mine.weights, full.weights, rtol=1e-4)


def test_cosine_factors_are_those_of_optax():
    """The cosine schedule is (1 + cos(pi t / T)) / 2, as optax has it, from 1 down to 0."""
    steps, total = np.arange(0, 101, 7), 100
    ours = schedule_multipliers("cosine", steps, total)
    schedule = optax.cosine_decay_schedule(1.0, total)
    with jax.numpy_dtype_promotion("standard"):
        oracle = [float(schedule(step)) for step in steps]

    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, oracle, atol=1e-6)
    np.testing.assert_allclose(ours, (1 + np.cos(np.pi * steps / 100)) / 2, rtol=1e-6)
    assert schedule_multipliers("cosine", np.array([0, 100]), total).tolist() == [1.0, 0.0]


def test_constant_factors_are_ones():
    """The constant schedule leaves the learning rate as it is."""
    np.testing.assert_array_equal(
        schedule_multipliers("constant", np.arange(5), 5), np.ones(5, np.float32)
    )


@pytest.mark.parametrize(
    ("rule", "first", "second"), [("sgd", 0, 0), ("momentum", 2, 0), ("adam", 2, 2)]
)
def test_moments_are_kept_where_they_are_needed(rule, first, second):
    """A rule that needs no moments carries none; the others begin at 0, in the layers' shapes."""
    moments = fresh_moments(layers(), rule)

    assert (len(moments.first), len(moments.second)) == (first, second)
    assert all(not leaf.any() and leaf.dtype == np.float32 for leaf in jax.tree.leaves(moments))


@pytest.mark.parametrize("fine", [False, True])
def test_parameters_learn_as_their_layer_declares(fine):
    """A step moves a parameter by its factor times the rate, and L2 shrinks those that it applies to."""
    sizes = EmbeddingSizes(numbers=2, coarse=3, intervals=3, plain=1, categories=1, levels=4)
    start = initial_embedding(sizes, 2, seed=0, member=0, fine=fine)
    ones = {name: jnp.ones(np.shape(part)) for name, part in start.parameters().items()}
    layer = start.with_parameters(ones | {"fine": jnp.float32(fine)})
    none = fresh_moments((layer,), "sgd")

    moved, _ = optimizer_step(
        RULES["sgd"], (layer,), (layer.with_parameters(ones),), none, jnp.int32(0), hyper(l2=0.1)
    )

    for name, part in layer.parameters().items():
        pace, shrunk = PACES.get(name, (1.0, False))
        pace *= fine if name == "bin_vectors" else 1
        expected = part - pace * RATE * (1 + 0.2 * shrunk)
        np.testing.assert_allclose(moved[0].parameters()[name], expected, rtol=1e-6)
