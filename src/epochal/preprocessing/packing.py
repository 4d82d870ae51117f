"""Encoded rows in less room: a category's features, of which one is 1, as one number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from epochal.tables.rows import aligned

# Packed rows must be so much narrower to be worth unpacking in every epoch.
WORTH = 0.7


@dataclass(frozen=True)
class Packing:
    r"""How rows are packed: the places of the categories' features, each its first and their number.

    A packed row has the other features, in their order, and for each
    category 0 if all its features are 0, else the number of the one that is 1, from 1.

    >>> packing = Packing(n_features=4, categories=((1, 3),))
    >>> packed = packing.packed(np.float32([[0.5, 0, 1, 0], [7, 0, 0, 0]]))
    >>> print(packed, packing.unpacked(packed), sep="\n")
    [[0.5 2. ]
     [7.  0. ]]
    [[0.5 0.  1.  0. ]
     [7.  0.  0.  0. ]]
    """

    n_features: int
    categories: tuple[tuple[int, int], ...]

    @cached_property
    def others(self) -> np.ndarray:
        """The features that are in no category."""
        inside = np.zeros(self.n_features, bool)
        for first, width in self.categories:
            inside[first : first + width] = True
        return np.flatnonzero(~inside)

    @property
    def width(self) -> int:
        """The number of values of a packed row."""
        return len(self.others) + len(self.categories)

    @property
    def is_worth_it(self) -> bool:
        """Whether packed rows take much less room."""
        return self.width < WORTH * self.n_features

    def packed(self, x: np.ndarray) -> np.ndarray:
        """Return rows packed, float32 (rows, width)."""
        result = np.empty((len(x), self.width), np.float32)
        count = len(self.others)
        result[:, :count] = x[:, self.others]
        for place, (first, width) in enumerate(self.categories, start=count):
            np.matmul(
                x[:, first : first + width],
                np.arange(1, width + 1, dtype=np.float32),
                out=result[:, place],
            )
        return result

    def unpacked(self, packed: np.ndarray) -> np.ndarray:
        """Return rows as they were before, float32 (rows, features)."""
        x = aligned((len(packed), self.n_features))
        x[:] = 0.0
        count = len(self.others)
        x[:, self.others] = packed[:, :count]
        rows = np.arange(len(packed))
        for place, (first, _) in enumerate(self.categories, start=count):
            number = packed[:, place].astype(np.intp)
            some = number > 0
            x[rows[some], first - 1 + number[some]] = 1.0
        return x
