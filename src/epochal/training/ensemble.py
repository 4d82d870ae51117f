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
        state: stacked states; `train_segment` gives them up to the program.
        segment: the batches, shared by all members.
        weights: row weights, shape (members, rows).
        rates: factors on the members' learning rates, shape (members,); 0 for one that
            has stopped.
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
        """Train a member; its state takes the place of the old one: there is no second stack."""
        states, losses = carry
        mine, own = one(*(of(number, tree) for tree in (fixed, states, weights, rates)))
        states = jax.tree.map(
            lambda leaf, new: lax.dynamic_update_index_in_dim(leaf, new, number, 0), states, mine
        )
        return states, losses.at[number].set(own)

    losses = jnp.zeros((len(rates), len(segment.counts)), jnp.float32)
    return lax.fori_loop(0, len(rates), in_place, (state, losses))


train_segment = jax.jit(_train_segment, static_argnames=("program",), donate_argnames=("state",))
# For states that are looked at while the next epochs train.
train_segment_anew = jax.jit(_train_segment, static_argnames=("program",))


@partial(jax.jit, static_argnames=("program", "block"), donate_argnames=("cross_fit_logits",))
def validation_losses(
    program: Program,
    layers: Layers,
    rows: ValidationRows,
    spans: tuple[Array, Array],
    cross_fit_logits: CrossFitLogits,
    target_table: Array | None = None,
    *,
    block: int,
) -> tuple[Array, CrossFitLogits]:
    """Return each member's weighted loss summed over its span of rows, and its cross-fitted logits.

    Args:
        program: the static choices.
        layers: stacked layers of the members.
        rows: the validation rows, and which of them are each member's.
        spans: of each member the first of these and how many they are.
        cross_fit_logits: stacked, of earlier epochs; donated to the program.
        target_table: stacked tables of target statistics for new rows; None if there are none.
        block: rows per matrix product.
    """

    def one(
        layers: Layers,
        span: tuple[Array, Array],
        cross_fit_logits: CrossFitLogits,
        target_table: Array | None,
    ) -> tuple[Array, CrossFitLogits]:
        return validation_loss(program, layers, rows, span, cross_fit_logits, block, target_table)

    result: tuple[Array, CrossFitLogits] = _over_members(
        program, one, layers, spans, cross_fit_logits, target_table
    )
    return result


@partial(jax.jit, donate_argnames=("average",))
def ema_updated(average: Layers, layers: Layers, stays: Array) -> Layers:
    """Return running means that are `stays` times the old and the rest the layers.

    Args:
        average: the old means, stacked; given up to the program.
        layers: stacked.
        stays: between 0 and 1, shape (members,).
    """

    def mean(old: Array, new: Array) -> Array:
        share = stays.reshape(-1, *[1] * (new.ndim - 1))
        return share * old + (1.0 - share) * new

    result: Layers = jax.tree.map(mean, average, layers)
    return result


@partial(jax.jit, donate_argnames=("best",))
def kept(best: Layers, layers: Layers, keep: Array) -> Layers:
    """Return the best copies, renewed from the current layers where `keep` is True."""
    return _chosen(keep, layers, best)


@partial(jax.jit, donate_argnames=("state",))
def restored_best(state: MemberState, best: Layers, back: Array) -> MemberState:
    """Return states that go on from the best copies where `back` is True; moments stay."""
    return state._replace(
        layers=_chosen(back, best, state.layers),
        average=_chosen(back, best, state.average) if state.average else (),
    )


def _chosen(choice: Array, these: Layers, those: Layers) -> Layers:
    """Return the layers of `these` members where the choice is True, and of `those` elsewhere."""

    def choose(this: Array, that: Array) -> Array:
        return jnp.where(choice.reshape(-1, *[1] * (this.ndim - 1)), this, that)

    return jax.tree.map(choose, these, those)


@partial(jax.jit, static_argnames=("activation", "piece"))
def logits(layers: Layers, x: Array, rows: int, activation: str, piece: int) -> Array:
    """Return one member's logits, shape (rows, classes), in float32; the arguments are as below."""
    zero = jnp.zeros((x.shape[0], outputs(layers)), x.dtype)
    return _by_pieces(lambda some, _: apply(layers, some, activation), x, rows, zero, piece)


@partial(jax.jit, static_argnames=("activation", "piece", "loss"))
def mean_probabilities(
    asked: tuple[Layers, Array, Array], x: Array, rows: int, activation: str, piece: int, loss: str
) -> Array:
    """Return the members' predictions, averaged, shape (rows, classes), in float32.

    Args:
        asked: the members' stacked layers, what the logits of each are multiplied by, shape
            (members,), and the weights of each, shape (members,), summing to 1.
        x: encoded rows, shape (rows, features).
        rows: how many of them count; the rest is padding.
        activation: name of the hidden activation.
        piece: rows of a matrix product, of which x has a multiple.
        loss: the name of the objective.
    """
    predictions = OBJECTIVES[loss].predictions

    def add(total: Array, one: tuple[Layers, Array, Array]) -> tuple[Array, None]:
        member, sharp, weight = one

        def more(some: Array, so_far: Array) -> Array:
            return so_far + weight * predictions(sharp * apply(member, some, activation))

        return _by_pieces(more, x, rows, total, piece), None

    zero = jnp.zeros((x.shape[0], outputs(asked[0])), x.dtype)
    total, _ = lax.scan(add, zero, asked)
    return total


def _by_pieces(
    of: Callable[[Array, Array], Array], x: Array, rows: Array | int, values: Array, piece: int
) -> Array:
    """Return values, one for each row of x, renewed piece by piece; those behind `rows` may stay."""

    def renew(number: Array, values: Array) -> Array:
        """Renew the values of a piece."""
        some, so_far = (
            lax.dynamic_slice_in_dim(part, number * piece, piece) for part in (x, values)
        )
        return lax.dynamic_update_slice_in_dim(values, of(some, so_far), number * piece, 0)

    return lax.fori_loop(0, (rows + piece - 1) // piece, renew, values)
