"""Dropout: probability, mean, independence, sameness everywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.nn.dropout import inverted, keep_mask, mixed

WORD, STEP = jnp.uint32(12345), jnp.int32(3)
SHAPE = (500, 400)


def keep(dropout, word=WORD, step=STEP, depth=0, shape=SHAPE):
    """Return a mask as NumPy booleans."""
    return np.asarray(keep_mask(shape, jnp.float32(dropout), word, step, depth))


@pytest.mark.parametrize("dropout", [0.0, 0.1, 0.5, 0.9])
def test_units_are_dropped_with_the_probability(dropout):
    """The share of dropped units is `dropout`, within four standard errors."""
    dropped = 1 - keep(dropout).mean()
    error = np.sqrt(dropout * (1 - dropout) / np.prod(SHAPE))

    assert abs(dropped - dropout) <= 4 * error


def test_each_row_and_column_has_its_share():
    """No row and no column of the mask is favoured: all shares lie within five standard errors."""
    mask = keep(0.5)

    assert abs(mask.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(SHAPE[0])
    assert abs(mask.mean(axis=1) - 0.5).max() < 5 * 0.5 / np.sqrt(SHAPE[1])


def test_masks_are_uncorrelated_across_members_steps_and_depths():
    """Another member, step or depth gives a mask that agrees on half of the units."""
    base = keep(0.5)
    others = [
        keep(0.5, word=jnp.uint32(12346)),
        keep(0.5, step=jnp.int32(4)),
        keep(0.5, depth=1),
        keep(0.5, depth=-1),
        np.roll(base, 1, axis=0),
        np.roll(base, 1, axis=1),
    ]

    for other in others:
        assert abs((base == other).mean() - 0.5) < 5 * 0.5 / np.sqrt(base.size)


def test_the_mean_is_kept():
    """Inverted dropout keeps the mean of the hidden values and zeroes the dropped."""
    h = jnp.ones(SHAPE, jnp.float32) * 3
    out = np.asarray(inverted(h, jnp.float32(0.3), WORD, STEP, 0))

    assert abs(out.mean() - 3) < 5 * 3 * np.sqrt(0.3 / 0.7 / out.size)
    np.testing.assert_allclose(np.unique(out), [0, 3 / 0.7], rtol=1e-6)


def test_numpy_and_jax_make_the_same_masks():
    """A mask is integers only, so it is the same in NumPy, in JAX and under vmap."""
    words = np.array([1, 2, 3], np.uint32)
    mapped = jax.vmap(lambda w: keep_mask((8, 5), jnp.float32(0.4), w, STEP, 1))(jnp.asarray(words))
    ours = [keep_mask((8, 5), np.float32(0.4), word, np.int32(3), 1) for word in words]

    np.testing.assert_array_equal(np.stack(ours), np.asarray(mapped))
    assert not np.array_equal(ours[0], ours[1])


def test_mixing_is_a_bijection():
    """Different words stay different after mixing."""
    words = np.arange(2**16, dtype=np.uint32) * np.uint32(65537)

    assert len(np.unique(mixed(words))) == len(words)
