"""Probabilities of new rows: the members' softmax outputs, averaged.

Few rows are computed in NumPy, in float64: nothing is compiled and JAX is not
even loaded. Many rows go through a compiled program in float32, block by
block. The two agree to float32 rounding; which one it is depends on the amount
of work alone, so equal calls give equal bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from epochal.data.matching import matched
from epochal.data.rows import span
from epochal.learn.losses import softmax
from epochal.learn.network import Layer, apply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.data.schema import Rows
    from epochal.learn.network import Layers
    from epochal.model.description import Model

# Multiplications below which NumPy is done before a program would be compiled.
SMALL = 2 * 10**9
# Rows of one block of the compiled program; also the most that is encoded at a time per feature.
BLOCK = 4096
CHUNK_BYTES = 64 * 2**20


def predict_proba(model: Model, rows: Rows, members: Sequence[Layers] | None = None) -> np.ndarray:
    """Return the probabilities of the classes, float64 (rows, classes), rows summing to 1.

    Rows are encoded and passed in chunks, so memory beyond the result is bounded.

    Args:
        model: the model.
        rows: a table with the model's columns, or an array with as many features.
        members: the members to average; None for all of the model's.
    """
    members = model.members if members is None else members
    # Once, so that what it has to say is said once.
    rows = matched(rows, model.preprocessor.schema)
    number = rows.shape[0]
    result = np.empty((number, len(model.classes)))
    activation = model.settings.activation
    large = work(members, number) > SMALL
    size = chunk_rows(model.preprocessor.n_features)
    for start in range(0, number, size):
        chunk = span(rows, start, min(start + size, number))
        x = model.preprocessor.encode(chunk, first_row=start)
        part = probabilities(members, x, activation, large=large)
        result[start : start + size] = part
    return result


def chunk_rows(features: int) -> int:
    """Return how many rows are encoded at a time: whole blocks, of bounded size."""
    return max(CHUNK_BYTES // (4 * max(features, 1) * BLOCK), 1) * BLOCK


def work(members: Sequence[Layers], rows: int) -> int:
    """Return the number of multiplications that predicting so many rows takes."""
    return rows * sum(layer.weights.size for layers in members for layer in layers)


def probabilities(
    members: Sequence[Layers], x: np.ndarray, activation: str, *, large: bool
) -> np.ndarray:
    """Return the mean of the members' softmax outputs, float64 (rows, classes).

    Args:
        members: each member's layers.
        x: encoded rows, float32 (rows, features).
        activation: name of the hidden activation.
        large: whether the work is worth a compiled program.
    """
    mean = _compiled(members, x, activation) if large else _direct(members, x, activation)
    return mean / mean.sum(axis=1, keepdims=True)


def _direct(members: Sequence[Layers], x: np.ndarray, activation: str) -> np.ndarray:
    """Return the mean probabilities, in NumPy and float64."""
    total = np.zeros((len(x), members[0][-1].bias.size))
    x = x.astype(np.float64)
    for layers in members:
        exact = tuple(Layer(*(part.astype(np.float64) for part in layer)) for layer in layers)
        total += softmax(apply(exact, x, activation))
    return total / len(members)


def _compiled(members: Sequence[Layers], x: np.ndarray, activation: str) -> np.ndarray:
    """Return the mean probabilities, by the compiled program in float32."""
    # Here and not above: what is small needs no JAX, which takes a second to load.
    import jax.numpy as jnp

    from epochal.learn.members import mean_probabilities, stacked

    stack = tuple(Layer(*map(jnp.asarray, layer)) for layer in stacked(members))
    parts = []
    for start in range(0, len(x), BLOCK):
        block = x[start : start + BLOCK]
        padded = np.pad(block, ((0, BLOCK - len(block)), (0, 0)))
        parts.append((mean_probabilities(stack, jnp.asarray(padded), activation), len(block)))
    return np.concatenate([np.asarray(p, np.float64)[:rows] for p, rows in parts])
