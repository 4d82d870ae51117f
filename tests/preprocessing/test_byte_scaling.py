"""Bytes as features: those of the preprocessing, to rounding."""

import jax.numpy as jnp
import numpy as np
import pytest

from epochal.preprocessing.byte_scaling import Scaling, scaled
from epochal.preprocessing.preprocessor import Preprocessor


@pytest.mark.parametrize("roots", [False, True])
@pytest.mark.parametrize("clip", [None, 4.0])
@pytest.mark.parametrize("xp", [np, jnp])
def test_bytes_become_the_features_of_the_preprocessing(clip, xp, roots, rng):
    """On the host and on the device, for pixels that vary, hardly vary or never do."""
    images = rng.integers(0, 256, (2000, 4), dtype=np.uint8)
    images[:, 1] = 255 - (rng.random(2000) < 0.001)
    images[:, 2] = 7
    images[:, 3] = rng.random(2000) < 0.001
    asked = {"variance_epsilon": 1e-8, "clip": clip, "max_categories": 64, "sqrt_transform": roots}
    ours = Preprocessor.fit(images, **asked)
    every = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, axis=1)

    features = scaled(xp.asarray(every), ours.scaling)

    assert features.dtype == np.float32
    np.testing.assert_allclose(features, ours.encode(every), rtol=1e-6, atol=1e-6)


def test_bytes_stay_bytes_only_if_roots_are_of_all_or_of_none(rng):
    """One rule makes features of a whole batch; where columns differ, rows are encoded on the host."""
    mixed = rng.normal(size=(50, 2)) * [1, 0] + [0, 3]
    some = Preprocessor.fit(
        mixed, variance_epsilon=0.0, clip=None, max_categories=64, sqrt_transform=True
    )
    images = np.uint8([[1, 2], [3, 4]])

    assert some.roots == (1,)
    assert some.scaling is None
    np.testing.assert_array_equal(some.compact(images), some.encode(images))


def test_other_rows_stay_as_they_are_and_bytes_need_a_scaling():
    """Encoded rows are features already; bytes without a scaling are an error."""
    x = np.ones((2, 3), np.float32)

    assert scaled(x, Scaling.of(np.ones(3), np.ones(3), None)) is x
    with pytest.raises(TypeError, match="without a scaling"):
        scaled(np.ones((2, 3), np.uint8), None)
