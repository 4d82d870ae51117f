"""One training step and one run of batches, for one member; pure functions.

The run is a loop inside the compiled program: no Python between steps. Its
length is a traced number, so that tables of many sizes share one program and a
member that has stopped costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from epochal.learn.dropout import inverted
from epochal.learn.losses import LOSSES
from epochal.learn.network import Layer, apply
from epochal.learn.optimizer import updated

if TYPE_CHECKING:
    from epochal.learn.network import Layers
    from epochal.learn.optimizer import Hyper, Moments

    Array = Any  # a NumPy array on the host, a JAX array on the device


@dataclass(frozen=True)
class Program:
    """What a compiled program is made for; everything else is traced."""

    activation: str
    loss: str
    rule: str
    batch_size: int
    dropout: bool
    masked: bool
    vectorised: bool = False  # how members are mapped: see `members`


class MemberState(NamedTuple):
    """All that changes while a member trains."""

    layers: Layers
    moments: Moments
    step: Array  # int32, steps done


class Fixed(NamedTuple):
    """What belongs to a member and never changes."""

    hyper: Hyper
    word: Array  # uint32, seeds the dropout masks
    mask: Array  # (features,) float32: 1 where the member sees the feature; (0,) if it sees all


class Batch(NamedTuple):
    """The rows of one step."""

    x: Array  # (B, features) float32
    y: Array  # (B,) int32 class numbers
    w: Array  # (B,) float32 row weights, divided by the number of rows in the batch


class Segment(NamedTuple):
    """Some consecutive batches of an epoch, gathered in order; B is the batch size.

    The last batch of an epoch may be short: the rows behind it weigh 0.
    """

    x: Array  # (batches B, features) float32
    y: Array  # (batches B,) int32 class numbers
    counts: Array  # (batches,) float32, rows in each batch
    factors: Array  # (batches,) float32, schedule factors on the learning rate
    batches: Array  # int32: how many of them there are; the rest is padding


def step(
    program: Program,
    fixed: Fixed,
    state: MemberState,
    batch: Batch,
    factor: Array,
) -> tuple[MemberState, Array]:
    """Return the state after one step on a batch, and the sum of the weighted losses before it.

    The gradient at the logits is the written one (s - y for cross-entropy),
    weighted by row; the chain rule carries it back through the layers.

    Args:
        program: the static choices.
        fixed: the member's own constants.
        state: parameters, moments, steps done.
        batch: rows, class numbers, weights.
        factor: what the schedule makes of the learning rate at this step.
    """
    loss, loss_gradient = LOSSES[program.loss]
    x, y, w = batch
    hyper = fixed.hyper._replace(rate=fixed.hyper.rate * factor)

    def drop(depth: int, h: Array) -> Array:
        return inverted(h, hyper.dropout, fixed.word, state.step, depth)

    def forward(layers: Layers) -> Array:
        return apply(layers, x, program.activation, drop if program.dropout else None)

    logits, chain_rule = jax.vjp(forward, state.layers)
    targets = jax.nn.one_hot(y, logits.shape[1], dtype=logits.dtype)
    (gradient,) = chain_rule(loss_gradient(logits, targets) * w[:, None])
    if program.masked:
        seen = gradient[0].weights * fixed.mask[:, None]
        gradient = (Layer(seen, gradient[0].bias), *gradient[1:])
    layers, moments = updated(
        program.rule, state.layers, gradient, state.moments, state.step, hyper
    )
    return MemberState(layers, moments, state.step + 1), jnp.sum(w * loss(logits, targets))


def run(
    program: Program,
    fixed: Fixed,
    state: MemberState,
    segment: Segment,
    weights: Array,
    active: Array,
) -> tuple[MemberState, Array]:
    """Return the state after a segment's batches, and the loss summed over its weighted rows.

    Args:
        program: the static choices.
        fixed: the member's own constants.
        state: parameters, moments, steps done.
        segment: the batches.
        weights: the member's row weights, mean 1 over the epoch, shape (batches B,).
        active: False for a member that has stopped: nothing is done then.
    """
    size = program.batch_size

    def body(number: Array, carry: tuple[MemberState, Array]) -> tuple[MemberState, Array]:
        before, total = carry
        start = number * size
        rows = segment.counts[number]
        batch = Batch(
            x=lax.dynamic_slice_in_dim(segment.x, start, size),
            y=lax.dynamic_slice_in_dim(segment.y, start, size),
            w=lax.dynamic_slice_in_dim(weights, start, size) / rows,
        )
        after, loss = step(program, fixed, before, batch, segment.factors[number])
        return after, total + loss * rows

    batches = jnp.where(active, segment.batches, 0)
    return lax.fori_loop(0, batches, body, (state, jnp.zeros((), jnp.float32)))


def summed_loss(
    program: Program,
    layers: Layers,
    rows: tuple[Array, Array, Array],
    span: tuple[Array, Array],
    block: int,
) -> Array:
    """Return the weighted loss summed over a span of rows, without dropout.

    Args:
        program: the static choices.
        layers: the member's parameters.
        rows: x (V, features), y (V,), w (V,); V is at least a block longer than any span.
        span: first row and number of rows, int32; a number of 0 costs nothing.
        block: rows per matrix product.
    """
    x, y, w = rows
    start, count = span
    loss, _ = LOSSES[program.loss]

    def body(number: Array, total: Array) -> Array:
        first = start + number * block
        logits = apply(layers, lax.dynamic_slice_in_dim(x, first, block), program.activation)
        labels = lax.dynamic_slice_in_dim(y, first, block)
        targets = jax.nn.one_hot(labels, logits.shape[1], dtype=logits.dtype)
        inside = number * block + jnp.arange(block) < count
        weight = jnp.where(inside, lax.dynamic_slice_in_dim(w, first, block), 0.0)
        return total + jnp.sum(weight * loss(logits, targets))

    blocks = (count + block - 1) // block
    return lax.fori_loop(0, blocks, body, jnp.zeros((), jnp.float32))
