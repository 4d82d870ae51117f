"""Operations in the order of memory that suits a CPU, against plain ones."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.kernels import xla_cpu
from epochal.kernels.xla_cpu import CPU
from epochal.nn.backend import PLAIN

# Products of all kinds: the last one is long.
SIZES = [*product((1, 5, 200), (1, 7, 100), (1, 2, 16, 17, 160)), (600, 300, 200)]


@pytest.mark.parametrize(("rows", "inputs", "outputs"), SIZES)
def test_a_product_and_its_gradients_are_those_of_the_formula(rows, inputs, outputs, rng):
    """The product x W, and for a gradient g: g Wᵀ and xᵀ g, whichever side is transposed first."""
    x, w, g = (
        rng.normal(size=shape) for shape in ((rows, inputs), (inputs, outputs), (rows, outputs))
    )

    @jax.jit
    def product_and_gradients(x, w, g):
        found, chain_rule = jax.vjp(xla_cpu.product, x, w)
        return found, *chain_rule(g)

    with jax.enable_x64(True):
        found, of_x, of_w = product_and_gradients(x, w, g)

    np.testing.assert_allclose(found, x @ w, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(of_x, g @ w.T, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(of_w, x.T @ g, rtol=1e-12, atol=1e-12)


def test_running_sums_are_those_of_numpy(rng):
    """Along the second axis, and so are their gradients: sums from behind."""
    steps, g = rng.normal(size=(2, 3, 5, 2))
    with jax.enable_x64(True):
        found, chain_rule = jax.vjp(CPU.running_sum, jnp.asarray(steps))
        (slope,) = chain_rule(jnp.asarray(g))

    np.testing.assert_allclose(found, PLAIN.running_sum(steps), rtol=1e-12)
    np.testing.assert_allclose(slope, g[:, ::-1].cumsum(axis=1)[:, ::-1], rtol=1e-12)
