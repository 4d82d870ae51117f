"""Knots of numeric columns: the values between which an embedding is a straight line.

A column's knots are the first values of bins of about equal weight, and its
largest value. A value so frequent that it would fill a bin has a bin of its
own (the zeros of a mostly empty column do not use up its knots), and a column of
few values has a knot at each. So the boosted trees choose their bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.preprocessing.magnitude import LARGEST, SMALLEST

if TYPE_CHECKING:
    from collections.abc import Sequence

# With two knots an embedding is a straight line in the value, which it is anyway.
FEWEST = 3
# Values looked at to find the knots: with more, bins would differ by a hundredth.
SAMPLE = 2**22


@dataclass(frozen=True, eq=False)
class Bins:
    """The knots of columns: those of column j are `values[starts[j]:starts[j + 1]]`, increasing."""

    values: np.ndarray  # (all knots,) float64
    starts: np.ndarray  # (columns + 1,) int64

    @classmethod
    def of(cls, columns: Sequence[np.ndarray]) -> Bins:
        """Return the knots of columns that each have the knots given."""
        counts = [len(column) for column in columns]
        return cls(np.concatenate([np.empty(0), *columns]), np.cumsum([0, *counts]))

    @classmethod
    def from_counts(cls, values: np.ndarray, counts: Sequence[int]) -> Bins:
        """Return the knots `values`, so many for each column; ValueError if one's do not increase."""
        bins = cls(values, np.cumsum([0, *counts]))
        if not all((np.diff(column) > 0).all() for column in bins.columns):
            raise ValueError("the bins of a column do not increase")
        return bins

    @property
    def counts(self) -> np.ndarray:
        """How many knots each column has."""
        return np.diff(self.starts)

    @property
    def intervals(self) -> int:
        """How many intervals there are between the knots of one column, at the most."""
        return max(int(self.counts.max(initial=0)) - 1, 0)

    @property
    def columns(self) -> list[np.ndarray]:
        """The knots of each column."""
        return [self.values[start:end] for start, end in pairwise(self.starts)]

    def positions(self, values: np.ndarray, out: np.ndarray) -> None:
        """Write where values lie among their columns' knots: 0 at the first one, 1 at the second.

        Between knots by linear interpolation; beyond the first and the last at these.

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
        """Each column's unit, a power of two, its knots in this unit, below 1, and their places.

        Slopes between very near or very far knots would be none of float64's numbers.
        """
        units = [float(np.ldexp(1.0, -_exponent_of(bins))) for bins in self.columns]
        return [
            (unit, bins * unit, np.arange(len(bins), dtype=np.float64))
            for unit, bins in zip(units, self.columns, strict=True)
        ]


def _exponent_of(bins: np.ndarray) -> int:
    """Return e with |x| < 2^e for all knots of a column, within what 2^-e can be.

    >>> _exponent_of(np.array([-3.0, 1.0]))
    2
    """
    _, exponent = np.frexp(max(abs(bins[0]), abs(bins[-1])) if len(bins) else 0.0)
    return int(np.clip(exponent, SMALLEST, LARGEST))


def quantile_bins(
    values: np.ndarray, weights: np.ndarray, most: tuple[int, int]
) -> tuple[Bins, Bins]:
    """Return few and many knots of the columns of a sample.

    Args:
        values: float64, shape (rows, columns); NaN is a missing value.
        weights: of the rows, positive.
        most: how many bins there are between few knots, and between many.
    """
    counted = [_counted(column, weights) for column in values.T]
    few, many = ([_knots(*column, bins) for column in counted] for bins in most)
    with_some = [min(len(a), len(b)) >= FEWEST for a, b in zip(few, many, strict=True)]

    def kept(found: list[np.ndarray]) -> Bins:
        """Return the knots of the columns that can bend, and none of the others."""
        return Bins.of([c if some else c[:0] for c, some in zip(found, with_some, strict=True)])

    return kept(few), kept(many)


def knots_of(values: np.ndarray, weights: np.ndarray, most: int) -> np.ndarray:
    """Return the knots of one column: at most `most` bins' first values, and the largest value.

    Args:
        values: float64, shape (rows,); NaN is a missing value.
        weights: of the rows; one of weight 0 counts like no row.
        most: the number of bins.

    >>> knots_of(np.array([0.0] * 50 + list(range(1, 51))), np.ones(100), most=6)
    array([ 0.,  1., 11., 21., 31., 41., 50.])
    """
    return _knots(*_counted(values, weights), most)


def _counted(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different values, in order, and what each weighs."""
    present = (weights > 0) & ~np.isnan(values)
    different, index = np.unique(values[present], return_inverse=True)
    return different, np.bincount(index, weights=weights[present])


def _knots(different: np.ndarray, weight: np.ndarray, most: int) -> np.ndarray:
    """Return the knots of a column of these values."""
    if len(different) <= most:
        return different
    heavy = weight >= weight.sum() / most
    light_bins = max(most - np.count_nonzero(heavy), 1)
    fair = weight[~heavy].sum() / light_bins
    starts = _bin_starts(weight, heavy, fair)
    return np.unique(np.append(different[starts], different[-1]))


def bin_counts(described: Any, columns: int) -> list[list[int]]:
    """Return numbers of few and many knots; ValueError for what cannot be some."""
    pair: list[Any] = described if isinstance(described, list) else []
    if len(pair) != 2 or not all(_are_counts(counts, columns) for counts in pair):
        expected = f"two lists of {columns} whole numbers, each 0 or at least {FEWEST}"
        raise ValueError(f"the numbers of bins are {described!r}, expected {expected}")
    if any(bool(few) != bool(many) for few, many in zip(*pair, strict=True)):
        raise ValueError("a column has bins of one kind only")
    return pair


def _are_counts(counts: Any, columns: int) -> bool:
    """Whether this is a number of knots for every column."""
    if not isinstance(counts, list) or len(counts) != columns:
        return False
    return all(type(count) is int and (count == 0 or count >= FEWEST) for count in counts)


def _bin_starts(weight: np.ndarray, heavy: np.ndarray, fair: float) -> list[int]:
    """Return where bins start: each takes values until it weighs its fair share."""
    before = np.cumsum(weight) - weight
    # A value goes to the bin in which most of it fits.
    middle = before + 0.5 * weight
    alone = np.flatnonzero(heavy[1:] | heavy[:-1]) + 1
    starts, last = [0], len(weight)
    while True:
        full = int(np.searchsorted(middle, before[starts[-1]] + fair, side="right"))
        apart = int(np.searchsorted(alone, starts[-1], side="right"))
        bound = int(alone[apart]) if apart < len(alone) else last
        following = min(max(full, starts[-1] + 1), bound)
        if following >= last:
            return starts
        starts.append(following)
