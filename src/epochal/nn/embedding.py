"""The embedding: what stands before the first layer and turns columns into vectors.

A number x with standardised value z and position t among its bin edges becomes

    e = a z + b + T(t),    T(t) = W_1 + ... + W_n + (t - n) W_{n+1} with n = floor(t)

a straight line plus a piecewise-linear term: W_k is the increment of the vector from edge k to the next.
A category becomes the vector of its level. Increments begin at 0 and levels near 0, so a network begins
linear in each column, and becomes piecewise linear only as far as this lowers the loss (Gorishniy et al.
2022 on piecewise-linear embeddings, and 2024, TabM, on beginning at 0). The vectors are then multiplied
by scales that begin at 1 and have a high learning rate: an uninformative column is scaled down before
the network memorises it (as in RealMLP, Holzmueller et al. 2024).

This is the embedding of a coarse member, which has few bins. A fine member has many bins, and at each edge a separate vector with a
low learning rate. A coarse member misses effects of single values, which boosted trees find; without
such effects, a fine member learns noise.

The arrays are NumPy's or JAX's; this module imports no JAX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epochal.keys import Purpose, generator_for
from epochal.nn.backend import PLAIN
from epochal.nn.parameter_options import ParameterOptions
from epochal.nn.target_embedding import TargetEmbedding
from epochal.preprocessing.feature_layout import target_statistics_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochal.nn.backend import Backend
    from epochal.preprocessing.feature_layout import EmbeddingSizes

    Array = Any  # a NumPy or a JAX array


# Deviation of the levels' vectors at the beginning. Were they 0, a table of categories
# alone would be the same row over and over, and no unit would have a slope.
LEVELS = 0.1
# Scales learn so many times as fast, to turn columns down in time, and the vectors of single
# edges, each of which few rows teach, so many times as slowly.
FAST, SLOW = 6.0, 0.3


class NumericEmbedding(NamedTuple):
    """The vectors of F numeric columns: a straight line, bent at the bin edges."""

    slope: Array  # (F, size)
    offset: Array  # (F, size)
    increments: Array  # (F, intervals, size)
    bin_vectors: Array  # (F, intervals + 1, size) vectors of single edges
    fine: Array  # () 1 for a member with fine bins, 0 for one with coarse bins; not learned

    @property
    def intervals(self) -> int:
        """How many intervals between bin edges there is room for."""
        return int(self.increments.shape[-2])

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return int(self.slope.shape[-2])

    @classmethod
    def shapes(cls, sizes: EmbeddingSizes, size: int) -> NumericEmbedding:
        """Return the shape of each parameter in its place."""
        return cls(
            slope=(sizes.numbers, size),
            offset=(sizes.numbers, size),
            increments=(sizes.numbers, sizes.intervals, size),
            bin_vectors=(sizes.numbers, sizes.intervals + 1, size),
            fine=(),
        )

    @classmethod
    def initial(
        cls, sizes: EmbeddingSizes, size: int, random: np.random.Generator, *, fine: bool
    ) -> NumericEmbedding:
        """Return the parameters before training: slopes and offsets uniform in (-1, 1), no bends."""
        shapes = cls.shapes(sizes, size)
        lines = random.uniform(-1.0, 1.0, (2, *shapes.slope)).astype(np.float32)
        return cls(
            slope=lines[0],
            offset=lines[1],
            increments=np.zeros(shapes.increments, np.float32),
            bin_vectors=np.zeros(shapes.bin_vectors, np.float32),
            fine=np.float32(fine),
        )

    def parameter_options(self) -> dict[str, ParameterOptions]:
        """Return each parameter's optimizer options; without fine bins, vectors of single bins do not learn."""
        return {
            "slope": ParameterOptions(),
            "offset": ParameterOptions(),
            "increments": ParameterOptions(l2=True),
            "bin_vectors": ParameterOptions(rate_factor=SLOW * self.fine, l2=True),
            "fine": ParameterOptions(rate_factor=0.0),
        }

    def apply(self, values: Array, coarse: Array, fine: Array, kernels: Backend = PLAIN) -> Array:
        """Return the vectors of the columns, shape (rows, F, size).

        Args:
            values: standardised, shape (rows, F).
            coarse: positions among the coarse bins' edges, shape (rows, F).
            fine: positions among the fine bins' edges, shape (rows, F).
            kernels: how to sum.
        """
        xp = values.__array_namespace__()
        values = values[:, :, None]
        positions = xp.where(self.fine > 0, fine, coarse)
        line = values * self.slope[None] + self.offset[None]
        return line + self._piecewise_linear(positions, kernels)

    def _piecewise_linear(self, positions: Array, kernels: Backend) -> Array:
        """Return T at the positions, with the edges' own vectors, shape (rows, F, size)."""
        xp = positions.__array_namespace__()
        numbers, intervals, size = self.increments.shape
        increments = self.increments
        zero = xp.zeros((numbers, 1, size), dtype=increments.dtype)
        at_edges = xp.concat([zero, kernels.running_sum(increments)], axis=1) + self.bin_vectors
        below = xp.minimum(xp.floor(positions), intervals - 1)
        rows = below.astype(xp.int32) + xp.arange(numbers, dtype=xp.int32)[None] * (intervals + 1)
        # Both ends in one look-up: what it costs is going through the table for the gradient.
        ends = at_edges.reshape(numbers * (intervals + 1), size)[xp.concat([rows, rows + 1])]
        low, high = ends[: len(rows)], ends[len(rows) :]
        return low + (positions - below)[:, :, None] * (high - low)

    def resized(self, intervals: int) -> NumericEmbedding:
        """Return the parameters with room for so many intervals: cut off, or with zeros behind.

        Other axes in front, of members, stay as they are.
        """
        return self._replace(
            increments=_fitted(self.increments, intervals),
            bin_vectors=_fitted(self.bin_vectors, intervals + 1),
        )


class CategoricalEmbedding(NamedTuple):
    """The vectors of categorical columns: one for each level of each."""

    levels: Array  # (levels of all columns, size)

    @classmethod
    def shapes(cls, sizes: EmbeddingSizes, size: int) -> CategoricalEmbedding:
        """Return the shape of each parameter in its place."""
        return cls(levels=(sizes.levels, size))

    @classmethod
    def initial(
        cls, sizes: EmbeddingSizes, size: int, random: np.random.Generator
    ) -> CategoricalEmbedding:
        """Return the parameters before training: normal and small."""
        levels = random.standard_normal(cls.shapes(sizes, size).levels)
        return cls(levels=np.asarray(LEVELS * levels, np.float32))

    def parameter_options(self) -> dict[str, ParameterOptions]:
        """Return the optimizer options of each parameter."""
        return {"levels": ParameterOptions(l2=True)}

    def apply(self, codes: Array) -> Array:
        """Return the vectors of levels by their numbers, shape (rows, columns, size)."""
        xp = codes.__array_namespace__()
        return self.levels[codes.astype(xp.int32)]


class Embedding(NamedTuple):
    """The embedding of a table of F numbers, C categories and P plain features.

    Every column's vector is multiplied by scales of its own, whatever it is made of.
    """

    numeric: NumericEmbedding
    categorical: CategoricalEmbedding
    scale: Array  # (F + C, size)
    plain: Array  # (P,)
    target: TargetEmbedding | None = None

    def parameters(self) -> dict[str, Array]:
        """Return the parameters by name, in the order of the file format."""
        parts = self.numeric._asdict() | self.categorical._asdict()
        target = {} if self.target is None else self.target._asdict()
        return parts | {"scale": self.scale, "plain": self.plain} | target

    def with_parameters(self, named: Mapping[str, Array]) -> Embedding:
        """Return an embedding of the same parts with these parameters."""
        return Embedding(
            type(self.numeric)(*(named[name] for name in self.numeric._fields)),
            type(self.categorical)(*(named[name] for name in self.categorical._fields)),
            named["scale"],
            named["plain"],
            self.target and TargetEmbedding(*(named[name] for name in self.target._fields)),
        )

    def parameter_options(self) -> dict[str, ParameterOptions]:
        """Return the optimizer options of each parameter, by name."""
        scales = {
            "scale": ParameterOptions(rate_factor=FAST),
            "plain": ParameterOptions(rate_factor=FAST),
        }
        target = {} if self.target is None else self.target.parameter_options(FAST)
        vectors = self.numeric.parameter_options() | self.categorical.parameter_options()
        return vectors | scales | target

    def with_target_table(self, table: Array) -> Embedding:
        """Return an embedding with this table of target statistics; the same, if it has no target statistics."""
        if self.target is None:
            return self
        return self._replace(target=self.target._replace(target_table=table))

    def resized(self, intervals: int) -> Embedding:
        """Return an embedding with room for so many intervals between bin edges."""
        return self._replace(numeric=self.numeric.resized(intervals))


def embedded(embedding: Embedding, x: Array, kernels: Backend = PLAIN) -> Array:
    """Return what the first layer gets, shape (rows, (F + C) size + P), and target statistics behind it.

    Args:
        embedding: the parameters.
        x: rows, shape (rows, F + P + 2 F + C): values, plain features, positions
            among the coarse bins' edges and among the fine bins', codes; with target
            statistics also the fold and entries, as `TargetEmbedding.apply` takes them.
        kernels: how to sum, or an operation for all.

    >>> one = np.ones((1, 1))
    >>> increments, bin_vectors, fine = np.array([[[10.0], [20.0]]]), np.zeros((1, 3, 1)), np.zeros(())
    >>> numeric = NumericEmbedding(one, one, increments, bin_vectors, fine)
    >>> e = Embedding(numeric, CategoricalEmbedding(np.zeros((0, 1))), one, np.ones(1))
    >>> embedded(e, np.array([[2.0, 7.0, 1.5, 0.0]]))
    array([[23.,  7.]])
    """
    if kernels.embed is not None:
        return kernels.embed(embedding, x)
    xp = x.__array_namespace__()
    numeric, categorical, scale, plain, target = embedding
    (numbers, size), plains = numeric.slope.shape, plain.shape[0]
    parts = []
    if numbers:
        coarse, fine = (
            x[:, start : start + numbers] for start in (numbers + plains, 2 * numbers + plains)
        )
        parts.append(numeric.apply(x[:, :numbers], coarse, fine, kernels))
    fold = 2 * numbers + plains + scale.shape[0]  # F + P + 2 F + C
    if categorical.levels.shape[0]:
        parts.append(categorical.apply(x[:, 3 * numbers + plains : fold]))
    vectors = [xp.concat(parts, axis=1) * scale[None]] if parts else []
    flat = [vector.reshape(x.shape[0], vector.shape[1] * size) for vector in vectors]
    flat.append(x[:, numbers : numbers + plains] * plain[None])
    if target is not None:
        flat += target.apply(x[:, fold], x[:, fold + 1 :])
    return xp.concat(flat, axis=1)


def initial_embedding(
    sizes: EmbeddingSizes, size: int, *, seed: int, member: int, fine: bool, classes: int = 2
) -> Embedding:
    """Return one member's embedding before training, in float32; scales are 1.

    Args:
        sizes: what the embedding is made for.
        size: length of the vectors.
        seed: the seed of the training.
        member: the number of the member; others do not influence it.
        fine: whether the member has fine bins.
        classes: how many there are, of which target statistics tell.
    """
    random = generator_for(seed, Purpose.EMBEDDING, member)
    shapes = embedding_shapes(sizes, size)
    return Embedding(
        numeric=NumericEmbedding.initial(sizes, size, random, fine=fine),
        categorical=CategoricalEmbedding.initial(sizes, size, random),
        scale=np.ones(shapes.scale, np.float32),
        plain=np.ones(shapes.plain, np.float32),
        target=TargetEmbedding.initial(sizes, target_statistics_count(classes))
        if sizes.entries
        else None,
    )


def embedding_shapes(sizes: EmbeddingSizes, size: int, classes: int = 2) -> Embedding:
    """Return the shapes of the parameters, each in its place."""
    return Embedding(
        numeric=NumericEmbedding.shapes(sizes, size),
        categorical=CategoricalEmbedding.shapes(sizes, size),
        scale=(sizes.numbers + sizes.categories, size),
        plain=(sizes.plain,),
        target=TargetEmbedding.shapes(sizes, target_statistics_count(classes))
        if sizes.entries
        else None,
    )


def resized(tree: Any, intervals: int) -> Any:
    """Return a tree of tuples whose embeddings have room for so many intervals.

    What stands in it beside embeddings stays as it is.
    """
    if isinstance(tree, Embedding):
        return tree.resized(intervals)
    if not isinstance(tree, tuple):
        return tree
    parts = [resized(part, intervals) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)


def _fitted(array: Array, length: int) -> Array:
    """Return an array with the last axis but one of this length."""
    kept = array[..., :length, :]
    behind = [(0, 0)] * kept.ndim
    behind[-2] = (0, length - kept.shape[-2])
    return np.pad(kept, behind)
