"""The embedding: what stands before the first layer and turns columns into vectors.

A number x with standardised value z and position t among its knots becomes

    e = a z + b + T(t),    T(t) = W_1 + ... + W_n + (t - n) W_{n+1} with n = floor(t)

a straight line and what bends it at the knots: W_k is what the vector gains
between knot k and the next. A category becomes the vector of its level. Bends
begin at 0 and levels near it, so a network begins as a plain one and bends only
where the loss asks for it (Gorishniy et al. 2022 on embeddings by pieces, and
2024, TabM, on beginning at 0). Everything is then multiplied by scales that begin at
1 and are learned fast: a column that says nothing is turned down before it is
learned by heart (as in RealMLP, Holzmueller et al. 2024).

That is a smooth member, with few knots. A fine member has many, and at each
also a vector of its own, which it shares with no other and learns slowly:
what holds for one value only, as boosted trees find it, a smooth one misses;
but where there is no such thing, a fine one learns noise.

The arrays are NumPy's or JAX's; this module imports no JAX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epochal.keys import Purpose, generator
from epochal.nn.backend import PLAIN

if TYPE_CHECKING:
    from epochal.nn.backend import Backend
    from epochal.preprocessing.feature_layout import EmbeddingSizes

    Array = Any  # a NumPy or a JAX array


# Deviation of the levels' vectors at the beginning. Were they 0, a table of categories
# alone would be the same row over and over, and no unit would have a slope.
LEVELS = 0.1


class Embedding(NamedTuple):
    """The parameters of an embedding of F numbers, C categories and P plain features."""

    slope: Array  # (F, size)
    offset: Array  # (F, size)
    increments: Array  # (F, intervals, size)
    bin_vectors: Array  # (F, intervals + 1, size) vectors of single knots
    fine: Array  # () 1 for a fine member, 0 for a smooth one; not learned
    levels: Array  # (levels, size)
    scale: Array  # (F + C, size)
    plain: Array  # (P,)


def embedded(embedding: Embedding, x: Array, kernels: Backend = PLAIN) -> Array:
    """Return what the first layer gets, shape (rows, (F + C) size + P).

    Args:
        embedding: the parameters.
        x: rows, shape (rows, F + P + 2 F + C): values, plain features, positions
            among the smooth members' knots and among the fine ones', codes.
        kernels: how to sum.

    >>> one = np.ones((1, 1))
    >>> increments, bin_vectors, fine = np.array([[[10.0], [20.0]]]), np.zeros((1, 3, 1)), np.zeros(())
    >>> e = Embedding(one, one, increments, bin_vectors, fine, np.zeros((0, 1)), one, np.ones(1))
    >>> embedded(e, np.array([[2.0, 7.0, 1.5, 0.0]]))
    array([[23.,  7.]])
    """
    xp = x.__array_namespace__()
    (numbers, size), plain = embedding.slope.shape, embedding.plain.shape[0]
    parts = []
    if numbers:
        values = x[:, :numbers, None]
        coarse, fine = (
            x[:, start : start + numbers] for start in (numbers + plain, 2 * numbers + plain)
        )
        positions = xp.where(embedding.fine > 0, fine, coarse)
        line = values * embedding.slope[None] + embedding.offset[None]
        parts.append(line + _bent(embedding, positions, kernels))
    if embedding.levels.shape[0]:
        codes = x[:, 3 * numbers + plain :].astype(xp.int32)
        parts.append(embedding.levels[codes])
    vectors = [xp.concat(parts, axis=1) * embedding.scale[None]] if parts else []
    flat = [vector.reshape(x.shape[0], vector.shape[1] * size) for vector in vectors]
    return xp.concat([*flat, x[:, numbers : numbers + plain] * embedding.plain[None]], axis=1)


def _bent(embedding: Embedding, positions: Array, kernels: Backend) -> Array:
    """Return T at the positions, with the knots' own vectors, shape (rows, numbers, size)."""
    xp = positions.__array_namespace__()
    numbers, intervals, size = embedding.increments.shape
    increments = embedding.increments
    zero = xp.zeros((numbers, 1, size), dtype=increments.dtype)
    at_edges = xp.concat([zero, kernels.running_sum(increments)], axis=1) + embedding.bin_vectors
    below = xp.minimum(xp.floor(positions), intervals - 1)
    rows = below.astype(xp.int32) + xp.arange(numbers, dtype=xp.int32)[None] * (intervals + 1)
    # Both ends in one look-up: what it costs is going through the table for the gradient.
    ends = at_edges.reshape(numbers * (intervals + 1), size)[xp.concat([rows, rows + 1])]
    low, high = ends[: len(rows)], ends[len(rows) :]
    return low + (positions - below)[:, :, None] * (high - low)


def initial_embedding(
    sizes: EmbeddingSizes, size: int, *, seed: int, member: int, fine: bool
) -> Embedding:
    """Return one member's embedding before training, in float32.

    Slopes and offsets are uniform in (-1, 1), bends 0, levels normal and small, scales 1.

    Args:
        sizes: what the embedding is made for.
        size: length of the vectors.
        seed: the seed of the training.
        member: the number of the member; others do not influence it.
        fine: whether it is a fine member.
    """
    random = generator(seed, Purpose.EMBEDDING, member)
    shapes = embedding_shapes(sizes, size)
    lines = random.uniform(-1.0, 1.0, (2, *shapes.slope)).astype(np.float32)
    levels = random.standard_normal(shapes.levels)
    return Embedding(
        slope=lines[0],
        offset=lines[1],
        increments=np.zeros(shapes.increments, np.float32),
        bin_vectors=np.zeros(shapes.bin_vectors, np.float32),
        fine=np.float32(fine),
        levels=np.asarray(LEVELS * levels, np.float32),
        scale=np.ones(shapes.scale, np.float32),
        plain=np.ones(shapes.plain, np.float32),
    )


def embedding_shapes(sizes: EmbeddingSizes, size: int) -> Embedding:
    """Return the shapes of the parameters, each in its place."""
    return Embedding(
        slope=(sizes.numbers, size),
        offset=(sizes.numbers, size),
        increments=(sizes.numbers, sizes.intervals, size),
        bin_vectors=(sizes.numbers, sizes.intervals + 1, size),
        fine=(),
        levels=(sizes.levels, size),
        scale=(sizes.numbers + sizes.categories, size),
        plain=(sizes.plain,),
    )


def resized(embedding: Embedding, intervals: int) -> Embedding:
    """Return an embedding with room for so many intervals: cut off, or with zeros behind.

    Other axes in front, of members, stay as they are.
    """
    return embedding._replace(
        increments=_fitted(embedding.increments, intervals),
        bin_vectors=_fitted(embedding.bin_vectors, intervals + 1),
    )


def _fitted(array: Array, length: int) -> Array:
    """Return an array with the last axis but one of this length."""
    kept = array[..., :length, :]
    behind = [(0, 0)] * kept.ndim
    behind[-2] = (0, length - kept.shape[-2])
    return np.pad(kept, behind)
