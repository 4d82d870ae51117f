"""The optimizers: SGD, momentum and Adam, with decoupled L2 regularisation.

Letters of the formulas: w weights, g gradient, lr the learning rate of the step, r the setting `l2`.
L2 multiplies the weights by (1 - 2 lr r) in every rule. It does not enter the moments, and biases are
excluded; so its strength depends neither on the batch size nor on the moments.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from epochal.nn.backend import FusedAdam
from epochal.nn.layers import dense

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochal.nn.backend import Backend
    from epochal.nn.embedding import Embedding
    from epochal.nn.layers import Layer, Layers
    from epochal.nn.parameter_options import ParameterOptions

    Array = Any  # a NumPy array on the host, a JAX array on the device

# Adam's decay rates, and what keeps its division from 0 (Kingma and Ba 2015).
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Hyper(NamedTuple):
    """Values that may differ between members and fits without another compilation."""

    rate: Array  # learning rate
    momentum: Array  # of plain gradient descent
    l2: Array  # the r of (1 - 2 lr r)
    dropout: Array  # probability that a hidden unit is dropped
    input_dropout: Array  # probability that an input of the first layer is dropped


class AdamMoments(NamedTuple):
    """Running means of the gradient (first) and of its square (second); empty if a rule does not use them."""

    first: Layers
    second: Layers


class Rule(NamedTuple):
    """An update rule: which moments it needs, and the direction of the step for one array.

    `fused` is `Backend.adam`, which takes the whole step of several arrays, or None.
    """

    first: bool
    second: bool
    direction: Callable[..., tuple[Array, Array | None, Array | None]]
    fused: Callable[[list[tuple[Array, ...]], Array], list[tuple[Array, ...]]] | None = None


def _gradient_direction(
    g: Array, first: None, second: None, step: Array, hyper: Hyper
) -> tuple[Any, ...]:
    """Return -g: gradient descent without momentum."""
    del step, hyper
    return -g, first, second


def _momentum_direction(
    g: Array, first: Array, second: None, step: Array, hyper: Hyper
) -> tuple[Any, ...]:
    """Return v = momentum v - g (Polyak 1964), in units of the learning rate."""
    del step
    first = hyper.momentum * first - g
    return first, first, second


def _adam_direction(
    g: Array, first: Array, second: Array, step: Array, hyper: Hyper
) -> tuple[Any, ...]:
    """Return -m / (sqrt(v) + guard) from the bias-corrected moments m and v (Adam).

    On a CPU with the C kernels `adam` of kernels/c/simd.h takes the step.
    """
    del hyper
    first = BETA_1 * first + (1.0 - BETA_1) * g
    second = BETA_2 * second + (1.0 - BETA_2) * g * g
    of_first, of_second = _corrections(step)
    return -(first / of_first) / (jnp.sqrt(second / of_second) + EPSILON), first, second


def _corrections(step: Array) -> tuple[Array, Array]:
    """Return the bias corrections of Adam's moments, which begin at 0: 1 - beta^t.

    Computed with expm1: in float32 the difference would lose five digits in the first steps.
    """
    t = step.astype(jnp.float32) + 1.0
    return -jnp.expm1(t * math.log(BETA_1)), -jnp.expm1(t * math.log(BETA_2))


RULES: dict[str, Rule] = {
    "sgd": Rule(first=False, second=False, direction=_gradient_direction),
    "momentum": Rule(first=True, second=False, direction=_momentum_direction),
    "adam": Rule(first=True, second=True, direction=_adam_direction),
}


def rule_by(name: str, kernels: Backend) -> Rule:
    """Return the rule of a name; the backend takes its steps if it can."""
    return RULES[name]._replace(fused=kernels.adam if name == "adam" else None)


def fresh_moments(layers: Layers, rule: str) -> AdamMoments:
    """Return moments of 0 for the layers, or none if the rule uses none."""

    def zeros() -> Layers:
        """Return zeros, which take no memory before they are read."""
        result: Layers = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), layers)
        return result

    return AdamMoments(zeros() if RULES[rule].first else (), zeros() if RULES[rule].second else ())


class FusedStep(NamedTuple):
    """A layer and its moments after a fused step; it stands in the place of the layer's gradient."""

    layer: Layer
    first: Layer
    second: Layer


def with_fused_steps(gradient: Any, fused: FusedAdam) -> tuple[Any, ...]:
    """Return the gradient, in which `FusedStep` stands for each affine layer that has taken its step."""
    number = len(gradient) - len(fused.first)
    return (*gradient[:number], *map(FusedStep, gradient[number:], fused.first, fused.second))


def fused_adam(layers: Layers, moments: AdamMoments, step: Array, hyper: Hyper) -> FusedAdam:
    """Return the argument with which the backward pass takes Adam's step of the affine layers."""
    first, second = (moment[len(layers) - len(dense(layers)) :] for moment in moments)
    constants = _adam_constants(step)
    of_weights, of_biases = (
        jnp.stack((*constants, hyper.rate, shrink)) for shrink in (2.0 * hyper.l2, 0.0)
    )
    return FusedAdam(first, second, of_weights, of_biases)


def _adam_constants(step: Array) -> tuple[Any, ...]:
    """Return the arguments of `Backend.adam` that all arrays share: all but the rate and the L2 factor."""
    return BETA_1, BETA_2, EPSILON, *_corrections(step)


def optimizer_step(
    rule: Rule,
    layers: Layers,
    gradient: tuple[Layer | Embedding | FusedStep, ...],
    moments: AdamMoments,
    step: Array,
    hyper: Hyper,
) -> tuple[Layers, AdamMoments]:
    """Return layers and moments after one step: w <- w (1 - 2 lr r) + lr direction(g).

    Args:
        rule: the update rule.
        layers: the member's parameters.
        gradient: of the batch's mean loss, shaped like the layers; a `FusedStep` for a layer that is
            updated already.
        moments: those of `fresh_moments`, or of the last step.
        step: steps done so far, an int32 scalar.
        hyper: this member's settings, scalars, with the rate of this step.
    """
    new: list[tuple[Any, ...]] = []
    for depth, (layer, slope) in enumerate(zip(layers, gradient, strict=True)):
        if isinstance(slope, FusedStep):
            new.append(slope)
            continue
        m, v = (
            moment[depth].parameters() if needed else {}
            for moment, needed in zip(moments, (rule.first, rule.second), strict=True)
        )
        g, options = slope.parameters(), layer.parameter_options()
        arrays = {
            name: (w, m.get(name), v.get(name), g[name]) for name, w in layer.parameters().items()
        }
        parts = _updates(rule, arrays, options, step, hyper)
        new.append(
            tuple(
                layer.with_parameters({name: part[k] for name, part in parts.items()})
                for k in range(3)
            )
        )
    layers, means, squares = zip(*new, strict=True)
    return layers, AdamMoments(means if rule.first else (), squares if rule.second else ())


def _updates(
    rule: Rule,
    arrays: dict[str, tuple[Any, ...]],
    options: dict[str, ParameterOptions],
    step: Array,
    hyper: Hyper,
) -> dict[str, tuple[Array, ...]]:
    """Return each parameter of a layer and its moments after a step.

    Args:
        rule: the update rule.
        arrays: of each parameter its value, its moments, its gradient.
        options: of each parameter its factor on the learning rate, and whether L2 shrinks it.
        step: steps done so far.
        hyper: this member's settings.
    """
    factors = {
        name: (options[name].rate_factor * hyper.rate, 2.0 * hyper.l2 if options[name].l2 else None)
        for name in arrays
    }
    if not rule.fused:
        return {
            name: _apply_update(rule, array, factors[name], step, hyper)
            for name, array in arrays.items()
        }
    # One array of all constants: XLA computes them at once.
    shared = _adam_constants(step)
    constants = jnp.stack(
        [
            jnp.stack((*shared, rate, 0.0 if shrink is None else shrink))
            for rate, shrink in factors.values()
        ]
    )
    return dict(zip(arrays, rule.fused(list(arrays.values()), constants), strict=True))


def _apply_update(
    rule: Rule,
    parameter: tuple[Array, Array | None, Array | None, Array],
    factors: tuple[Array, Array | None],
    step: Array,
    hyper: Hyper,
) -> tuple[Array, ...]:
    """Return a parameter and its moments after a step.

    Args:
        rule: the update rule.
        parameter: its value, its moments, its gradient.
        factors: its learning rate, and how much L2 takes away, or None.
        step: steps done so far.
        hyper: this member's settings.
    """
    value, m, v, g = parameter
    rate, shrink = factors
    move, m, v = rule.direction(g, m, v, step, hyper)
    # Added before the multiplication by the rate: 1 - 2 lr r itself is too near 1 for float32.
    move = move if shrink is None else move - shrink * value
    return value + rate * move, m, v


def schedule_multipliers(schedule: str, steps: np.ndarray, total: int) -> np.ndarray:
    """Return the factors on the learning rate at the given step numbers, float32.

    `constant` is 1, and so are `adaptive` and `cooldown`, whose rates follow the losses instead. `cosine` falls from 1
    to 0 over all steps of the training: (1 + cos(pi step / total)) / 2 (Loshchilov and Hutter 2017).

    >>> schedule_multipliers("cosine", np.array([0, 50, 100]), total=100)
    array([1. , 0.5, 0. ], dtype=float32)
    """
    if schedule != "cosine":
        return np.ones(len(steps), np.float32)
    return (0.5 * (1.0 + np.cos(math.pi * steps / total))).astype(np.float32)
