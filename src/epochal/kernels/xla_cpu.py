"""The CPU backend without C: XLA's operations, with products in the order of memory.

`docs/PERFORMANCE.md` has the measurements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

from epochal.nn.backend import PLAIN, Backend

if TYPE_CHECKING:
    Array = Any  # a JAX array

# With at most this many outputs or multiplications, a copy makes the gradient of the weights faster.
NARROW, SHORT = 16, 2**25


@jax.custom_vjp
def product(x: Array, weights: Array) -> Array:
    """Return x W, with gradients that are faster if W has few outputs or the product is small.

    Written as a formula, the gradient xᵀ g makes XLA read x by columns. XLA calls another library for
    such a product, which is slower unless the product is large, and several times as slow if one side
    is narrow. Here one side is transposed by a copy first: g if W has few outputs, else x.

    Args:
        x: shape (rows, inputs).
        weights: shape (inputs, outputs).

    >>> x, g = jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([[1.0], [10.0]])
    >>> jax.vjp(product, x, jnp.ones((2, 1)))[1](g)[1].tolist()
    [[31.0], [42.0]]
    """
    return x @ weights


def _forward(x: Array, weights: Array) -> tuple[Array, tuple[Array, Array]]:
    """Return the product, and the arrays that its gradients need."""
    return product(x, weights), (x, weights)


def _backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    """Return the gradients of x and of the weights."""
    x, weights = saved
    if weights.shape[1] <= NARROW:
        of_weights = _behind_barrier(_behind_barrier(gradient.T) @ x).T
    else:
        short = x.size * weights.shape[1] <= SHORT
        of_weights = (_behind_barrier(x.T) if short else x.T) @ gradient
    return gradient @ weights.T, of_weights


def _behind_barrier(matrix: Array) -> Array:
    """Return the matrix unchanged, behind a barrier, so that XLA does not undo a transposition."""
    return lax.optimization_barrier(matrix)


product.defvjp(_forward, _backward)


def running_sum(steps: Array) -> Array:
    """Return the cumulative sums along the second axis, shape as the argument.

    Sequential sums, which are faster than `jnp.cumsum`, a tree of additions.
    """

    def add(total: Array, one: Array) -> tuple[Array, Array]:
        return total + one, total + one

    by_bin = jnp.swapaxes(steps, 0, 1)
    _, sums = lax.scan(add, jnp.zeros_like(by_bin[0]), by_bin)
    return jnp.swapaxes(sums, 0, 1)


CPU = Backend(product, running_sum, PLAIN.take_rows)
