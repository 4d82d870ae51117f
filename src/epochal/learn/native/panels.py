"""Matrices in panels: the order in which a product reads its second factor.

A matrix in panels has the same shape and other places: its first columns, as many as a panel has, lie row by
row, then the next ones, and the last panel is of those that are left. A product that finds it so
need not pack it first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

if TYPE_CHECKING:
    Array = Any  # a JAX array

PANEL = 32  # columns of a panel, as in `native.h`


def in_panels(weights: Array) -> Array:
    """Return a matrix in panels; shape as the argument.

    >>> in_panels(jnp.arange(2 * 34).reshape(2, 34))[0, -3:].tolist()
    [31, 34, 35]
    """
    inputs, outputs = weights.shape
    number, left = divmod(outputs, PANEL)
    whole, rest = jnp.split(weights, [outputs - left], axis=1)
    panels = whole.reshape(inputs, number, PANEL).swapaxes(0, 1)
    return jnp.concatenate([panels.reshape(-1), rest.reshape(-1)]).reshape(weights.shape)


def in_rows(panels: Array) -> Array:
    """Return a matrix row by row that is in panels.

    >>> weights = jnp.arange(3 * 70).reshape(3, 70)
    >>> bool((in_rows(in_panels(weights)) == weights).all())
    True
    """
    inputs, outputs = panels.shape
    number, left = divmod(outputs, PANEL)
    whole, rest = jnp.split(panels.reshape(-1), [inputs * (outputs - left)])
    rows = whole.reshape(number, inputs, PANEL).swapaxes(0, 1)
    return jnp.concatenate([rows.reshape(inputs, -1), rest.reshape(inputs, left)], axis=1)
