"""From rows to batches: the order of an epoch, cut into segments of bounded size.

The order is a pure function of (seed, epoch) and of where rows are; nothing
else is remembered between epochs. Rows are gathered on the host, in their order,
so that the compiled program reads them from front to back, wherever they came from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from epochal.data.memory import SEGMENT_BYTES
from epochal.data.rows import aligned
from epochal.keys import Purpose, generator

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence


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
    """Consecutive batches of an epoch, or of several whole ones, padded to a capacity all share.

    `weights` has a row per member; `first_batch` counts within the epoch;
    `ends` is the number of epochs that end with it: all that it holds, or 0.
    """

    x: np.ndarray  # (capacity B, features) float32, or bytes
    y: np.ndarray  # (capacity B,) int32
    weights: np.ndarray  # (members, capacity B) float32; padding weighs 0
    counts: np.ndarray  # (capacity,) float32, rows in each batch; padding counts 1
    batches: int
    first_batch: int
    epoch: int  # the first one
    ends: int

    @property
    def epochs(self) -> int:
        """The number of epochs that it has batches of."""
        return max(self.ends, 1)

    @property
    def rows(self) -> int:
        """The number of rows of each epoch, padding not counted."""
        return int(self.counts[: self.batches].sum()) // self.epochs

    def by_epoch(self, figures: np.ndarray) -> np.ndarray:
        """Return the sums of members' figures, of batches or of rows: (epochs, members)."""
        number = figures.shape[1] // len(self.counts) * self.batches
        parts = figures[:, :number].reshape(len(figures), self.epochs, number // self.epochs)
        return np.asarray(parts.sum(axis=2, dtype=np.float64)).T

    def apart(self) -> Iterator[HostSegment]:
        """Yield its epochs as segments of their own."""
        batches, size = self.batches // self.epochs, len(self.y) // len(self.counts)
        for number in range(self.epochs):
            # To the front: what is behind the batches is not looked at.
            first = number * batches
            yield replace(
                self,
                x=np.roll(self.x, -first * size, axis=0),
                y=np.roll(self.y, -first * size),
                weights=np.roll(self.weights, -first * size, axis=1),
                counts=np.roll(self.counts, -first),
                batches=batches,
                epoch=self.epoch + number,
                ends=1,
            )


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
    together: int = 1  # epochs that a segment holds, if it holds whole ones

    @property
    def batches(self) -> int:
        """Batches in an epoch, the short last one included."""
        return -(-self.source.n_rows // self.batch_size)

    @property
    def capacity(self) -> int:
        """Batches in a segment."""
        return min(bucket(self.batches * self.together), self._fitting)

    @property
    def _fitting(self) -> int:
        """How many batches a segment has room for."""
        row_bytes = 4 * (self.source.n_features + 1 + self.members)
        return max(self.segment_bytes // (row_bytes * self.batch_size), 1)

    def joined(self, most: int) -> Epochs:
        """Return the same with segments of so many epochs at the most, if they have the room."""
        return replace(self, together=max(min(most, self._fitting // self.batches), 1))

    def stream(self, epoch: int, end: int) -> Generator[HostSegment]:
        """Yield the segments of this epoch and of those that follow, up to `end`, without it."""
        for first in range(epoch, end, self.together):
            yield from self.segments(first, min(self.together, end - first))

    def segments(self, epoch: int, number: int = 1) -> Iterator[HostSegment]:
        """Yield the segments of one epoch, every row exactly once, or the one of several.

        >>> x, weights = np.zeros((5, 1), np.float32), lambda rows: np.ones((1, len(rows)))
        >>> epochs = Epochs(ArraySource(x), np.arange(5), weights, batch_size=2, seed=0)
        >>> [segment.y[:5] for number in (1, 2) for segment in epochs.segments(number)]
        [array([2, 3, 1, 4, 0], dtype=int32), array([3, 2, 4, 1, 0], dtype=int32)]
        """
        done, most = 0, self.capacity * self.batch_size
        epochs = [self.source.epoch(self._random(epoch + k), most) for k in range(number)]
        # Several epochs are short: each has a single piece.
        for pieces in zip(*epochs, strict=True):
            yield self._segment(pieces, done, epoch)
            done += len(pieces[0].numbers)

    def _random(self, epoch: int) -> np.random.Generator | None:
        """Return what the order of an epoch is drawn with; None, if rows are not shuffled."""
        return generator(self.seed, Purpose.ORDER, epoch) if self.shuffle else None

    def _segment(self, pieces: Sequence[Taken], start: int, epoch: int) -> HostSegment:
        """Return the segment of a piece of each epoch, before which so many rows were in it."""
        rows, size = len(pieces[0].numbers), self.batch_size
        batches = -(-rows // size)
        each = np.full(batches, size, np.float32)
        each[-1] = rows - (batches - 1) * size
        counts = np.ones(self.capacity, np.float32)
        counts[: len(pieces) * batches] = np.tile(each, len(pieces))

        def laid(parts: list[np.ndarray]) -> np.ndarray:
            """Return parts one behind the other, each filled to whole batches with zeros."""
            if len(parts) == 1 and rows == self.capacity * size:
                return parts[0]
            there = aligned((self.capacity * size, *parts[0].shape[1:]), parts[0].dtype)
            for number, part in enumerate(parts):
                start = number * batches * size
                there[start : start + rows] = part
                there[start + rows : start + batches * size] = 0
            there[len(parts) * batches * size :] = 0
            return there

        return HostSegment(
            x=laid([piece.x for piece in pieces]),
            y=laid([self.labels[piece.numbers].astype(np.int32, copy=False) for piece in pieces]),
            weights=laid([self.weights(piece.numbers).T for piece in pieces]).T,
            counts=counts,
            batches=len(pieces) * batches,
            first_batch=start // size,
            epoch=epoch,
            ends=len(pieces) if start + rows == self.source.n_rows else 0,
        )
