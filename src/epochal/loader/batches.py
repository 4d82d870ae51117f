"""From rows to batches: the order of an epoch, cut into segments of bounded size.

The order is a pure function of (seed, epoch) and of where rows are; nothing
else is remembered between epochs. Rows are gathered on the host, in their order; or they
stay where they are in memory, and the compiled program gathers those of each batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from epochal.keys import Purpose, generator
from epochal.loader.memory_items import SEGMENT_BYTES
from epochal.tables.rows import aligned, bucket, roomy

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

    @property
    def anywhere(self) -> bool:
        """Whether rows of any numbers can be taken at once, and an epoch is in any order."""

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows of these numbers, in this order: (rows, features), float32 or bytes."""

    def epoch(self, random: np.random.Generator | None, most: int) -> Iterator[RowChunk]:
        """Yield every row once, `most` at a time, in a random order or as they stand."""


class RowChunk(NamedTuple):
    """Some rows: their numbers, and their features."""

    numbers: np.ndarray
    x: np.ndarray


class ArraySource:
    """Rows of an encoded array in memory."""

    anywhere = True

    def __init__(self, x: np.ndarray) -> None:
        self.x = x
        self.n_rows, self.n_features = x.shape

    @property
    def table(self) -> np.ndarray | None:
        """The rows and what is behind them, up to a bucket: tables of near sizes share a program.

        None if there is no room behind them.
        """
        return roomy(self.x, bucket(self.n_rows))

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows of these numbers."""
        there = aligned((len(rows), self.n_features), self.x.dtype)
        # Numbers are right; to look before anything is written would cost a copy.
        return np.take(self.x, rows, axis=0, out=there, mode="clip")

    def epoch(self, random: np.random.Generator | None, most: int) -> Iterator[RowChunk]:
        """Yield every row once: any order is as likely as any other."""
        return _in_order(self.n_rows, self.take, random, most)


@dataclass(frozen=True)
class LazySource:
    """Rows that are encoded when they are taken, for what is too large when encoded."""

    n_rows: int
    n_features: int
    encode: Callable[[np.ndarray], np.ndarray]
    anywhere: bool = True

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the encoding of the rows of these numbers."""
        return self.encode(rows)

    def epoch(self, random: np.random.Generator | None, most: int) -> Iterator[RowChunk]:
        """Yield every row once: any order is as likely as any other."""
        return _in_order(self.n_rows, self.take, random, most)


def _in_order(
    rows: int,
    take: Callable[[np.ndarray], np.ndarray],
    random: np.random.Generator | None,
    most: int,
) -> Iterator[RowChunk]:
    """Yield so many rows, any of which can be taken."""
    order = _order(rows, random)
    for start in range(0, rows, most):
        numbers = order[start : start + most]
        yield RowChunk(numbers, take(numbers))


def _order(rows: int, random: np.random.Generator | None) -> np.ndarray:
    """Return the numbers of all rows, in a random order or as they stand."""
    return np.arange(rows) if random is None else random.permutation(rows)


@dataclass(frozen=True)
class HostSegment:
    """Consecutive batches of an epoch, or of several whole ones, padded to a capacity all share.

    `weights` has a row per member; `first_batch` counts within the epoch;
    `ends` is the number of epochs that end with it: all that it holds, or 0.
    `order` says which rows of `x` the batches have; without it they stand in their order.
    """

    x: np.ndarray  # (capacity B, features) float32, or bytes; with `order` (some rows, features)
    y: np.ndarray  # (capacity B,) int32
    weights: np.ndarray  # (members, capacity B) float32; padding weighs 0
    counts: np.ndarray  # (capacity,) float32, rows in each batch; padding counts 1
    batches: int
    first_batch: int
    epoch: int  # the first one
    ends: int
    order: np.ndarray | None = None  # (capacity B,) int32

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
        order = self.order
        for number in range(self.epochs):
            # To the front: what is behind the batches is not looked at.
            first = number * batches
            yield replace(
                self,
                x=np.roll(self.x, -first * size, axis=0) if order is None else self.x,
                order=None if order is None else np.roll(order, -first * size),
                y=np.roll(self.y, -first * size),
                weights=np.roll(self.weights, -first * size, axis=1),
                counts=np.roll(self.counts, -first),
                batches=batches,
                epoch=self.epoch + number,
                ends=1,
            )


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
    # All rows, and padding, if segments say by number which rows they have.
    table: np.ndarray | None = None
    long: int = 0  # rows that a segment has then, if fewer would fit were they gathered

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
        gathered = self._rows_of(self.source.n_features + 1)
        rows = gathered if self.table is None else max(gathered, min(self.long, self._rows_of(2)))
        return max(rows // self.batch_size, 1)

    def _rows_of(self, numbers: int) -> int:
        """Return how many rows of so many numbers, beside the members' weights, a segment holds."""
        return self.segment_bytes // (4 * (numbers + self.members))

    def joined(self, most: int, *, in_place: bool = False, long: int = 0) -> Epochs:
        """Return the same with segments of so many epochs at the most, if they have the room.

        Args:
            most: epochs.
            in_place: whether the device reads rows where they are in memory, if they are there.
            long: rows that a segment may have then anyway, if there is room for what says which.
        """
        room = self._fitting // self.batches if self.source.anywhere else 1
        together = max(min(most, room), 1)
        table = self.source.table if in_place and isinstance(self.source, ArraySource) else None
        if table is None and together > 1:
            rows = self.source.n_rows
            table = self.source.take(np.minimum(np.arange(bucket(rows)), rows - 1))
        return replace(self, together=together, table=table, long=long)

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
        done, most, table = 0, self.capacity * self.batch_size, self.table
        if table is None:
            pieces = self.source.epoch(self._random(epoch), most)
        elif self.together > 1:
            # The last segment may have one epoch, and shares the others' program.
            yield self._several(epoch, number, table)
            return
        else:
            pieces = _in_order(self.source.n_rows, lambda _: table, self._random(epoch), most)
        for piece in pieces:
            yield self._segment(piece, done, epoch)
            done += len(piece.numbers)

    def _random(self, epoch: int) -> np.random.Generator | None:
        """Return what the order of an epoch is drawn with; None, if rows are not shuffled."""
        return generator(self.seed, Purpose.ORDER, epoch) if self.shuffle else None

    def _several(self, epoch: int, number: int, table: np.ndarray) -> HostSegment:
        """Return the segment of several whole epochs: where their rows are in the table."""
        rows, size = self.source.n_rows, self.batches * self.batch_size
        # Padding is the first row, and weighs nothing.
        places = np.zeros(self.capacity * self.batch_size, np.int32)
        by_epoch = places[: number * size].reshape(number, size)
        for k, numbers in enumerate(by_epoch):
            numbers[:rows] = _order(rows, self._random(epoch + k))

        weights = self.weights(places)
        weights[:, : number * size].reshape(-1, number, size)[:, :, rows:] = 0
        weights[:, number * size :] = 0
        return HostSegment(
            x=table,
            order=places,
            y=self.labels[places].astype(np.int32, copy=False),
            weights=weights,
            counts=self._counts(rows, number),
            batches=number * self.batches,
            first_batch=0,
            epoch=epoch,
            ends=number,
        )

    def _segment(self, piece: RowChunk, start: int, epoch: int) -> HostSegment:
        """Return the segment of a piece of an epoch, before which so many rows were in it.

        If what was taken is the table, the rows are where that has them.
        """
        numbers, x = piece
        rows, capacity = len(numbers), self.capacity * self.batch_size

        def laid(part: np.ndarray) -> np.ndarray:
            """Return a part with zeros behind its rows, up to the capacity; rows are the first axis."""
            if rows == capacity:
                return part
            there = aligned((capacity, *part.shape[1:]), part.dtype)
            there[:rows], there[rows:] = part, 0
            return there

        weights = self.weights(numbers)
        if rows < capacity:
            weights = np.pad(weights, ((0, 0), (0, capacity - rows)))

        return HostSegment(
            x=x if x is self.table else laid(x),
            order=laid(numbers.astype(np.int32)) if x is self.table else None,
            y=laid(self.labels[numbers].astype(np.int32, copy=False)),
            weights=weights,
            counts=self._counts(rows, 1),
            batches=-(-rows // self.batch_size),
            first_batch=start // self.batch_size,
            epoch=epoch,
            ends=int(start + rows == self.source.n_rows),
        )

    def _counts(self, rows: int, epochs: int) -> np.ndarray:
        """Return the rows in each batch of a segment: of so many rows, so many times."""
        batches = -(-rows // self.batch_size)
        each = np.full(batches, self.batch_size, np.float32)
        each[-1] = rows - (batches - 1) * self.batch_size
        counts = np.ones(self.capacity, np.float32)
        counts[: epochs * batches] = np.tile(each, epochs)
        return counts
