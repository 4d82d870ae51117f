"""The operations as NumPy and JAX do them, against loops written out."""

import jax.numpy as jnp
import numpy as np

from epochal.nn.backend import PLAIN


def test_sums_are_up_to_each_place_along_the_second_axis(rng):
    """NumPy and JAX sum alike."""
    steps = rng.integers(9, size=(2, 4, 3)).astype(float)
    expected = np.stack([steps[:, : k + 1].sum(axis=1) for k in range(4)], axis=1)

    np.testing.assert_array_equal(PLAIN.running_sum(steps), expected)
    np.testing.assert_array_equal(PLAIN.running_sum(jnp.asarray(steps)), expected)


def test_a_product_is_that_of_matrices():
    """Rows of the first with columns of the second."""
    assert PLAIN.product(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])) == [[11.0]]
