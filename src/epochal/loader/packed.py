"""A row source that unpacks packed rows when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochal.loader.batches import RowChunk

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from epochal.loader.batches import RowSource
    from epochal.preprocessing.packing import Packing


class PackedSource:
    """Packed rows of another source, unpacked when they are read."""

    def __init__(self, source: RowSource, packing: Packing) -> None:
        self.source, self.packing = source, packing
        self.n_rows, self.n_features = source.n_rows, packing.n_features
        self.random_access = source.random_access

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows with these numbers."""
        return self.packing.unpacked(self.source.take(rows))

    def epoch(self, random: np.random.Generator | None, chunk_rows: int) -> Iterator[RowChunk]:
        """Yield every row once, in the order of the other source."""
        for numbers, x in self.source.epoch(random, chunk_rows):
            yield RowChunk(numbers, self.packing.unpacked(x))
