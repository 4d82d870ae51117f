"""The embedding: lines, bends and levels, against loops written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.kernels.xla_cpu import CPU
from epochal.nn.backend import PLAIN
from epochal.nn.embedding import Embedding, embedded, initial_embedding, resized
from epochal.preprocessing.feature_layout import EmbeddingSizes

SIZES = EmbeddingSizes(numbers=2, coarse=3, intervals=5, plain=1, categories=2, levels=7)
SIZE = 3


def random_embedding(*, fine):
    """Return an embedding of random numbers, in float64."""
    rng = np.random.default_rng(0)
    begin = initial_embedding(SIZES, SIZE, seed=0, member=0, fine=fine)
    shapes = begin._replace(fine=np.zeros(()))
    random = Embedding(*(rng.normal(size=part.shape) for part in shapes))
    return random._replace(fine=np.float64(fine))


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
    """Return what the first layer gets for one row, number by number."""
    result = []
    for j in range(2):
        place = row[5 + j] if e.fine else row[3 + j]
        vector = row[j] * e.slope[j] + e.offset[j]
        n = min(int(place), 4)
        below = e.increments[j, :n].sum(axis=0) + e.bin_vectors[j, n]
        above = e.increments[j, : n + 1].sum(axis=0) + e.bin_vectors[j, n + 1]
        result.append(e.scale[j] * (vector + below + (place - n) * (above - below)))
    result += [e.scale[2 + c] * e.levels[int(row[7 + c])] for c in range(2)]
    return np.concatenate([*result, row[2:3] * e.plain])


@pytest.mark.parametrize("fine", [False, True])
def test_an_embedding_is_the_formula(fine):
    """Each kind of member reads its own places; vectors stand in the order of the inputs."""
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

        def loss(increments):
            device = jax.tree.map(jnp.asarray, e._replace(increments=increments))
            return (embedded(device, x, CPU) ** 2 @ weights).sum()

        slope = jax.grad(loss)(jnp.asarray(e.increments))
        for place in ((0, 0, 0), (1, 4, 2), (0, 2, 1)):
            nudge = np.zeros(e.increments.shape)
            nudge[place] = 1e-5
            difference = (loss(e.increments + nudge) - loss(e.increments - nudge)) / 2e-5
            assert float(slope[place]) == pytest.approx(float(difference), rel=1e-6)


def test_a_member_begins_as_a_line():
    """Before training a number bends nowhere, and members differ by their own lines."""
    first, other = (initial_embedding(SIZES, SIZE, seed=0, member=k, fine=False) for k in (0, 1))
    x = rows()
    still = embedded(first, x)[:, :SIZE]

    np.testing.assert_allclose(still, x[:, :1] * first.slope[0] + first.offset[0], rtol=1e-6)
    assert not np.array_equal(first.slope, other.slope)
    assert np.abs(first.levels).max() < 0.5


def test_room_that_is_cut_off_and_given_back_changes_nothing():
    """Smooth members' places stay within their few knots, wherever the table ends."""
    e, x = random_embedding(fine=False), rows()
    e = e._replace(increments=_few(e.increments, 3), bin_vectors=_few(e.bin_vectors, 4))
    small = resized(e, 3)

    assert small.increments.shape == (2, 3, SIZE)
    np.testing.assert_allclose(embedded(small, x), embedded(e, x), rtol=1e-12)
    for one, again in zip(e, resized(small, 5), strict=True):
        np.testing.assert_array_equal(one, again)


def _few(table, number):
    """Return a table whose entries behind so many are 0."""
    kept = table.copy()
    kept[:, number:] = 0.0
    return kept
