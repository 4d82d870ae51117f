"""Forward and backward pass of a network, and the step of Adam, with the C operations.

Bias, hidden unit and dropout are the epilogue of a layer's product. So is their part of the backward pass:
with ReLU a hidden value is 0 where ReLU or dropout is 0, and its gradient is 0 there too. With other units
the forward pass also writes their arguments, of which the backward pass needs the derivative.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from epochal.kernels import xla_cpu
from epochal.kernels.embedding import embed, repeats_of
from epochal.kernels.ffi import INPUTS, OUTPUTS, Operations, Repeats
from epochal.kernels.library import load
from epochal.nn.backend import Backend, FusedAdam
from epochal.nn.layers import Layer

if TYPE_CHECKING:
    from epochal.nn.dropout import Drop
    from epochal.nn.embedding import Embedding

    Array = Any  # a JAX array
    Dropout = tuple[
        tuple[Array, ...], Array
    ]  # streams and limits; the scale of the units not dropped

# Rows with at most this many columns are not put into panels: that would take longer than it saves.
WIDE = 128


def cpu_backend(*, parallel: bool) -> Backend:
    """Return the fastest backend for the CPU: the C operations if they can be used; see `c_backend`."""
    return c_backend(parallel=parallel) if load().instruction_set else xla_cpu.CPU


@cache
def c_backend(*, parallel: bool) -> Backend:
    """Return the backend of the C operations; with `parallel`, threads divide the work of each."""
    operations = Operations(parallel)
    everywhere = Backend(
        multiply=partial(_product, operations),
        running_sum=xla_cpu.running_sum,
        take_rows=operations.take_rows,
        adam=operations.adam_steps,
        pack_weights=operations.to_panels,
        unpack_weights=operations.to_rows,
        used_rows=operations.used_rows,
        limited_to=lambda used: _with_rows(operations, everywhere, used),
    )
    return _with_rows(operations, everywhere, None)


def _with_rows(operations: Operations, backend: Backend, used: Array | None) -> Backend:
    """Return the backend with the operations on the rows of a batch, of which these are in use."""

    def network(
        layers: tuple[Layer, ...],
        x: Array | InPanels | Embedded,
        drop: Drop | None,
        fused: FusedAdam | None,
        activation: str,
    ) -> Array:
        """Return the logits of rows x."""
        if isinstance(x, Embedded) and fused is None:
            x = x.rows  # gradients that are not taken by steps of Adam are those of all rows
        none = (), jnp.float32(1.0)
        dropout = none if drop is None else drop.words(len(layers) - 1)
        return _logits(operations, activation, layers, x, dropout, (fused, used))

    def embedded(embedding: Embedding, x: Array) -> Array | Embedded:
        """Return what the first layer gets of rows x, in training with what these have in common."""
        values = embed(operations, embedding, x, used)
        repeats = None if used is None else repeats_of(operations, embedding, x, used)
        return values if repeats is None else Embedded(values, repeats)

    return backend._replace(
        take_rows=partial(operations.take_rows, used=used),
        take_inputs=partial(_inputs, operations, used=used),
        network=network,
        cross_entropy=partial(operations.cross_entropy, used=used),
        embed=embedded,
    )


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _product(operations: Operations, x: Array, weights: Array) -> Array:
    """Return x W."""
    return operations.product(x, weights)


def _product_forward(operations: Operations, x: Any, weights: Any) -> tuple[Array, Any]:
    """Return x W, and the arrays that its gradients need."""
    product = operations.product(x.value, weights.value)
    return product, (x.value, *_if_wanted(x, weights.value))


def _product_backward(
    operations: Operations, saved: Any, gradient: Array
) -> tuple[Array | None, Array]:
    """Return the gradients of x (None if not needed) and of the weights."""
    x, *weights = saved
    of_weights, _, *of_x = operations.dense_gradients(x, gradient, *weights, panels=0)
    return (of_x[0] if of_x else None), of_weights


def _if_wanted(x: Any, weights: Array) -> tuple[Array, ...]:
    """Return the weights, for the gradient of x, if that is needed."""
    return (weights,) if any(leaf.perturbed for leaf in jax.tree.leaves(x)) else ()


_product.defvjp(_product_forward, _product_backward, symbolic_zeros=True)


class InPanels(NamedTuple):
    """Rows in panels."""

    rows: Array


class Embedded(NamedTuple):
    """Rows of an embedding, row by row however wide they are, and what they have in common."""

    rows: Array
    repeats: Repeats | None  # None in a gradient


def _inputs(
    operations: Operations, table: Array, numbers: Array, used: Array | None
) -> Array | InPanels:
    """Return rows by their numbers, in panels if they are wide."""
    if table.shape[1] <= WIDE:
        return operations.take_rows(table, numbers, used=used)
    return InPanels(operations.take_rows(table, numbers, OUTPUTS, used))


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _logits(
    operations: Operations,
    activation: str,
    layers: tuple[Layer, ...],
    x: Array | InPanels | Embedded,
    dropout: Dropout,
    step: tuple[FusedAdam | None, Array | None],
) -> Array:
    """Return the logits of rows x.

    Args:
        operations: the C operations.
        activation: the name of the hidden unit.
        layers: the hidden layers and the output layer.
        x: shape (rows, inputs).
        dropout: the result of `Drop.words`.
        step: see `FusedAdam`; and the rows in use.
    """
    return _values(operations, activation, layers, x, dropout, step[1])[0][-1]


def _values(
    operations: Operations,
    activation: str,
    layers: tuple[Layer, ...],
    x: Array | InPanels | Embedded,
    dropout: Dropout,
    used: Array | None,
) -> tuple[list[Array], list[Array]]:
    """Return the inputs of each layer and the outputs of the last one; and the arguments of hidden units.

    Of ReLU there are no arguments: its values are enough for the backward pass.
    """
    words, scale = dropout
    repeats = x.repeats if isinstance(x, Embedded) else None
    if isinstance(x, (InPanels, Embedded)):
        values = [x.rows]
    else:
        values = [operations.to_panels(x, used) if _layout([x], 0) else x]
    arguments: list[Array] = []
    for depth, layer in enumerate(layers):
        hidden = depth < len(layers) - 1
        dropped = (words[depth], scale) if hidden and words else ()
        rows = None if depth else repeats
        panels = _layout(values, depth, rows) | (OUTPUTS if hidden else 0)
        if hidden and activation != "relu":
            value, argument = operations.unit(
                values[-1], layer, *dropped, activation=activation, panels=panels, used=used
            )
            values.append(value)
            arguments.append(argument)
            continue
        inputs = values[-1], layer, *dropped
        values.append(
            operations.dense(*inputs, relu=hidden, panels=panels, used=used, repeats=rows)
        )
    return values, arguments


def _layout(values: list[Array], depth: int, repeats: Repeats | None = None) -> int:
    """Return `INPUTS` if a layer's inputs are in panels: hidden values are, and wide rows without repeats."""
    wide = values[0].shape[1] > WIDE and repeats is None
    return INPUTS if depth or wide else 0


def _logits_forward(
    operations: Operations, activation: str, layers: Any, x: Any, dropout: Any, step: Any
) -> Any:
    """Return the logits, and the arrays that their gradients need."""
    of_rows = _if_wanted(x, layers[0].weights.value)
    layers, x, dropout, step = jax.tree.map(lambda leaf: leaf.value, (layers, x, dropout, step))
    (*values, logits), arguments = _values(operations, activation, layers, x, dropout, step[1])
    words, scale = dropout
    if arguments:
        chains = [
            (z, *((words[depth], scale) if words else ())) for depth, z in enumerate(arguments)
        ]
    else:
        chains = [(scale,)] * (len(layers) - 1)
    repeats = x.repeats if isinstance(x, Embedded) else None
    return logits, (layers, values, chains, of_rows, (*step, repeats))


def _logits_backward(
    operations: Operations, activation: str, saved: Any, gradient: Array
) -> tuple[Any, ...]:
    """Return the gradients of the layers and of x: the backward pass, from the last layer to the first."""
    layers, values, chains, first, (fused, used, repeats) = saved
    gradients: list[Layer] = []
    moments: list[tuple[Layer, ...]] = []
    for depth in reversed(range(len(layers))):
        rows = None if depth else repeats
        panels = _layout(values, depth, rows) | (OUTPUTS if gradients else 0)
        sides, chain = (values[depth], gradient), chains[depth - 1] if depth else ()
        wanted = (layers[depth].weights, *chain) if depth else first
        if fused is None:
            weights, bias, *of_x = operations.dense_gradients(
                *(*sides, *wanted), panels=panels, used=used, activation=activation
            )
        else:
            parts = layers[depth], fused.first[depth], fused.second[depth]
            state = [part.weights for part in parts] + [fused.of_weights]
            weights, m, v, of_bias, *of_x = operations.fused_adam(
                *(*sides, *state, *chain),
                wanted=bool(wanted),
                panels=panels,
                used=used,
                repeats=rows,
                activation=activation,
            )
            biases = (part.bias for part in parts)
            bias, *both = operations.adam(*biases, of_bias, fused.of_biases)
            moments.insert(0, tuple(map(Layer, (m, v), both)))
        gradients.insert(0, Layer(weights, bias))
        gradient = of_x[0] if of_x else None
    if fused is not None:
        m, v = zip(*moments, strict=True)
        fused = FusedAdam(m, v, None, None)
    of_rows = gradient if repeats is None else Embedded(gradient, None)
    return tuple(gradients), of_rows, None, (fused, None)


_logits.defvjp(_logits_forward, _logits_backward, symbolic_zeros=True)
