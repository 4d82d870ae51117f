"""A network of ReLU units, and a step of Adam, by the operations in C.

Bias, unit and dropout happen to a product's numbers before they are written, and so does their part
of the chain rule: a hidden value is 0 where its unit or its dropout holds back, and there its gradient is 0.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from epochal.learn import cpu
from epochal.learn.kernels import Descent, Kernels
from epochal.learn.native.calls import INPUTS, OUTPUTS, Operations, able
from epochal.learn.network import Layer

if TYPE_CHECKING:
    from epochal.learn.dropout import Drop

    Array = Any  # a JAX array
    Dropout = tuple[tuple[Array, ...], Array]  # streams and limits; what multiplies what stays

# To put rows of so many columns, or fewer, into panels takes longer than it saves.
WIDE = 128


def best(*, share: bool) -> Kernels:
    """Return the best kernels on a CPU: in C if they can be used; with `share`, see `kernels`."""
    return kernels(share=share) if able() else cpu.CPU


@cache
def kernels(*, share: bool) -> Kernels:
    """Return the operations in C; with `share`, threads share the work of each."""
    operations = Operations(share)

    def network(
        layers: tuple[Layer, ...],
        x: Array | InPanels,
        drop: Drop | None,
        descent: Descent | None,
    ) -> Array:
        """Return the logits of rows x."""
        none = (), jnp.float32(1.0)
        dropout = none if drop is None else drop.words(len(layers) - 1)
        return _logits(operations, layers, x, dropout, descent)

    return Kernels(
        product=partial(_product, operations),
        running_sum=cpu.running_sum,
        rows=operations.rows,
        inputs=partial(_inputs, operations),
        relu_network=network,
        cross_entropy=operations.cross_entropy,
        adam=operations.adam,
        inward=operations.in_panels,
        outward=operations.in_rows,
    )


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _product(operations: Operations, x: Array, weights: Array) -> Array:
    """Return x W."""
    return operations.product(x, weights)


def _product_and_sides(operations: Operations, x: Any, weights: Any) -> tuple[Array, Any]:
    """Return x W, and what its gradients need."""
    product = operations.product(x.value, weights.value)
    return product, (x.value, *_if_wanted(x, weights.value))


def _of_product(operations: Operations, of: Any, gradient: Array) -> tuple[Array | None, Array]:
    """Return the gradients of x, if it is wanted, and of the weights."""
    x, *weights = of
    of_weights, _, *of_x = operations.back(x, gradient, *weights, stored=0)
    return (of_x[0] if of_x else None), of_weights


def _if_wanted(x: Any, weights: Array) -> tuple[Array, ...]:
    """Return the weights if the gradient of x is wanted, which needs them."""
    return (weights,) if any(leaf.perturbed for leaf in jax.tree.leaves(x)) else ()


_product.defvjp(_product_and_sides, _of_product, symbolic_zeros=True)


class InPanels(NamedTuple):
    """Rows that are in panels."""

    rows: Array


def _inputs(operations: Operations, table: Array, numbers: Array) -> Array | InPanels:
    """Return rows by their numbers, in panels if they are wide."""
    if table.shape[1] <= WIDE:
        return operations.rows(table, numbers)
    return InPanels(operations.rows(table, numbers, OUTPUTS))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _logits(
    operations: Operations,
    layers: tuple[Layer, ...],
    x: Array | InPanels,
    dropout: Dropout,
    descent: Descent | None,
) -> Array:
    """Return the logits of rows x.

    Args:
        operations: in C.
        layers: hidden ones, and the output layer.
        x: shape (rows, inputs).
        dropout: as `Drop.words` gives it.
        descent: see `Descent`.
    """
    del descent
    return _values(operations, layers, x, dropout)[-1]


def _values(
    operations: Operations, layers: tuple[Layer, ...], x: Array | InPanels, of: Dropout
) -> list[Array]:
    """Return what goes into each layer, and what comes out of the last one."""
    words, scale = of
    if isinstance(x, InPanels):
        values = [x.rows]
    else:
        values = [operations.in_panels(x) if _stored([x], 0) else x]
    for depth, layer in enumerate(layers):
        hidden = depth < len(layers) - 1
        dropout = (words[depth], scale) if hidden and words else ()
        stored = _stored(values, depth) | (OUTPUTS if hidden else 0)
        values.append(operations.layer(values[-1], *layer, *dropout, unit=hidden, stored=stored))
    return values


def _stored(values: list[Array], depth: int) -> int:
    """Return `INPUTS` if what goes into a layer is in panels: hidden values, and many columns of x."""
    return INPUTS if depth or values[0].shape[1] > WIDE else 0


def _logits_and_values(operations: Operations, layers: Any, x: Any, of: Any, descent: Any) -> Any:
    """Return the logits, and what their gradients need."""
    of_rows = _if_wanted(x, layers[0].weights.value)
    layers, x, dropout, descent = jax.tree.map(lambda leaf: leaf.value, (layers, x, of, descent))
    *values, logits = _values(operations, layers, x, dropout)
    return logits, (layers, values, dropout[1], of_rows, descent)


def _of_logits(operations: Operations, of: Any, gradient: Array) -> tuple[Any, ...]:
    """Return the gradients of the layers and of x: the chain rule, from the last layer to the first."""
    layers, values, scale, first, descent = of
    slopes: list[Layer] = []
    moments: list[tuple[Layer, ...]] = []
    for depth in reversed(range(len(layers))):
        stored = _stored(values, depth) | (OUTPUTS if slopes else 0)
        sides, factor = (values[depth], gradient), (scale,) if depth else ()
        wanted = (layers[depth].weights, *factor) if depth else first
        if descent is None:
            weights, bias, *of_x = operations.back(*sides, *wanted, stored=stored)
        else:
            mine = layers[depth], descent.first[depth], descent.second[depth]
            figures = [part.weights for part in mine] + [descent.of_weights]
            weights, m, v, of_bias, *of_x = operations.descent(
                *sides, *figures, *factor, wanted=bool(wanted), stored=stored
            )
            biases = (part.bias for part in mine)
            bias, *both = operations.adam(*biases, of_bias, descent.of_biases)
            moments.insert(0, tuple(map(Layer, (m, v), both)))
        slopes.insert(0, Layer(weights, bias))
        gradient = of_x[0] if of_x else None
    if descent is not None:
        m, v = zip(*moments, strict=True)
        descent = Descent(m, v, None, None)
    return tuple(slopes), gradient, None, descent


_logits.defvjp(_logits_and_values, _of_logits, symbolic_zeros=True)
