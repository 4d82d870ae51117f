"""Quantile bins of numeric columns: the embedding of a number is linear within each bin.

The bin edges of a column are the first values of bins of about equal weight, and the largest
value. A value so frequent that it fills a bin has a bin for itself, so that the zeros of a sparse
column do not use up its bins. A column of few values has an edge at each. Histogram-based gradient
boosting chooses its bins in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.preprocessing.value_range import MAX_EXPONENT, MIN_EXPONENT

if TYPE_CHECKING:
    from collections.abc import Sequence

# With two edges the embedding is linear in the value, which it is without bins.
FEWEST = 3
# Size of the sample from which bins are computed: a larger one changes their weight by about 1 %.
SAMPLE = 2**22


@dataclass(frozen=True, eq=False)
class Bins:
    """The bin edges of columns: those of column j are `values[starts[j]:starts[j + 1]]`, increasing."""

    values: np.ndarray  # (all edges,) float64
    starts: np.ndarray  # (columns + 1,) int64

    @classmethod
    def of(cls, columns: Sequence[np.ndarray]) -> Bins:
        """Return the bins of columns from the edges of each."""
        counts = [len(column) for column in columns]
        return cls(np.concatenate([np.empty(0), *columns]), np.cumsum([0, *counts]))

    @classmethod
    def from_counts(cls, values: np.ndarray, counts: Sequence[int]) -> Bins:
        """Return bins from all edges and their number per column; ValueError if edges do not increase."""
        bins = cls(values, np.cumsum([0, *counts]))
        if not all((np.diff(column) > 0).all() for column in bins.columns):
            raise ValueError("the bins of a column do not increase")
        return bins

    @property
    def counts(self) -> np.ndarray:
        """The number of edges of each column."""
        return np.diff(self.starts)

    @property
    def intervals(self) -> int:
        """The largest number of bins of a column."""
        return max(int(self.counts.max(initial=0)) - 1, 0)

    @property
    def columns(self) -> list[np.ndarray]:
        """The edges of each column."""
        return [self.values[start:end] for start, end in pairwise(self.starts)]

    def positions(self, values: np.ndarray, out: np.ndarray) -> None:
        """Write the positions of values among the bin edges: 0 at the first edge, 1 at the second.

        Positions between edges are interpolated linearly; values outside the range are clipped.

        Args:
            values: float64, shape (rows, columns); NaN gives NaN.
            out: float32, of the same shape.

        >>> out = np.empty((1, 2), np.float32)
        >>> Bins.of([np.array([0.0, 1.0, 4.0])] * 2).positions(np.array([[2.5, -9.0]]), out)
        >>> print(out)
        [[1.5 0. ]]
        """
        for index, (unit, bins, places) in enumerate(self._in_units):
            out[:, index] = np.interp(values[:, index] * unit, bins, places)

    @cached_property
    def _in_units(self) -> list[tuple[float, np.ndarray, np.ndarray]]:
        """Each column's unit (a power of two), its edges in this unit (below 1), and their positions.

        Without the unit, slopes between very near or very far edges may overflow float64.
        """
        units = [float(np.ldexp(1.0, -_exponent_of(bins))) for bins in self.columns]
        return [
            (unit, bins * unit, np.arange(len(bins), dtype=np.float64))
            for unit, bins in zip(units, self.columns, strict=True)
        ]


def _exponent_of(bins: np.ndarray) -> int:
    """Return e with |x| < 2^e for all edges of a column, limited so that 2^-e is finite.

    >>> _exponent_of(np.array([-3.0, 1.0]))
    2
    """
    _, exponent = np.frexp(max(abs(bins[0]), abs(bins[-1])) if len(bins) else 0.0)
    return int(np.clip(exponent, MIN_EXPONENT, MAX_EXPONENT))


def quantile_bins(
    values: np.ndarray, weights: np.ndarray, n_bins: tuple[int, int]
) -> tuple[Bins, Bins]:
    """Return coarse and fine bins of the columns of a sample.

    Args:
        values: float64, shape (rows, columns); NaN is a missing value.
        weights: of the rows, positive.
        n_bins: the largest number of coarse bins of a column, and of fine bins.
    """
    weighted = [unique_weights(column, weights) for column in values.T]
    coarse, fine = ([bin_edges(*column, bins) for column in weighted] for bins in n_bins)
    are_enough = [min(len(x), len(y)) >= FEWEST for x, y in zip(coarse, fine, strict=True)]

    def selected(columns: list[np.ndarray]) -> Bins:
        """Return the bins of the columns with enough edges, and no bins for the others."""
        return Bins.of(
            [
                edges if enough else edges[:0]
                for edges, enough in zip(columns, are_enough, strict=True)
            ]
        )

    return selected(coarse), selected(fine)


def unique_weights(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the unique values of a column, sorted, and the total weight of each.

    Missing values (NaN) and rows of weight 0 are ignored.

    >>> unique_weights(np.array([3.0, 1.0, 3.0, np.nan]), np.ones(4))
    (array([1., 3.]), array([1., 2.]))
    """
    present = (weights > 0) & ~np.isnan(values)
    unique, index = np.unique(values[present], return_inverse=True)
    return unique, np.bincount(index, weights=weights[present])


def bin_edges(values: np.ndarray, weight: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the edges of one column: the first values of at most `n_bins` bins, and the largest value.

    Args:
        values: the unique values, ascending.
        weight: the weight of each value, positive.
        n_bins: the number of bins.

    >>> bin_edges(np.arange(51.0), np.array([50.0] + [1.0] * 50), n_bins=6)
    array([ 0.,  1., 11., 21., 31., 41., 50.])
    """
    if len(values) <= n_bins:
        return values
    is_heavy = weight >= weight.sum() / n_bins
    light_bins = max(n_bins - np.count_nonzero(is_heavy), 1)
    target = weight[~is_heavy].sum() / light_bins
    starts = _bin_starts(weight, is_heavy, target)
    return np.unique(np.append(values[starts], values[-1]))


def bin_counts(described: Any, columns: int) -> list[list[int]]:
    """Return the numbers of coarse and of fine edges per column; ValueError if they are invalid."""
    pairs: list[Any] = described if isinstance(described, list) else []
    if len(pairs) != 2 or not all(_are_counts(counts, columns) for counts in pairs):
        expected = f"two lists of {columns} whole numbers, each 0 or at least {FEWEST}"
        raise ValueError(f"the numbers of bins are {described!r}, expected {expected}")
    if any(bool(coarse) != bool(fine) for coarse, fine in zip(*pairs, strict=True)):
        raise ValueError("a column has bins of one kind only")
    return pairs


def _are_counts(counts: Any, columns: int) -> bool:
    """Whether this is a valid number of edges for every column."""
    if not isinstance(counts, list) or len(counts) != columns:
        return False
    return all(type(count) is int and (count == 0 or count >= FEWEST) for count in counts)


def _bin_starts(weight: np.ndarray, is_heavy: np.ndarray, target: float) -> list[int]:
    """Return the indices of the values at which bins start: each takes values up to the target weight."""
    before = np.cumsum(weight) - weight
    # A value goes to the bin that holds most of its weight.
    midpoint = before + 0.5 * weight
    bounds = np.flatnonzero(is_heavy[1:] | is_heavy[:-1]) + 1
    starts, last = [0], len(weight)
    while True:
        filled = int(np.searchsorted(midpoint, before[starts[-1]] + target, side="right"))
        next_bound = int(np.searchsorted(bounds, starts[-1], side="right"))
        bound = int(bounds[next_bound]) if next_bound < len(bounds) else last
        following = min(max(filled, starts[-1] + 1), bound)
        if following >= last:
            return starts
        starts.append(following)
