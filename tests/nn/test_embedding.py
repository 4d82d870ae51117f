"""The embedding: lines, bends and levels, against loops written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.kernels.xla_cpu import CPU
from epochal.nn.backend import PLAIN
from epochal.nn.embedding import (
    CategoricalEmbedding,
    embedded,
    embedding_shapes,
    initial_embedding,
    resized,
)
from epochal.nn.layers import Layer
from epochal.preprocessing.feature_layout import EmbeddingSizes

SIZES = EmbeddingSizes(numbers=2, coarse=3, intervals=5, plain=1, categories=2, levels=7)
SIZE = 3


def random_embedding(*, fine):
    """Return an embedding of random numbers, in float64."""
    rng = np.random.default_rng(0)
    begin = initial_embedding(SIZES, SIZE, seed=0, member=0, fine=fine)
    random = {name: rng.normal(size=part.shape) for name, part in begin.parameters().items()}
    return begin.with_parameters(random | {"fine": np.float64(fine)})


def changed(e, **parameters):
    """Return an embedding with some parameters replaced."""
    return e.with_parameters(e.parameters() | parameters)


def rows():
    """Return rows as they are encoded: values, plain, both places, codes."""
    rng = np.random.default_rng(1)
    values, plain = rng.normal(size=(6, 2)), rng.normal(size=(6, 1))
    coarse = rng.uniform(0, 3, size=(6, 2))
    fine = rng.uniform(0, 5, size=(6, 2))
    coarse[0], fine[0] = 3.0, 5.0
    codes = np.stack([rng.integers(4, size=6), 4 + rng.integers(3, size=6)], axis=1)
    return np.concatenate([values, plain, coarse, fine, codes], axis=1)


def written_out(e, row):
    """Return the inputs of the first layer for one row, number by number."""
    result, number = [], e.numeric
    for j in range(2):
        place = row[5 + j] if number.fine else row[3 + j]
        vector = row[j] * number.slope[j] + number.offset[j]
        n = min(int(place), 4)
        below = number.increments[j, :n].sum(axis=0) + number.bin_vectors[j, n]
        above = number.increments[j, : n + 1].sum(axis=0) + number.bin_vectors[j, n + 1]
        result.append(e.scale[j] * (vector + below + (place - n) * (above - below)))
    result += [e.scale[2 + c] * e.categorical.levels[int(row[7 + c])] for c in range(2)]
    return np.concatenate([*result, row[2:3] * e.plain])


@pytest.mark.parametrize("fine", [False, True])
def test_an_embedding_is_the_formula(fine):
    """Each variant reads its own positions; vectors are in the order of the inputs."""
    e, x = random_embedding(fine=fine), rows()
    expected = np.stack([written_out(e, row) for row in x])

    np.testing.assert_allclose(embedded(e, x), expected, rtol=1e-12)
    assert expected.shape[1] == SIZES.inputs(SIZE)


def test_jax_computes_what_numpy_does():
    """The same function on JAX's arrays, with either way to sum, agrees to float32 rounding."""
    e, x = random_embedding(fine=True), rows()
    on_device = jax.tree.map(lambda part: jnp.asarray(part, jnp.float32), e)

    for kernels in (PLAIN, CPU):
        found = embedded(on_device, jnp.asarray(x, jnp.float32), kernels)
        np.testing.assert_allclose(found, embedded(e, x), rtol=2e-5, atol=1e-5)


def test_the_slope_is_that_of_small_differences(rng):
    """The gradient of the table agrees with central differences."""
    with jax.enable_x64(True):
        e, x = random_embedding(fine=True), jnp.asarray(rows())
        weights = jnp.asarray(rng.normal(size=SIZES.inputs(SIZE)))

        @jax.jit
        def loss(increments):
            device = jax.tree.map(jnp.asarray, changed(e, increments=increments))
            return (embedded(device, x, CPU) ** 2 @ weights).sum()

        slope = jax.grad(loss)(jnp.asarray(e.numeric.increments))
        for place in ((0, 0, 0), (1, 4, 2), (0, 2, 1)):
            table = e.numeric.increments
            nudge = np.zeros(table.shape)
            nudge[place] = 1e-5
            difference = (loss(table + nudge) - loss(table - nudge)) / 2e-5
            assert float(slope[place]) == pytest.approx(float(difference), rel=1e-6)


def test_a_member_begins_as_a_line():
    """Before training a number bends nowhere, and members differ by their own lines."""
    first, other = (initial_embedding(SIZES, SIZE, seed=0, member=k, fine=False) for k in (0, 1))
    x = rows()
    still = embedded(first, x)[:, :SIZE]

    line = x[:, :1] * first.numeric.slope[0] + first.numeric.offset[0]
    np.testing.assert_allclose(still, line, rtol=1e-6)
    assert not np.array_equal(first.numeric.slope, other.numeric.slope)
    assert 0 < np.abs(first.categorical.levels).max() < 0.5


def test_room_that_is_cut_off_and_given_back_changes_nothing():
    """Smooth members' places stay within their few knots, wherever the table ends."""
    e, x = random_embedding(fine=False), rows()
    few = {
        "increments": _few(e.numeric.increments, 3),
        "bin_vectors": _few(e.numeric.bin_vectors, 4),
    }
    e = changed(e, **few)
    small = resized(e, 3)

    assert small.numeric.increments.shape == (2, 3, SIZE)
    np.testing.assert_allclose(embedded(small, x), embedded(e, x), rtol=1e-12)
    for one, again in zip(*(jax.tree.leaves(end) for end in (e, resized(small, 5))), strict=True):
        np.testing.assert_array_equal(one, again)


def test_embeddings_are_resized_wherever_they_stand():
    """Embeddings in a tree of tuples are resized, named or not; other leaves are the same objects."""
    e, beside = random_embedding(fine=False), np.ones(3)
    found = resized(((e, beside), Layer(beside, beside), ()), 2)

    assert found[0][0].numeric.intervals == 2
    assert found[0][1] is found[1].weights is beside
    assert isinstance(found[1], Layer)
    assert found[2] == ()


def test_each_parameter_has_one_name_and_declares_how_it_learns():
    """Names of the parts do not clash, their order is that of the arrays, none is without a pace."""
    e = random_embedding(fine=True)
    named = e.parameters()

    assert [id(part) for part in named.values()] == [id(part) for part in jax.tree.leaves(e)]
    assert list(e.parameter_options()) == list(named)
    for name, again in e.with_parameters(dict(reversed(named.items()))).parameters().items():
        assert again is named[name]


@pytest.mark.parametrize("fine", [False, True])
def test_single_knots_learn_in_members_with_fine_bins_only(fine):
    """The pace of their vectors is 0 elsewhere; that of the flag is 0 everywhere."""
    learning = random_embedding(fine=fine).parameter_options()

    assert learning["bin_vectors"].rate_factor == (0.3 if fine else 0.0)
    assert learning["fine"].rate_factor == 0.0


def test_the_shapes_are_those_of_what_is_made():
    """The parameters expected of a file are those that a training begins with."""
    made = initial_embedding(SIZES, SIZE, seed=0, member=0, fine=True).parameters()

    assert embedding_shapes(SIZES, SIZE).parameters() == {k: np.shape(p) for k, p in made.items()}


def test_the_vectors_of_levels_are_looked_up(rng):
    """A category's vector is the row of its level, whatever the type of its number."""
    categorical = CategoricalEmbedding(rng.normal(size=(7, SIZE)))
    vectors = categorical.apply(np.array([[0.0, 4.0], [3.0, 6.0]]))

    np.testing.assert_array_equal(vectors[1, 1], categorical.levels[6])
    assert vectors.shape == (2, 2, SIZE)


def test_vectors_of_numbers_need_no_table():
    """The numeric part alone gives the vectors that the embedding of a table then scales."""
    e, x = random_embedding(fine=True), rows()
    vectors = e.numeric.apply(x[:, :2], x[:, 3:5], x[:, 5:7])

    expected = embedded(e, x)[:, : 2 * SIZE].reshape(6, 2, SIZE)
    np.testing.assert_allclose(vectors * e.scale[None, :2], expected, rtol=1e-12)


def _few(table, number):
    """Return a table whose entries after the first ones are 0."""
    kept = table.copy()
    kept[:, number:] = 0.0
    return kept
