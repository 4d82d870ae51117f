"""The ensemble axis: members stacked along the first axis, in one compiled program.

`training/step.py` is written for one member and mapped here over all: one after another inside the
program, if each matrix product fills the processor, or as one batched product
(`Program.vectorised`) for devices that need large products. The size of the compiled program does
not depend on the number of members.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from epochal.nn.layers import apply, outputs
from epochal.nn.objective import OBJECTIVES
from epochal.training.step import run, validation_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from epochal.nn.layers import Layers
    from epochal.training.step import (
        CrossFitLogits,
        MemberConfig,
        MemberState,
        Program,
        Segment,
        ValidationRows,
    )

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


def _train_segment(
    program: Program,
    fixed: MemberConfig,
    state: MemberState,
    segment: Segment,
    weights: Array,
    rates: Array,
) -> tuple[MemberState, Array]:
    """Return all members' states after a segment, and the losses of its batches: (members, batches).

    Args:
        program: the static choices.
        fixed: stacked constants of the members.
        state: stacked states; `train_segment` donates them to the program.
        segment: the batches, shared by all members.
        weights: row weights, shape (members, rows).
        rates: factors on the members' learning rates, shape (members,); 0 for a stopped member.
    """

    def one(fixed: MemberConfig, state: MemberState, weights: Array, rate: Array) -> Any:
        slower = fixed.hyper._replace(rate=fixed.hyper.rate * rate)
        return run(program, fixed._replace(hyper=slower), state, segment, weights, rate > 0)

    if program.vectorised:
        result: tuple[MemberState, Array] = jax.vmap(one)(fixed, state, weights, rates)
        return result

    def of(number: Array, tree: Any) -> Any:
        """Return a member's part of a stacked tree."""
        return jax.tree.map(
            lambda leaf: lax.dynamic_index_in_dim(leaf, number, keepdims=False), tree
        )

    def in_place(number: Array, carry: tuple[MemberState, Array]) -> tuple[MemberState, Array]:
        """Train a member; its new state overwrites the old one, without a second stack."""
        states, losses = carry
        new_state, member_losses = one(
            *(of(number, tree) for tree in (fixed, states, weights, rates))
        )
        states = jax.tree.map(
            lambda leaf, new: lax.dynamic_update_index_in_dim(leaf, new, number, 0),
            states,
            new_state,
        )
        return states, losses.at[number].set(member_losses)

    losses = jnp.zeros((len(rates), len(segment.counts)), jnp.float32)
    return lax.fori_loop(0, len(rates), in_place, (state, losses))


train_segment = jax.jit(_train_segment, static_argnames=("program",), donate_argnames=("state",))
# For states that are evaluated while the next epochs train.
train_segment_without_donation = jax.jit(_train_segment, static_argnames=("program",))


@partial(jax.jit, static_argnames=("program", "block"), donate_argnames=("cross_fit_logits",))
def validation_losses(
    program: Program,
    layers: Layers,
    rows: ValidationRows,
    spans: tuple[Array, Array],
    cross_fit_logits: CrossFitLogits,
    *,
    block: int,
) -> tuple[Array, CrossFitLogits]:
    """Return each member's weighted loss summed over its span of rows, and its cross-fitted logits.

    Args:
        program: the static choices.
        layers: stacked layers of the members.
        rows: the validation rows, and their numbers by member.
        spans: the start and length of each member's part of these numbers.
        cross_fit_logits: stacked, of earlier epochs; donated to the program.
        block: rows per matrix product.
    """

    def one(
        layers: Layers, span: tuple[Array, Array], cross_fit_logits: CrossFitLogits
    ) -> tuple[Array, CrossFitLogits]:
        return validation_loss(program, layers, rows, span, cross_fit_logits, block)

    result: tuple[Array, CrossFitLogits] = _over_members(
        program, one, layers, spans, cross_fit_logits
    )
    return result


@partial(jax.jit, donate_argnames=("average",))
def ema_updated(average: Layers, layers: Layers, decay: Array) -> Layers:
    """Return the moving averages: `decay` times the old ones plus (1 - decay) times the layers.

    Args:
        average: the old averages, stacked; donated to the program.
        layers: stacked.
        decay: between 0 and 1, shape (members,).
    """

    def mean(old: Array, new: Array) -> Array:
        share = decay.reshape(-1, *[1] * (new.ndim - 1))
        return share * old + (1.0 - share) * new

    result: Layers = jax.tree.map(mean, average, layers)
    return result


@partial(jax.jit, static_argnames=("activation", "piece"))
def logits(layers: Layers, x: Array, rows: int, activation: str, piece: int) -> Array:
    """Return one member's logits, shape (rows, classes), in float32; the arguments are as below."""
    zero = jnp.zeros((x.shape[0], outputs(layers)), x.dtype)
    return _by_pieces(lambda part, _: apply(layers, part, activation), x, rows, zero, piece)


@partial(jax.jit, static_argnames=("activation", "piece", "loss"))
def mean_probabilities(
    members: tuple[Layers, Array, Array],
    x: Array,
    rows: int,
    activation: str,
    piece: int,
    loss: str,
) -> Array:
    """Return the members' predictions, averaged, shape (rows, classes), in float32.

    Args:
        members: their stacked layers, their inverse temperatures, shape (members,), and their
            weights in the mean, shape (members,), summing to 1.
        x: encoded rows, shape (rows, features).
        rows: the number of rows without padding.
        activation: name of the hidden activation.
        piece: rows of a matrix product, of which x has a multiple.
        loss: the name of the objective.
    """
    predictions = OBJECTIVES[loss].predictions

    def add(total: Array, one: tuple[Layers, Array, Array]) -> tuple[Array, None]:
        member, inverse_temperature, weight = one

        def added(part: Array, so_far: Array) -> Array:
            return so_far + weight * predictions(
                inverse_temperature * apply(member, part, activation)
            )

        return _by_pieces(added, x, rows, total, piece), None

    zero = jnp.zeros((x.shape[0], outputs(members[0])), x.dtype)
    total, _ = lax.scan(add, zero, members)
    return total


def _by_pieces(
    of: Callable[[Array, Array], Array], x: Array, rows: Array | int, values: Array, piece: int
) -> Array:
    """Return the values of the rows of x, updated piece by piece; those of padding may stay."""

    def update(number: Array, values: Array) -> Array:
        """Return the values, with those of a piece updated."""
        rows_of_piece, so_far = (
            lax.dynamic_slice_in_dim(part, number * piece, piece) for part in (x, values)
        )
        return lax.dynamic_update_slice_in_dim(values, of(rows_of_piece, so_far), number * piece, 0)

    return lax.fori_loop(0, (rows + piece - 1) // piece, update, values)
