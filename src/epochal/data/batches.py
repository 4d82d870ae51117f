"""From rows to batches: the order of an epoch, cut into segments of bounded size.

The order is a pure function of (seed, epoch); nothing else is remembered
between epochs. Rows are gathered on the host, in their order, so that the
compiled program reads them from front to back, wherever they came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from epochal.keys import Purpose, generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Rows gathered at a time: large enough that the hand-over to the program is
# nothing beside its work, small enough to gather one while another trains.
SEGMENT_BYTES = 64 * 2**20


class RowSource(Protocol):
    """Encoded rows that can be taken by number."""

    @property
    def n_rows(self) -> int:
        """The number of rows."""

    @property
    def n_features(self) -> int:
        """The number of features."""

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows of these numbers, in this order, float32 (rows, features)."""


class ArraySource:
    """Rows of an encoded array in memory."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x
        self.n_rows, self.n_features = x.shape

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows of these numbers."""
        return np.take(self.x, rows, axis=0)


@dataclass(frozen=True)
class LazySource:
    """Rows that are encoded when they are taken, for what is too large when encoded."""

    n_rows: int
    n_features: int
    encode: Callable[[np.ndarray], np.ndarray]

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the encoding of the rows of these numbers."""
        return self.encode(rows)


@dataclass(frozen=True)
class HostSegment:
    """Consecutive batches of one epoch, padded to the capacity that all segments share.

    `weights` has a row per member; `first_batch` counts within the epoch;
    `last` marks the end of the epoch.
    """

    x: np.ndarray  # (capacity B, features) float32
    y: np.ndarray  # (capacity B,) int32
    weights: np.ndarray  # (members, capacity B) float32; padding weighs 0
    counts: np.ndarray  # (capacity,) float32, rows in each batch; padding counts 1
    batches: int
    first_batch: int
    epoch: int
    last: bool

    @property
    def rows(self) -> int:
        """The number of rows, padding not counted."""
        return int(self.counts[: self.batches].sum())


def order(seed: int, epoch: int, rows: int, *, shuffle: bool = True) -> np.ndarray:
    """Return the order of the rows in an epoch: a permutation, or as they came.

    >>> order(0, 1, 5), order(0, 2, 5)
    (array([2, 3, 1, 4, 0]), array([3, 2, 4, 1, 0]))
    """
    if not shuffle:
        return np.arange(rows)
    return generator(seed, Purpose.ORDER, epoch).permutation(rows)


def bucket(number: int) -> int:
    """Return the next size out of 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 and so on.

    Near sizes share one compiled program; at most a quarter is padding.

    >>> [bucket(number) for number in (1, 7, 9, 17, 1000)]
    [1, 7, 10, 20, 1024]
    """
    unit = max(2 ** (number.bit_length() - 3), 1)
    return -(-number // unit) * unit


@dataclass(frozen=True)
class Epochs:
    """The training rows, and how an epoch goes through them.

    `weights(rows)` gives each member's weights for these rows, float32
    (members, rows), with mean 1 over an epoch.
    """

    source: RowSource
    labels: np.ndarray
    weights: Callable[[np.ndarray], np.ndarray]
    batch_size: int
    seed: int
    shuffle: bool = True
    segment_bytes: int = SEGMENT_BYTES

    @property
    def batches(self) -> int:
        """Batches in an epoch, the short last one included."""
        return -(-self.source.n_rows // self.batch_size)

    @property
    def capacity(self) -> int:
        """Batches in a segment."""
        row_bytes = 4 * max(self.source.n_features, 1)
        fitting = max(self.segment_bytes // (row_bytes * self.batch_size), 1)
        return min(bucket(self.batches), fitting)

    def stream(self, epoch: int) -> Iterator[HostSegment]:
        """Yield the segments of this epoch and of all that follow, without end."""
        while True:
            yield from self.segments(epoch)
            epoch += 1

    def segments(self, epoch: int) -> Iterator[HostSegment]:
        """Yield the segments of one epoch: every row exactly once."""
        rows = order(self.seed, epoch, self.source.n_rows, shuffle=self.shuffle)
        per_segment = self.capacity * self.batch_size
        for start in range(0, len(rows), per_segment):
            last = start + per_segment >= len(rows)
            yield self._segment(rows[start : start + per_segment], start, epoch, last=last)

    def _segment(self, rows: np.ndarray, start: int, epoch: int, *, last: bool) -> HostSegment:
        """Return the segment of these rows."""
        size = self.batch_size
        batches = -(-len(rows) // size)
        counts = np.ones(self.capacity, np.float32)
        counts[:batches] = size
        counts[batches - 1] = len(rows) - (batches - 1) * size
        padding = self.capacity * size - len(rows)
        return HostSegment(
            x=_padded(self.source.take(rows), padding),
            y=_padded(self.labels[rows], padding),
            weights=_padded(self.weights(rows).T, padding).T,
            counts=counts,
            batches=batches,
            first_batch=start // size,
            epoch=epoch,
            last=last,
        )


def _padded(rows: np.ndarray, padding: int) -> np.ndarray:
    """Return the rows with as many rows of zeros behind them."""
    if padding == 0:
        return rows
    return np.concatenate([rows, np.zeros((padding, *rows.shape[1:]), rows.dtype)])
