"""The update rules: parameters, gradient and moments in, parameters and moments out.

Letters are the formulas': w weights, g gradient, lr the learning rate of the
step, r the L2 setting. L2 shrinks the weights by (1 - 2 lr r) in every rule,
apart from the moments, and leaves biases alone; so its strength depends neither
on the batch size nor on the moments.
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
    from epochal.nn.learning import Learning

    Array = Any  # a NumPy array on the host, a JAX array on the device

# Adam's decay rates and its guard against division by zero (Kingma and Ba 2015).
BETA_1, BETA_2, GUARD = 0.9, 0.999, 1e-8


class Hyper(NamedTuple):
    """What may differ between members and between fits without compiling anew."""

    rate: Array  # learning rate
    momentum: Array  # of plain gradient descent
    l2: Array  # the r of (1 - 2 lr r)
    dropout: Array  # probability that a hidden unit is dropped
    input_dropout: Array  # that an input of the first layer is


class AdamMoments(NamedTuple):
    """Running means of the gradient (first) and of its square (second); empty where unused."""

    first: Layers
    second: Layers


class Rule(NamedTuple):
    """A way to update: which moments it needs, and the change of one array."""

    first: bool
    second: bool
    change: Callable[..., tuple[Array, Array | None, Array | None]]
    at_once: Callable[..., tuple[Array, ...]] | None = None  # `Backend.adam`, if it is there


def _descend(g: Array, first: None, second: None, step: Array, hyper: Hyper) -> tuple[Any, ...]:
    """Return -g: gradient descent without momentum."""
    del step, hyper
    return -g, first, second


def _momentum(g: Array, first: Array, second: None, step: Array, hyper: Hyper) -> tuple[Any, ...]:
    """Return v = momentum v - g (Polyak 1964), in units of the learning rate."""
    del step
    first = hyper.momentum * first - g
    return first, first, second


def _adam(g: Array, first: Array, second: Array, step: Array, hyper: Hyper) -> tuple[Any, ...]:
    """Return -m / (sqrt(v) + guard) from the bias-corrected moments m and v (Adam)."""
    del hyper
    first = BETA_1 * first + (1.0 - BETA_1) * g
    second = BETA_2 * second + (1.0 - BETA_2) * g * g
    of_first, of_second = _corrections(step)
    return -(first / of_first) / (jnp.sqrt(second / of_second) + GUARD), first, second


def _corrections(step: Array) -> tuple[Array, Array]:
    """Return what divides Adam's moments, which begin at 0: 1 - beta^t.

    By expm1: in float32 the difference would lose five digits at first.
    """
    t = step.astype(jnp.float32) + 1.0
    return -jnp.expm1(t * math.log(BETA_1)), -jnp.expm1(t * math.log(BETA_2))


RULES: dict[str, Rule] = {
    "sgd": Rule(first=False, second=False, change=_descend),
    "momentum": Rule(first=True, second=False, change=_momentum),
    "adam": Rule(first=True, second=True, change=_adam),
}


def rule_by(name: str, kernels: Backend) -> Rule:
    """Return the rule of a name, whose steps are taken by the kernels if they can."""
    return RULES[name]._replace(at_once=kernels.adam if name == "adam" else None)


def fresh_moments(layers: Layers, rule: str) -> AdamMoments:
    """Return moments of 0 for the given layers, and none where the rule uses none."""

    def zeros() -> Layers:
        """Return zeros, which take no memory before they are looked at."""
        result: Layers = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), layers)
        return result

    return AdamMoments(zeros() if RULES[rule].first else (), zeros() if RULES[rule].second else ())


class TakenStep(NamedTuple):
    """What is there after a step that the chain rule took, in the place of a layer's gradient."""

    layer: Layer
    first: Layer
    second: Layer


def taken(gradient: Any, fused: FusedAdam) -> tuple[Any, ...]:
    """Return the gradient with the steps of affine layers that the chain rule left there."""
    number = len(gradient) - len(fused.first)
    return (*gradient[:number], *map(TakenStep, gradient[number:], fused.first, fused.second))


def fused_adam(layers: Layers, moments: AdamMoments, step: Array, hyper: Hyper) -> FusedAdam:
    """Return what a chain rule needs to take a step of Adam with the affine layers."""
    first, second = (moment[len(layers) - len(dense(layers)) :] for moment in moments)
    shared = _shared(step)
    of_weights, of_biases = (
        jnp.stack((*shared, hyper.rate, shrink)) for shrink in (2.0 * hyper.l2, 0.0)
    )
    return FusedAdam(first, second, of_weights, of_biases)


def _shared(step: Array) -> tuple[Any, ...]:
    """Return the figures of `Backend.adam` that all arrays share: without the rate, and L2's part of a move."""
    return BETA_1, BETA_2, GUARD, *_corrections(step)


def updated(
    rule: Rule,
    layers: Layers,
    gradient: tuple[Layer | Embedding | TakenStep, ...],
    moments: AdamMoments,
    step: Array,
    hyper: Hyper,
) -> tuple[Layers, AdamMoments]:
    """Return layers and moments after one step: w <- w (1 - 2 lr r) + lr change(g).

    Args:
        rule: how to update.
        layers: the member's parameters.
        gradient: of the batch's mean loss, shaped like the layers; or steps that have been taken.
        moments: as `fresh_moments` made them, or as the last step left them.
        step: steps done so far, an int32 scalar.
        hyper: this member's settings, scalars, with the rate of this step.
    """
    shared = _shared(step) if rule.at_once else ()
    new: list[tuple[Any, ...]] = []
    for depth, (layer, slope) in enumerate(zip(layers, gradient, strict=True)):
        if isinstance(slope, TakenStep):
            new.append(slope)
            continue
        m, v = (
            moment[depth].parameters() if needed else {}
            for moment, needed in zip(moments, (rule.first, rule.second), strict=True)
        )
        g, learning = slope.parameters(), layer.learning()
        parts = {
            name: _apply_update(
                rule, (w, m.get(name), v.get(name), g[name]), learning[name], step, hyper, shared
            )
            for name, w in layer.parameters().items()
        }
        new.append(
            tuple(
                layer.with_parameters({name: part[k] for name, part in parts.items()})
                for k in range(3)
            )
        )
    layers, means, squares = zip(*new, strict=True)
    return layers, AdamMoments(means if rule.first else (), squares if rule.second else ())


def _apply_update(
    rule: Rule,
    parameter: tuple[Array, Array | None, Array | None, Array],
    learning: Learning,
    step: Array,
    hyper: Hyper,
    shared: tuple[Any, ...],
) -> tuple[Array, ...]:
    """Return a parameter and its moments after a step.

    Args:
        rule: how to update.
        parameter: its value, its moments, its gradient.
        learning: how fast it learns, and whether L2 shrinks it.
        step: steps done so far.
        hyper: this member's settings.
        shared: figures of `Backend.adam`, if the rule has it.
    """
    value, m, v, g = parameter
    rate = learning.pace * hyper.rate
    shrink = 2.0 * hyper.l2 if learning.shrunk else 0.0
    if rule.at_once:
        return rule.at_once(value, m, v, g, jnp.stack((*shared, rate, shrink)))
    move, m, v = rule.change(g, m, v, step, hyper)
    # Added before the rate is multiplied: 1 - 2 lr r itself is too near 1 for float32.
    move = move - shrink * value if learning.shrunk else move
    return value + rate * move, m, v


def schedule_multipliers(schedule: str, steps: np.ndarray, total: int) -> np.ndarray:
    """Return the factors on the learning rate at the given step numbers, float32.

    `constant` is 1, and so is `adaptive`, which goes by the losses instead; `cosine` falls from 1 to 0 over all steps of the training:
    (1 + cos(pi step / total)) / 2 (Loshchilov and Hutter 2017).

    >>> schedule_multipliers("cosine", np.array([0, 50, 100]), total=100)
    array([1. , 0.5, 0. ], dtype=float32)
    """
    if schedule in {"constant", "adaptive"}:
        return np.ones(len(steps), np.float32)
    return (0.5 * (1.0 + np.cos(math.pi * steps / total))).astype(np.float32)
