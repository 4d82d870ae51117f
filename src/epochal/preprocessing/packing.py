"""Packed rows: the one-hot features of a category as one number, to save memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from epochal.tables.rows import aligned

# Rows are packed if the width falls below this share: unpacking in every epoch takes time.
WORTH = 0.7


@dataclass(frozen=True)
class Packing:
    r"""How rows are packed: the first feature of each category, and the number of its features.

    A packed row has the other features, in order, and for each category the number, from 1, of
    the feature that is 1, or 0 if all are 0.

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
        """The features that belong to no category."""
        inside = np.zeros(self.n_features, bool)
        for first, width in self.categories:
            inside[first : first + width] = True
        return np.flatnonzero(~inside)

    @property
    def width(self) -> int:
        """The number of values of a packed row."""
        return len(self.others) + len(self.categories)

    @property
    def saves_memory(self) -> bool:
        """Whether packed rows take much less memory."""
        return self.width < WORTH * self.n_features

    def packed(self, x: np.ndarray) -> np.ndarray:
        """Return packed rows, float32 (rows, width)."""
        result = np.empty((len(x), self.width), np.float32)
        count = len(self.others)
        result[:, :count] = x[:, self.others]
        for index, (first, width) in enumerate(self.categories, start=count):
            np.matmul(
                x[:, first : first + width],
                np.arange(1, width + 1, dtype=np.float32),
                out=result[:, index],
            )
        return result

    def unpacked(self, packed: np.ndarray) -> np.ndarray:
        """Return the original rows, float32 (rows, features)."""
        x = aligned((len(packed), self.n_features))
        x[:] = 0.0
        count = len(self.others)
        x[:, self.others] = packed[:, :count]
        rows = np.arange(len(packed))
        for index, (first, _) in enumerate(self.categories, start=count):
            number = packed[:, index].astype(np.intp)
            is_one = number > 0
            x[rows[is_one], first - 1 + number[is_one]] = 1.0
        return x
