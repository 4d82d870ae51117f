"""The array backend: the operations that the formulas call.

Formulas take a backend as an argument. There are three: the operations of the arrays themselves (`PLAIN`,
NumPy's or XLA's), XLA's operations in the order of a CPU's memory (`kernels/xla_cpu.py`), and the C operations
(`kernels/network.py`). This module imports no JAX.
"""

from __future__ import annotations

from operator import getitem, matmul
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = Any  # a NumPy or a JAX array


def _sums(steps: Array) -> Array:
    """Return the cumulative sums along the second axis, shape as the argument."""
    return steps.__array_namespace__().cumsum(steps, axis=1)


class FusedAdam(NamedTuple):
    """The argument with which the backward pass of affine layers takes their steps of Adam.

    In place of the gradients of layers and moments, that pass returns the layers and moments after the
    step.
    """

    first: Any  # moments of the affine layers
    second: Any
    of_weights: Array  # the constants of `Backend.adam`
    of_biases: Array


class Backend(NamedTuple):
    """The operations of a network. Every backend multiplies, sums and takes rows.

    The others are larger parts of a training step, which a backend may compute in one operation.
    """

    multiply: Callable[[Array, Array], Array]  # rows (rows, inputs) by weights (inputs, outputs)
    running_sum: Callable[[Array], Array]  # cumulative sums along the second axis
    take_rows: Callable[[Array, Array], Array]  # of a table, by their numbers
    # The same for a float32 table, whose rows are inputs of `network`; None without that operation,
    # and then consecutive rows are a slice.
    take_inputs: Callable[[Array, Array], Any] | None = None
    # The logits, from affine layers, rows, dropout, a `FusedAdam` or None, and the name of the hidden units
    # between the layers, which are not the identity.
    network: Callable[..., Array] | None = None
    # The gradient of the logits and the rows' losses, from logits, labels and row weights.
    cross_entropy: Callable[..., tuple[Array, Array]] | None = None
    # What the first layer gets, from an embedding and rows: `nn.embedding.embedded`.
    embed: Callable[[Any, Array], Array] | None = None
    # Arrays and their two moments after a step, from these, the gradients and constants, all by array.
    adam: Callable[[list[tuple[Array, ...]], Array], list[tuple[Array, ...]]] | None = None
    # Of each batch the rows whose weight is not 0, from all weights and the size of a batch.
    used_rows: Callable[[Array, int], Array] | None = None
    # A backend whose operations on a batch compute only those of one batch: rows are taken one after the
    # other, and the cross-entropy is that of their places in the batch.
    limited_to: Callable[[Array], Backend] | None = None
    # A layer's weights to the layout that `multiply` and `network` read, and back.
    pack_weights: Callable[[Array], Array] = lambda weights: weights
    unpack_weights: Callable[[Array], Array] = lambda weights: weights


# The operations of the arrays themselves, NumPy's or JAX's: on all devices, in any precision.
PLAIN = Backend(matmul, _sums, getitem)
