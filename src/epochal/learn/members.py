"""The ensemble axis: many members as one program, stacked along the first axis.

Member code is written for one member (`training`) and mapped here: one after
another inside the program, where each matrix product fills the processor, or
as one batched product (`Program.vectorised`), for devices that want them wide.
Either way the compiled program does not grow with the members.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from epochal.learn.losses import softmax
from epochal.learn.network import apply
from epochal.learn.training import run, summed_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from epochal.learn.network import Layers
    from epochal.learn.training import Fixed, MemberState, Program, Segment

    Array = jax.Array


def stacked(members: Sequence[Any]) -> Any:
    """Return trees of equal structure as one tree with a leading axis, in NumPy."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *members)


def unstacked(stack: Any) -> list[Any]:
    """Return the members of a stacked tree, in NumPy."""
    on_host = jax.tree.map(np.asarray, stack)
    number = len(jax.tree.leaves(on_host)[0])
    return [jax.tree.map(lambda leaf, k=k: leaf[k], on_host) for k in range(number)]


def _over_members(program: Program, one: Callable[..., Any], *arguments: Any) -> Any:
    """Return `one` applied to each member's part of the arguments, stacked again."""
    if program.vectorised:
        return jax.vmap(one)(*arguments)
    return lax.map(lambda parts: one(*parts), arguments)


@partial(jax.jit, static_argnames=("program",), donate_argnames=("state",))
def train_segment(
    program: Program,
    fixed: Fixed,
    state: MemberState,
    segment: Segment,
    weights: Array,
    active: Array,
) -> tuple[MemberState, Array]:
    """Return all members' states after a segment, and their summed losses, shape (members,).

    Args:
        program: the static choices.
        fixed: stacked constants of the members.
        state: stacked states; given up to the program.
        segment: the batches, shared by all members.
        weights: row weights, shape (members, rows).
        active: which members still train, shape (members,).
    """

    def one(fixed: Fixed, state: MemberState, weights: Array, active: Array) -> Any:
        return run(program, fixed, state, segment, weights, active)

    result: tuple[MemberState, Array] = _over_members(program, one, fixed, state, weights, active)
    return result


@partial(jax.jit, static_argnames=("program", "block"))
def validation_losses(
    program: Program,
    layers: Layers,
    rows: tuple[Array, Array, Array],
    spans: tuple[Array, Array],
    *,
    block: int,
) -> Array:
    """Return each member's weighted loss summed over its span of rows, shape (members,)."""

    def one(layers: Layers, span: tuple[Array, Array]) -> Array:
        return summed_loss(program, layers, rows, span, block)

    losses: Array = _over_members(program, one, layers, spans)
    return losses


@partial(jax.jit, donate_argnames=("best",))
def kept(best: Layers, layers: Layers, keep: Array) -> Layers:
    """Return the best copies, renewed from the current layers where `keep` is True."""

    def choose(old: Array, new: Array) -> Array:
        return jnp.where(keep.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return jax.tree.map(choose, best, layers)


@partial(jax.jit, static_argnames=("activation",))
def mean_probabilities(layers: Layers, x: Array, activation: str) -> Array:
    """Return the members' softmax outputs, averaged, shape (rows, classes), in float32.

    Args:
        layers: stacked layers of the members.
        x: encoded rows, shape (rows, features).
        activation: name of the hidden activation.
    """
    number, outputs = layers[-1].bias.shape

    def add(total: Array, one: Layers) -> tuple[Array, None]:
        return total + softmax(apply(one, x, activation)), None

    total, _ = lax.scan(add, jnp.zeros((x.shape[0], outputs), x.dtype), layers)
    return total / number
