"""The array backend: the operations that some devices do faster another way.

Formulas take a backend as an argument. There are three: the operations of the arrays themselves (`PLAIN`,
in NumPy or XLA), XLA's in the order of memory of a CPU (`kernels/xla_cpu.py`), and those in C
(`kernels/relu_network.py`). This module imports no JAX.
"""

from __future__ import annotations

from operator import getitem, matmul
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = Any  # a NumPy or a JAX array


def _sums(steps: Array) -> Array:
    """Return the sums along the second axis up to each place, shape as the argument."""
    return steps.__array_namespace__().cumsum(steps, axis=1)


class FusedAdam(NamedTuple):
    """What a chain rule needs to take steps of Adam with the gradients of affine layers itself.

    In the place of these gradients, and of those of the moments, it leaves layers and moments as
    they are after the step.
    """

    first: Any  # moments of the affine layers
    second: Any
    of_weights: Array  # figures, as `Backend.adam` takes them
    of_biases: Array


class Backend(NamedTuple):
    """What a network is computed with. Every backend multiplies, sums and takes rows.

    The rest are whole parts of a training step, which a backend may do in one.
    """

    multiply: Callable[[Array, Array], Array]  # rows (rows, inputs) by weights (inputs, outputs)
    running_sum: Callable[[Array], Array]  # along the second axis, up to each place
    take_rows: Callable[[Array, Array], Array]  # of a table, by their numbers
    # The same of a table of float32, for `relu_network` only; None if there is no such network, and
    # rows that follow each other are a slice like others.
    take_inputs: Callable[[Array, Array], Any] | None = None
    # Of affine layers with ReLU units between them, rows, dropout, and a `FusedAdam` or None, the logits,
    # in one; None if not.
    relu_network: Callable[..., Array] | None = None
    # Of logits, labels and row weights the gradient of the logits and the rows' losses; None if not.
    cross_entropy: Callable[..., tuple[Array, Array]] | None = None
    # Of an array and its two moments, its gradient and figures the three after a step; None if not.
    adam: Callable[..., tuple[Array, ...]] | None = None
    # A layer's weights in the order in which `multiply` and `relu_network` read them, and back.
    pack_weights: Callable[[Array], Array] = lambda weights: weights
    unpack_weights: Callable[[Array], Array] = lambda weights: weights


# The operations of the arrays themselves, NumPy's or JAX's: on all devices, in any precision.
PLAIN = Backend(matmul, _sums, getitem)
