"""Operations in the order of memory that suits a CPU; `docs/PERFORMANCE.md` has the measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

from epochal.nn.backend import PLAIN, Backend

if TYPE_CHECKING:
    Array = Any  # a JAX array

# Gradients of weights with so few outputs, or so few multiplications, are faster with a copy before them.
NARROW, SHORT = 16, 2**25


@jax.custom_vjp
def product(x: Array, weights: Array) -> Array:
    """Return x W, with gradients that are faster where W has few outputs or the product is short.

    As a formula, the gradient xᵀ g makes XLA read x down its columns: such a product goes to
    another library, which is slower unless it is long, and several times as slow where a side
    is narrow. Here one side is transposed first, by a copy: g where W has few outputs, else x.

    Args:
        x: shape (rows, inputs).
        weights: shape (inputs, outputs).

    >>> x, g = jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([[1.0], [10.0]])
    >>> jax.vjp(product, x, jnp.ones((2, 1)))[1](g)[1].tolist()
    [[31.0], [42.0]]
    """
    return x @ weights


def _forward(x: Array, weights: Array) -> tuple[Array, tuple[Array, Array]]:
    """Return the product, and what its gradients need."""
    return product(x, weights), (x, weights)


def _backward(of: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    """Return the gradients of x and of the weights."""
    x, weights = of
    if weights.shape[1] <= NARROW:
        of_weights = _held(_held(gradient.T) @ x).T
    else:
        short = x.size * weights.shape[1] <= SHORT
        of_weights = (_held(x.T) if short else x.T) @ gradient
    return gradient @ weights.T, of_weights


def _held(matrix: Array) -> Array:
    """Return a matrix as it is; XLA would put a product back as it was, and cannot past this."""
    return lax.optimization_barrier(matrix)


product.defvjp(_forward, _backward)


def running_sum(steps: Array) -> Array:
    """Return the sums along the second axis up to each place, shape as the argument.

    One after the other: faster than `jnp.cumsum`, which adds in a tree.
    """

    def add(total: Array, one: Array) -> tuple[Array, Array]:
        return total + one, total + one

    by_knot = jnp.swapaxes(steps, 0, 1)
    _, sums = lax.scan(add, jnp.zeros_like(by_knot[0]), by_knot)
    return jnp.swapaxes(sums, 0, 1)


CPU = Backend(product, running_sum, PLAIN.take_rows)
