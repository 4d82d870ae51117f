"""The operations of every backend there is, against NumPy in float64, on random shapes."""

from functools import partial

import jax
import numpy as np
import pytest

from epochal.kernels.library import load
from epochal.kernels.network import c_backend
from epochal.kernels.xla_cpu import CPU
from epochal.nn.backend import PLAIN
from epochal.nn.layers import apply, initial, with_weights
from epochal.nn.losses import cross_entropy, cross_entropy_gradient

ROUNDS = 3
COMPILED = {"XLA": PLAIN, "XLA on a CPU": CPU}
if load().instruction_set:
    COMPILED |= {
        "C, one thread": c_backend(parallel=False),
        "C, threads": c_backend(parallel=True),
    }
close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)


def normal(rng, *shape):
    """Return numbers of float32."""
    return rng.normal(size=shape).astype(np.float32)


def sizes(rng, number):
    """Return axis lengths: small ones, and some near the widths of panels and tiles."""
    return (rng.integers(1, 40, number) * rng.integers(1, 4, number)).tolist()


@pytest.mark.parametrize("name", COMPILED)
def test_products_and_their_gradients_are_those_of_numpy(name, rng):
    """Products and their gradients are those of NumPy, although a backend may have its own layout of weights."""
    kernels = COMPILED[name]

    @jax.jit
    def product_and_gradients(x, w, g):
        """Also the weights' gradient is in the order of the weights as the backend holds them."""
        product, chain_rule = jax.vjp(kernels.multiply, x, kernels.pack_weights(w))
        of_x, of_w = chain_rule(g)
        return product, of_x, kernels.unpack_weights(of_w)

    for rows, inputs, outputs in (sizes(rng, 3) for _ in range(ROUNDS)):
        x, w, g = (
            normal(rng, rows, inputs),
            normal(rng, inputs, outputs),
            normal(rng, rows, outputs),
        )

        product, of_x, of_w = product_and_gradients(x, w, g)

        close(product, PLAIN.multiply(*map(np.float64, (x, w))))
        close(of_x, np.float64(g) @ w.T)
        close(of_w, np.float64(x).T @ g)


@pytest.mark.parametrize("name", COMPILED)
def test_running_sums_and_their_gradients_are_those_of_numpy(name, rng):
    """Up to each place along the second axis; the gradient sums from behind."""

    @jax.jit
    def sums_and_gradients(steps, g):
        sums, chain_rule = jax.vjp(COMPILED[name].running_sum, steps)
        return sums, *chain_rule(g)

    for shape in (sizes(rng, 3) for _ in range(ROUNDS)):
        steps, g = normal(rng, *shape), normal(rng, *shape)

        found, gradient = sums_and_gradients(steps, g)

        close(found, PLAIN.running_sum(np.float64(steps)))
        close(gradient, PLAIN.running_sum(np.float64(g)[:, ::-1])[:, ::-1])


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize("name", COMPILED)
def test_rows_are_taken_bit_by_bit(name, dtype, rng):
    """By their numbers, in any order and repeatedly, of numbers and of bytes."""
    for rows, columns, number in (sizes(rng, 3) for _ in range(ROUNDS)):
        table = rng.integers(256, size=(rows, columns)).astype(dtype)
        numbers = rng.integers(rows, size=number).astype(np.int32)

        found = jax.jit(COMPILED[name].take_rows)(table, numbers)

        assert found.dtype == dtype
        np.testing.assert_array_equal(found, PLAIN.take_rows(table, numbers))


@pytest.mark.parametrize("name", COMPILED)
def test_networks_are_those_of_numpy(name, rng):
    """Whichever operations the backend computes them by, from rows that it takes itself."""
    kernels = COMPILED[name]
    for *widths, rows in (sizes(rng, 4) for _ in range(ROUNDS)):
        layers = initial(widths, "relu", seed=int(rng.integers(99)), member=0)
        table, numbers = normal(rng, rows, widths[0]), rng.permutation(rows).astype(np.int32)

        def forward(layers, table, numbers):
            take = kernels.take_inputs or kernels.take_rows
            packed = with_weights(kernels.pack_weights, layers)
            return apply(packed, take(table, numbers), "relu", kernels=kernels)

        close(jax.jit(forward)(layers, table, numbers), apply(layers, table[numbers], "relu"))


@pytest.mark.parametrize("name", [k for k, kernels in COMPILED.items() if kernels.cross_entropy])
def test_losses_of_a_backend_are_the_formulas(name, rng):
    """The cross-entropy of each row, and its gradient weighted by row."""
    for rows, classes in (sizes(rng, 2) for _ in range(ROUNDS)):
        o, w = normal(rng, rows, classes), normal(rng, rows)
        y = rng.integers(classes, size=rows).astype(np.int32)
        targets = np.eye(classes)[y]

        gradient, losses = jax.jit(COMPILED[name].cross_entropy)(o, y, w)

        close(losses, cross_entropy(np.float64(o), targets))
        close(gradient, cross_entropy_gradient(np.float64(o), targets) * w[:, None])


def test_sums_are_up_to_each_place_along_the_second_axis(rng):
    """NumPy's sums are those of a loop."""
    steps = rng.integers(9, size=(2, 4, 3)).astype(float)
    expected = np.stack([steps[:, : k + 1].sum(axis=1) for k in range(4)], axis=1)

    np.testing.assert_array_equal(PLAIN.running_sum(steps), expected)


def test_a_product_is_that_of_matrices():
    """Rows of the first with columns of the second."""
    assert PLAIN.multiply(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])) == [[11.0]]
