"""From rows to batches: the order of an epoch, cut into segments of bounded size.

The order is a pure function of (seed, epoch) and of where rows are; nothing
else is remembered between epochs. Rows are gathered on the host, in their order,
so that the compiled program reads them from front to back, wherever they came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from epochal.data.memory import SEGMENT_BYTES
from epochal.keys import Purpose, generator

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


class RowSource(Protocol):
    """Encoded rows that can be taken by number."""

    @property
    def n_rows(self) -> int:
        """The number of rows."""

    @property
    def n_features(self) -> int:
        """The number of features."""

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows of these numbers, in this order: (rows, features), float32 or bytes."""

    def epoch(self, random: np.random.Generator | None, most: int) -> Iterator[Taken]:
        """Yield every row once, `most` at a time, in a random order or as they stand."""


class Taken(NamedTuple):
    """Some rows: their numbers, and their features."""

    numbers: np.ndarray
    x: np.ndarray


class ArraySource:
    """Rows of an encoded array in memory."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x
        self.n_rows, self.n_features = x.shape

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows of these numbers."""
        return np.take(self.x, rows, axis=0)

    def epoch(self, random: np.random.Generator | None, most: int) -> Iterator[Taken]:
        """Yield every row once: any order is as likely as any other."""
        return _in_order(self, random, most)


@dataclass(frozen=True)
class LazySource:
    """Rows that are encoded when they are taken, for what is too large when encoded."""

    n_rows: int
    n_features: int
    encode: Callable[[np.ndarray], np.ndarray]

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the encoding of the rows of these numbers."""
        return self.encode(rows)

    def epoch(self, random: np.random.Generator | None, most: int) -> Iterator[Taken]:
        """Yield every row once: any order is as likely as any other."""
        return _in_order(self, random, most)


def _in_order(
    source: ArraySource | LazySource, random: np.random.Generator | None, most: int
) -> Iterator[Taken]:
    """Yield the rows of a source that can take any of them."""
    order = np.arange(source.n_rows) if random is None else random.permutation(source.n_rows)
    for start in range(0, source.n_rows, most):
        numbers = order[start : start + most]
        yield Taken(numbers, source.take(numbers))


@dataclass(frozen=True)
class HostSegment:
    """Consecutive batches of one epoch, padded to the capacity that all segments share.

    `weights` has a row per member; `first_batch` counts within the epoch;
    `last` marks the end of the epoch.
    """

    x: np.ndarray  # (capacity B, features) float32, or bytes
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
    members: int = 0  # whose weights are handed over with the rows

    @property
    def batches(self) -> int:
        """Batches in an epoch, the short last one included."""
        return -(-self.source.n_rows // self.batch_size)

    @property
    def capacity(self) -> int:
        """Batches in a segment."""
        row_bytes = 4 * (self.source.n_features + 1 + self.members)
        fitting = max(self.segment_bytes // (row_bytes * self.batch_size), 1)
        return min(bucket(self.batches), fitting)

    def stream(self, epoch: int) -> Generator[HostSegment]:
        """Yield the segments of this epoch and of all that follow, without end."""
        while True:
            yield from self.segments(epoch)
            epoch += 1

    def segments(self, epoch: int) -> Iterator[HostSegment]:
        """Yield the segments of one epoch: every row exactly once.

        >>> x, weights = np.zeros((5, 1), np.float32), lambda rows: np.ones((1, len(rows)))
        >>> epochs = Epochs(ArraySource(x), np.arange(5), weights, batch_size=2, seed=0)
        >>> [segment.y[:5] for number in (1, 2) for segment in epochs.segments(number)]
        [array([2, 3, 1, 4, 0], dtype=int32), array([3, 2, 4, 1, 0], dtype=int32)]
        """
        random = generator(self.seed, Purpose.ORDER, epoch) if self.shuffle else None
        done = 0
        for rows in self.source.epoch(random, self.capacity * self.batch_size):
            yield self._segment(rows, done, epoch)
            done += len(rows.numbers)

    def _segment(self, rows: Taken, start: int, epoch: int) -> HostSegment:
        """Return the segment of these rows, before which so many have been in the epoch."""
        numbers, size = rows.numbers, self.batch_size
        batches = -(-len(numbers) // size)
        counts = np.ones(self.capacity, np.float32)
        counts[:batches] = size
        counts[batches - 1] = len(numbers) - (batches - 1) * size
        padding = self.capacity * size - len(numbers)
        return HostSegment(
            x=_padded(rows.x, padding),
            y=_padded(self.labels[numbers].astype(np.int32, copy=False), padding),
            weights=_padded(self.weights(numbers).T, padding).T,
            counts=counts,
            batches=batches,
            first_batch=start // size,
            epoch=epoch,
            last=start + len(numbers) == self.source.n_rows,
        )


def _padded(rows: np.ndarray, padding: int) -> np.ndarray:
    """Return the rows with as many rows of zeros behind them."""
    if padding == 0:
        return rows
    return np.concatenate([rows, np.zeros((padding, *rows.shape[1:]), rows.dtype)])
