"""Batches: the shuffled rows of an epoch, in segments of bounded size.

The order is a pure function of the seed, the epoch and the kind of source; there is no other state
between epochs. Rows are gathered in order on the host, or they stay in place in memory and the
compiled program gathers the rows of each batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from epochal.errors import SettingError
from epochal.keys import Purpose, generator_for
from epochal.loader.memory_items import SEGMENT_BYTES
from epochal.tables.rows import aligned, bucket, extended_view

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


class RowSource(Protocol):
    """Encoded rows that can be read by number."""

    @property
    def n_rows(self) -> int:
        """The number of rows."""

    @property
    def n_features(self) -> int:
        """The number of features."""

    @property
    def random_access(self) -> bool:
        """Whether reading any rows is fast, and all orders of an epoch are equally likely."""

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows with these numbers, in this order: (rows, features), float32 or bytes."""

    def epoch(self, random: np.random.Generator | None, chunk_rows: int) -> Iterator[RowChunk]:
        """Yield every row once, `chunk_rows` at a time, in random order, or in order if `random` is None."""


class RowChunk(NamedTuple):
    """Rows: their numbers and their features."""

    numbers: np.ndarray
    x: np.ndarray


class ArraySource:
    """A row source over an encoded array in memory."""

    random_access = True

    def __init__(self, x: np.ndarray) -> None:
        self.x = x
        self.n_rows, self.n_features = x.shape

    @property
    def table(self) -> np.ndarray | None:
        """The rows padded to a bucket, so that tables of similar size share a program.

        None if the array has no capacity for the padding.
        """
        return extended_view(self.x, bucket(self.n_rows))

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows with these numbers."""
        gathered = aligned((len(rows), self.n_features), self.x.dtype)
        # Numbers are valid; mode "raise" would make a copy of the output.
        return np.take(self.x, rows, axis=0, out=gathered, mode="clip")

    def epoch(self, random: np.random.Generator | None, chunk_rows: int) -> Iterator[RowChunk]:
        """Yield every row once: any order is as likely as any other."""
        return _in_order(self.n_rows, self.take, random, chunk_rows)


@dataclass(frozen=True)
class LazySource:
    """A row source that encodes rows when they are read, for rows that are too large when encoded."""

    n_rows: int
    n_features: int
    encode: Callable[[np.ndarray], np.ndarray]
    random_access: bool = True

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the encoded rows with these numbers."""
        return self.encode(rows)

    def epoch(self, random: np.random.Generator | None, chunk_rows: int) -> Iterator[RowChunk]:
        """Yield every row once: any order is as likely as any other."""
        return _in_order(self.n_rows, self.take, random, chunk_rows)


def _in_order(
    rows: int,
    take: Callable[[np.ndarray], np.ndarray],
    random: np.random.Generator | None,
    chunk_rows: int,
) -> Iterator[RowChunk]:
    """Yield all rows of a source with random access, in random order or in order."""
    order = _order(rows, random)
    for start in range(0, rows, chunk_rows):
        numbers = order[start : start + chunk_rows]
        yield RowChunk(numbers, take(numbers))


def _order(rows: int, random: np.random.Generator | None) -> np.ndarray:
    """Return the numbers of all rows, in random order or in order; rows on disk are shuffled in `loader.disk`."""
    return np.arange(rows) if random is None else random.permutation(rows)


@dataclass(frozen=True)
class HostSegment:
    """Consecutive batches of an epoch, or of several whole epochs, padded to a common capacity.

    `weights` has a row per member. `first_batch` counts within the epoch. `ends` is the number of
    epochs that end with the segment: all that it holds, or 0. `order` has the row of `x` at each
    place of the batches; without it, rows of `x` are in the order of the batches.
    """

    x: np.ndarray  # (capacity B, features) float32, or bytes; with `order` (table rows, features)
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
        """The number of epochs with batches in the segment."""
        return max(self.ends, 1)

    @property
    def rows(self) -> int:
        """The number of rows of each epoch, without padding."""
        return int(self.counts[: self.batches].sum()) // self.epochs

    def by_epoch(self, values: np.ndarray) -> np.ndarray:
        """Return sums by epoch, (epochs, members), of values per member and batch or row."""
        number = values.shape[1] // len(self.counts) * self.batches
        parts = values[:, :number].reshape(len(values), self.epochs, number // self.epochs)
        return np.asarray(parts.sum(axis=2, dtype=np.float64)).T

    def split_epochs(self) -> Iterator[HostSegment]:
        """Yield one segment for each of its epochs."""
        batches, size = self.batches // self.epochs, len(self.y) // len(self.counts)
        order = self.order
        for number in range(self.epochs):
            # The epoch's batches are rolled to the front; what follows them is ignored.
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
    """The training rows, and how they are divided into batches and segments in each epoch.

    `weights(rows)` returns each member's weights for these rows, float32 (members, rows), with
    mean 1 over an epoch.
    """

    source: RowSource
    labels: np.ndarray
    weights: Callable[[np.ndarray], np.ndarray]
    batch_size: int
    seed: int
    shuffle: bool = True
    segment_bytes: int = SEGMENT_BYTES
    members: int = 0  # members with weights in a segment
    epochs_per_segment: int = 1  # epochs in a segment, if it holds whole epochs
    # All rows with padding, if segments refer to rows by number.
    table: np.ndarray | None = None
    min_indexed_rows: int = 0  # the fewest rows of a segment that refers to rows by number
    max_rows: int | None = None  # of a segment

    @property
    def batches(self) -> int:
        """Batches in an epoch, the short last one included."""
        return -(-self.source.n_rows // self.batch_size)

    @property
    def capacity(self) -> int:
        """Batches in a segment."""
        return min(bucket(self.batches * self.epochs_per_segment), self._fitting)

    @property
    def _fitting(self) -> int:
        """The number of batches that fit into a segment."""
        gathered = self._rows_of(self.source.n_features + 1)
        rows = (
            gathered
            if self.table is None
            else max(gathered, min(self.min_indexed_rows, self._rows_of(2)))
        )
        if self.max_rows is not None:
            rows = min(rows, self.max_rows)
        return max(rows // self.batch_size, 1)

    def _rows_of(self, numbers: int) -> int:
        """Return how many rows with this many numbers, plus the members' weights, fit into a segment."""
        return self.segment_bytes // (4 * (numbers + self.members))

    def segmented(
        self,
        max_epochs: int,
        *,
        in_place: bool = False,
        min_indexed_rows: int = 0,
        max_rows: int | None = None,
    ) -> Epochs:
        """Return the same epochs, with up to `max_epochs` whole epochs in a segment if they fit.

        Args:
            max_epochs: the largest number of epochs in a segment.
            in_place: whether the device reads rows in place if they are in memory.
            min_indexed_rows: the number of rows that a segment may then have in any case, if their numbers fit.
            max_rows: the largest number of rows in a segment; None: any.
        """
        fitting_epochs = self._fitting // self.batches if self.source.random_access else 1
        epochs_per_segment = max(min(max_epochs, fitting_epochs), 1)
        table = self.source.table if in_place and isinstance(self.source, ArraySource) else None
        if table is None and epochs_per_segment > 1:
            rows = self.source.n_rows
            table = self.source.take(np.minimum(np.arange(bucket(rows)), rows - 1))
        return replace(
            self,
            epochs_per_segment=epochs_per_segment,
            table=table,
            min_indexed_rows=min_indexed_rows,
            max_rows=max_rows,
        )

    def stream(self, epoch: int, end: int, batch: int = 0) -> Generator[HostSegment]:
        """Yield the segments of the epochs from `epoch` to `end`, without `end`, beginning at a batch of the first.

        Raises:
            SettingError: if no segment begins at this batch.
        """
        for first in range(epoch, end, self.epochs_per_segment):
            for segment in self.segments(first, min(self.epochs_per_segment, end - first)):
                if first == epoch and segment.first_batch < batch:
                    continue
                if batch and (segment.epoch, segment.first_batch) != (epoch, batch):
                    raise SettingError(
                        f"a training continues at batch {batch} of an epoch, where no segment begins",
                        "the rows and the memory limit with which it began",
                    )
                batch = 0
                yield segment

    def segments(self, epoch: int, number: int = 1) -> Iterator[HostSegment]:
        """Yield the segments of one epoch, with every row exactly once, or the segment of several epochs.

        >>> x, weights = np.zeros((5, 1), np.float32), lambda rows: np.ones((1, len(rows)))
        >>> epochs = Epochs(ArraySource(x), np.arange(5), weights, batch_size=2, seed=0)
        >>> [segment.y[:5] for number in (1, 2) for segment in epochs.segments(number)]
        [array([2, 3, 1, 4, 0], dtype=int32), array([3, 2, 4, 1, 0], dtype=int32)]
        """
        n_done, chunk_rows, table = 0, self.capacity * self.batch_size, self.table
        if table is None:
            pieces = self.source.epoch(self._random(epoch), chunk_rows)
        elif self.epochs_per_segment > 1:
            # The last segment may have one epoch; it shares the program of the others.
            yield self._joint_segment(epoch, number, table)
            return
        else:
            pieces = _in_order(self.source.n_rows, lambda _: table, self._random(epoch), chunk_rows)
        for piece in pieces:
            yield self._segment(piece, n_done, epoch)
            n_done += len(piece.numbers)

    def _random(self, epoch: int) -> np.random.Generator | None:
        """Return the generator of an epoch's order; None if rows are not shuffled."""
        return generator_for(self.seed, Purpose.ORDER, epoch) if self.shuffle else None

    def _joint_segment(self, epoch: int, number: int, table: np.ndarray) -> HostSegment:
        """Return the segment of several whole epochs, with row numbers of the table."""
        rows, size = self.source.n_rows, self.batches * self.batch_size
        # Padding is the first row, with weight 0.
        row_numbers = np.zeros(self.capacity * self.batch_size, np.int32)
        by_epoch = row_numbers[: number * size].reshape(number, size)
        for k, numbers in enumerate(by_epoch):
            numbers[:rows] = _order(rows, self._random(epoch + k))

        weights = self.weights(row_numbers)
        weights[:, : number * size].reshape(-1, number, size)[:, :, rows:] = 0
        weights[:, number * size :] = 0
        return HostSegment(
            x=table,
            order=row_numbers,
            y=self.labels[row_numbers].astype(np.int32, copy=False),
            weights=weights,
            counts=self._batch_sizes(rows, number),
            batches=number * self.batches,
            first_batch=0,
            epoch=epoch,
            ends=number,
        )

    def _segment(self, piece: RowChunk, start: int, epoch: int) -> HostSegment:
        """Return the segment of a piece of an epoch that begins at row `start` of the epoch.

        If the piece refers to the table, the segment has row numbers instead of rows.
        """
        numbers, x = piece
        rows, capacity = len(numbers), self.capacity * self.batch_size

        def padded(part: np.ndarray) -> np.ndarray:
            """Return an array padded with zeros to the capacity; rows are the first axis."""
            if rows == capacity:
                return part
            out = aligned((capacity, *part.shape[1:]), part.dtype)
            out[:rows], out[rows:] = part, 0
            return out

        weights = self.weights(numbers)
        if rows < capacity:
            weights = np.pad(weights, ((0, 0), (0, capacity - rows)))

        return HostSegment(
            x=x if x is self.table else padded(x),
            order=padded(numbers.astype(np.int32)) if x is self.table else None,
            y=padded(self.labels[numbers].astype(np.int32, copy=False)),
            weights=weights,
            counts=self._batch_sizes(rows, 1),
            batches=-(-rows // self.batch_size),
            first_batch=start // self.batch_size,
            epoch=epoch,
            ends=int(start + rows == self.source.n_rows),
        )

    def _batch_sizes(self, rows: int, epochs: int) -> np.ndarray:
        """Return the number of rows in each batch of a segment with this many rows and epochs."""
        batches = -(-rows // self.batch_size)
        per_epoch = np.full(batches, self.batch_size, np.float32)
        per_epoch[-1] = rows - (batches - 1) * self.batch_size
        counts = np.ones(self.capacity, np.float32)
        counts[: epochs * batches] = np.tile(per_epoch, epochs)
        return counts
