"""One training step, a run of batches, and the validation loss, for one member; pure functions.

A run is a loop inside the compiled program, without Python between steps. Its length is a traced
value, so that tables of many sizes share one program, and a stopped member costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from epochal.kernels.network import cpu_backend
from epochal.nn.backend import PLAIN
from epochal.nn.dropout import Drop
from epochal.nn.layers import apply, embedding_of, masked, with_target_table, with_weights
from epochal.nn.objective import OBJECTIVES
from epochal.preprocessing.byte_scaling import scaled
from epochal.training.optimizers import fused_adam, optimizer_step, rule_by, with_fused_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochal.nn.backend import Backend, FusedAdam
    from epochal.nn.layers import Layers
    from epochal.preprocessing.byte_scaling import Scaling
    from epochal.training.optimizers import AdamMoments, Hyper

    Array = Any  # a NumPy array on the host, a JAX array on the device


@dataclass(frozen=True)
class Program:
    """The static choices of a compiled program; everything else is traced."""

    activation: str
    loss: str
    rule: str
    batch_size: int
    dropout: bool
    masked: bool  # whether units of the first layer see only some of the inputs
    calibrated: bool = False  # whether validation losses are those at the best temperature
    vectorised: bool = False  # whether members train as one batched product: see `ensemble`
    coarse: int = 0  # the largest number of bins of a coarse member
    input_dropout: bool = False
    alone: bool = False  # whether a step may use all cores


class MemberState(NamedTuple):
    """What changes while a member trains."""

    layers: Layers
    moments: AdamMoments
    step: Array  # int32, steps done
    average: Layers = ()  # moving average of the layers over epochs; () if there is none

    @property
    def eval_layers(self) -> Layers:
        """The layers that are evaluated and stored as checkpoints: the moving average if there is one."""
        return self.average or self.layers

    def with_mapped_weights(self, function: Callable[[Array], Array]) -> MemberState:
        """Return the state with `function` applied to each layer's weights and to their moments."""
        moments = (with_weights(function, moment) for moment in self.moments)
        return self._replace(
            layers=with_weights(function, self.layers), moments=type(self.moments)(*moments)
        )


class MemberConfig(NamedTuple):
    """The constants of a member."""

    hyper: Hyper
    seed_word: Array  # uint32, seeds the dropout masks
    # (folds, entries, statistics): tables of target statistics for training rows, by inner fold; the
    # last one is for other rows. None without names that have statistics.
    target_tables: Array | None = None


class Batch(NamedTuple):
    """The rows of one step."""

    x: Array  # (B, features) float32
    y: Array  # (B,) int32 class numbers
    w: Array  # (B,) float32 row weights, divided by the number of rows in the batch
    # None, or which rows x has, as `Backend.used_rows` returns them: the others have the weight 0.
    used: Array | None = None


class Segment(NamedTuple):
    """Consecutive batches, gathered in order; B is the batch size.

    The last batch of an epoch may be short: the rows after it have weight 0.
    """

    x: Array  # (batches B, features) float32, or bytes; with `order` (table rows, features)
    y: Array  # (batches B,) int32 class numbers
    counts: Array  # (batches,) float32, rows in each batch
    factors: Array  # (batches,) float32, schedule factors on the learning rate
    batches: Array  # int32: the number of batches; the rest is padding
    scaling: Scaling | None = None  # of bytes
    order: Array | None = None  # (batches B,) int32: the row of x at each place of the batches


def kernels_for(program: Program) -> Backend:
    """Return the backend of a program: batched products if vectorised, else that of the CPU."""
    if program.vectorised:
        return PLAIN
    return cpu_backend(parallel=program.alone)


def limited(kernels: Backend, used: Array | None) -> Backend:
    """Return a backend limited to the rows of a batch that are in use; None: to all."""
    if used is None or kernels.limited_to is None:
        return kernels
    return kernels.limited_to(used)


def step(
    program: Program,
    fixed: MemberConfig,
    state: MemberState,
    batch: Batch,
    factor: Array,
) -> tuple[MemberState, Array]:
    """Return the state after one step on a batch, and the sum of the weighted losses before it.

    The gradient at the logits is that of the objective (s - y for cross-entropy), weighted by row;
    the backward pass carries it through the layers.

    Args:
        program: the static choices.
        fixed: the member's constants.
        state: parameters, moments, steps done.
        batch: rows, class numbers, weights.
        factor: the schedule's factor on the learning rate at this step.
    """
    x = batch.x
    hyper = fixed.hyper._replace(rate=fixed.hyper.rate * factor)

    drop = Drop(
        hyper.dropout if program.dropout else None,
        hyper.input_dropout if program.input_dropout else None,
        fixed.seed_word,
        state.step,
    )
    kernels = limited(kernels_for(program), batch.used)

    rule = rule_by(program.rule, kernels)
    steps = None
    # The gradient of masked units must be masked before the step; so that step is not fused.
    whole = kernels.network and program.activation != "identity"
    if rule.fused and whole and not program.masked:
        steps = fused_adam(state.layers, state.moments, state.step, hyper)

    def forward(layers: Layers, steps: FusedAdam | None) -> Array:
        layers = with_target_table(layers, fixed.target_tables)
        return apply(layers, x, program.activation, drop, kernels, steps)

    logits, chain_rule = jax.vjp(forward, state.layers, steps)
    of_logits, losses = OBJECTIVES[program.loss].gradient_and_losses(
        logits, batch.y, batch.w, kernels
    )
    gradient, steps = chain_rule(of_logits)
    if steps is not None:
        gradient = with_fused_steps(gradient, steps)
    if program.masked:
        gradient = masked(gradient, state.layers)
    layers, moments = optimizer_step(rule, state.layers, gradient, state.moments, state.step, hyper)
    after = MemberState(layers, moments, state.step + 1, state.average)
    return after, jnp.sum(batch.w * losses)


def run(
    program: Program,
    fixed: MemberConfig,
    state: MemberState,
    segment: Segment,
    weights: Array,
    active: Array,
) -> tuple[MemberState, Array]:
    """Return the state after a segment's batches, and each batch's loss summed over weighted rows.

    Args:
        program: the static choices.
        fixed: the member's constants.
        state: parameters, moments, steps done.
        segment: the batches.
        weights: the member's row weights, mean 1 over the epoch, shape (batches B,).
        active: False for a stopped member, for which nothing is computed.
    """
    size, kernels = program.batch_size, kernels_for(program)
    # Computed for all batches at once. XLA runs a program that it estimates as cheap in the caller's
    # thread, which then waits; and its estimate does not include the operations in C.
    shares = (weights.reshape(-1, size) / segment.counts[:, None]).reshape(-1)
    take = _taking(program, segment, state.layers)
    used = used_rows(program, kernels, weights)

    def body(number: Array, carry: tuple[MemberState, Array]) -> tuple[MemberState, Array]:
        before, losses = carry
        rows = segment.counts[number]

        def of_batch(part: Array) -> Array:
            """Return the batch's part of an array."""
            return lax.dynamic_slice_in_dim(part, number * size, size)

        rows_used = None if used is None else used[number]
        x = take(limited(kernels, rows_used), number, of_batch, rows_used)
        batch = Batch(x, of_batch(segment.y), of_batch(shares), rows_used)
        after, loss = step(program, fixed, before, batch, segment.factors[number])
        return after, losses.at[number].set(loss * rows)

    batches = jnp.where(active, segment.batches, 0)
    before = state.with_mapped_weights(kernels.pack_weights), jnp.zeros_like(segment.counts)
    after, losses = lax.fori_loop(0, batches, body, before)
    return after.with_mapped_weights(kernels.unpack_weights), losses


def used_rows(program: Program, kernels: Backend, weights: Array) -> Array | None:
    """Return which rows of each batch are computed, shape (batches, 1 + B); None for all.

    A row of weight 0 changes neither the gradient, nor its bits. Only operations that know of rows in
    use leave it out; what XLA computes would need to know of them, too.
    """
    in_operations = program.activation == "relu" and program.loss == "cross_entropy"
    if kernels.used_rows is None or not in_operations or program.input_dropout:
        return None
    return kernels.used_rows(weights, program.batch_size)


def _taking(
    program: Program, segment: Segment, layers: Layers
) -> Callable[[Backend, Array, Callable[[Array], Array], Array | None], Any]:
    """Return a function that takes the rows of a batch.

    Its arguments are the backend of the batch, its number, a function that returns its part of an array,
    and which of its rows are in use.
    """
    order = segment.order
    plain = segment.x.dtype == np.float32 and embedding_of(layers) is None
    first = plain and program.activation != "identity" and not program.input_dropout

    def take(
        kernels: Backend, number: Array, of_batch: Callable[[Array], Array], used: Array | None
    ) -> Any:
        rows = kernels.take_rows
        if kernels.take_inputs and first:
            rows = kernels.take_inputs  # the rows are the inputs of the first product
        if order is None and kernels.take_inputs is None:
            return scaled(of_batch(segment.x), segment.scaling)
        each = jnp.arange(program.batch_size, dtype=jnp.int32) if used is None else used[1:]
        numbers = of_batch(order)[each] if order is not None else number * program.batch_size + each
        x = rows(segment.x, numbers)
        return x if rows is kernels.take_inputs else scaled(x, segment.scaling)

    return take


# Temperatures are searched between e^-1 and e^2.3, to half a percent.
LOWEST, HIGHEST, HALVINGS = -2.3, 1.0, 9


class CrossFitLogits(NamedTuple):
    """A member's logits of its validation rows, cross-fitted so that estimates are not optimistic.

    Rows at even places have the logits of the checkpoint with the lowest loss on rows at odd places,
    and vice versa: no row takes part in the selection of its checkpoint.
    """

    logits: Array  # (rows, classes) float32; at least as many rows as any member has
    lowest: (
        Array  # (2,) float32: the losses that selected the checkpoints for even and for odd places
    )


class ValidationRows(NamedTuple):
    """The validation rows of all members, on the device."""

    x: Array  # (V, features) float32, or bytes
    y: Array  # (V,) int32 class numbers
    w: Array  # (V,) float32 row weights
    numbers: Array  # int32, row numbers by member; padded by at least a block
    scaling: Scaling | None = None  # of bytes


def no_logits(rows: int, classes: int) -> CrossFitLogits:
    """Return the logits before the first epoch, in NumPy."""
    return CrossFitLogits(np.zeros((rows, classes), np.float32), np.full(2, np.inf, np.float32))


def validation_loss(
    program: Program,
    layers: Layers,
    rows: ValidationRows,
    span: tuple[Array, Array],
    cross_fit_logits: CrossFitLogits,
    block: int,
) -> tuple[Array, CrossFitLogits]:
    """Return the weighted loss summed over a span of rows, without dropout, and the cross-fitted logits.

    If the program is calibrated, the logits are first multiplied by the inverse temperature with the
    lowest cross-entropy on the span (Berta et al. 2025). The confidence of a network says little about
    how well it separates classes, changes quickly in training, and can be corrected afterwards.

    Args:
        program: the static choices.
        layers: the member's parameters.
        rows: the validation rows.
        span: start and length of the member's row numbers, int32; a length of 0 costs nothing.
        cross_fit_logits: of earlier epochs; its rows are a multiple of `block`.
        block: rows per matrix product, an even number.
    """
    x, y, w, numbers, scaling = rows
    start, count = span
    objective = OBJECTIVES[program.loss]
    kernels = kernels_for(program)
    layers = with_weights(kernels.pack_weights, layers)
    blocks = (count + block - 1) // block

    def of(number: Array) -> Array:
        """Return the numbers of the rows of a block."""
        return lax.dynamic_slice_in_dim(numbers, start + number * block, block)

    def forward(number: Array, all_: Array) -> Array:
        """Return the logits with those of a block written to their place."""
        features = scaled(kernels.take_rows(x, of(number)), scaling)
        logits = apply(layers, features, program.activation, kernels=kernels)
        return lax.dynamic_update_slice_in_dim(all_, logits, number * block, 0)

    logits = lax.fori_loop(0, blocks, forward, jnp.zeros_like(cross_fit_logits.logits))

    def summed(function: Callable[..., Array], inverse_temperature: Array) -> Array:
        """Return the weighted sums of a function of logits over even and over odd places, shape (2,)."""

        def of_block(number: Array, total: Array) -> Array:
            inside = number * block + jnp.arange(block) < count
            weight = jnp.where(inside, w[of(number)], 0.0)
            scaled_logits = inverse_temperature * lax.dynamic_slice_in_dim(
                logits, number * block, block
            )
            targets = objective.targets(y[of(number)], scaled_logits)
            return total + jnp.sum(
                (weight * function(scaled_logits, targets)).reshape(-1, 2), axis=0
            )

        return lax.fori_loop(0, blocks, of_block, jnp.zeros(2, jnp.float32))

    def halve(_: Array, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return the half of the interval in which the cross-entropy is lowest: it is convex."""
        low, high = bounds
        middle = 0.5 * (low + high)
        falling = jnp.sum(summed(objective.calibration_slopes, jnp.exp(middle))) < 0.0
        return jnp.where(falling, middle, low), jnp.where(falling, high, middle)

    inverse_temperature = jnp.float32(1.0)
    if program.calibrated:
        low, high = lax.fori_loop(0, HALVINGS, halve, (jnp.float32(LOWEST), jnp.float32(HIGHEST)))
        inverse_temperature = jnp.exp(0.5 * (low + high))
    halves = summed(objective.losses, inverse_temperature)
    total = jnp.sum(halves)
    # A single row has no other row to select its checkpoint.
    others = jnp.where(count > 1, halves[::-1], total)
    better = (others < cross_fit_logits.lowest) & (count > 0)
    updated_rows = better[jnp.arange(len(logits)) % 2]
    cross_fit_logits = CrossFitLogits(
        jnp.where(updated_rows[:, None], logits, cross_fit_logits.logits),
        jnp.where(better, others, cross_fit_logits.lowest),
    )
    return total, cross_fit_logits
