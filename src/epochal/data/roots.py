"""Square roots of columns that are never negative, such as pixels, counts and amounts.

Near 0 the same difference means more: from no ink to some, from no purchase to
one. A network that gets columns only standardised, and has no vectors that bend,
would have to find that out column by column.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from epochal.data.moments import Moments


def signed_root(values: np.ndarray) -> np.ndarray:
    """Return sign(x) √|x|: of what is negative in new rows, but was not in training rows, too.

    >>> print(signed_root(np.array([9.0, 0.0, -4.0, np.nan])))
    [ 3.  0. -2. nan]
    """
    return np.copysign(np.sqrt(np.abs(values)), values)


def checked_roots(numbers: object, columns: int) -> tuple[int, ...]:
    """Return the numbers of columns, if they are such; ValueError for anything else.

    >>> checked_roots([0, 2], columns=3)
    (0, 2)
    """
    found: list[Any] = numbers if isinstance(numbers, list) else [None]
    if not all(type(number) is int and 0 <= number < columns for number in found):
        raise ValueError(f"roots is {numbers!r}, expected numbers of columns below {columns}")
    if any(number >= after for number, after in pairwise(found)):
        raise ValueError(f"roots is {numbers!r}, expected each number once, in their order")
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Roots:
    """What is found in columns, should their roots be taken: lowest values, moments of the roots."""

    lowest: np.ndarray  # (columns,); infinity where there is no value
    moments: Moments

    @classmethod
    def nothing(cls, columns: int) -> Roots:
        """Return what is found in no rows, the neutral element of `merge`."""
        return cls(np.full(columns, np.inf), Moments.nothing(columns))

    @classmethod
    def of(cls, values: np.ndarray, weight: np.ndarray) -> Roots:
        """Return what is found in float64 values (rows, columns), NaN where one is missing."""
        present = values if (weight > 0).all() else values[weight > 0]
        lowest = np.fmin.reduce(present, axis=0, initial=np.inf)
        return cls(lowest, Moments.of(signed_root(values), weight))

    def merge(self, other: Roots) -> Roots:
        """Return what is found in the rows of both."""
        return Roots(np.minimum(self.lowest, other.lowest), self.moments.merge(other.moments))

    @property
    def wanted(self) -> np.ndarray:
        """Which columns have values and none below 0, bool (columns,)."""
        return (self.lowest >= 0) & np.isfinite(self.lowest)
