"""From rows to encoded ones: in memory, on disk, or only when a batch takes them.

The rows that train and those that are kept apart are encoded in one pass, piece
by piece where memory is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from epochal.data.batches import ArraySource, LazySource, RowSource
from epochal.data.packing import PackedSource
from epochal.data.rows import ahead, aligned, pieces, take
from epochal.data.store import Layout, Store
from epochal.data.streamed import Streamed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.data.memory import Memory
    from epochal.data.packing import Packing
    from epochal.data.preprocess import Preprocessor
    from epochal.data.rows import Rows

# Encoded bytes of a piece, and rows that it has anyway: some pieces are under way together.
_PIECE_BYTES, _FEWEST = 2**23, 256


class Known(NamedTuple):
    """What is known of each row: its class number, its weight, the number of its group."""

    labels: np.ndarray  # (rows,) whole numbers
    weight: np.ndarray  # (rows,) float64
    groups: np.ndarray | None = None  # (rows,) int64

    def of(self, rows: np.ndarray) -> Known:
        """Return what is known of some of the rows."""
        groups = None if self.groups is None else self.groups[rows]
        return Known(self.labels[rows], self.weight[rows], groups)


class Encoded(NamedTuple):
    """Encoded rows, and what is known of them, in the order of the source."""

    source: RowSource
    known: Known


def encoded(
    rows: Rows | Streamed,
    known: Known,
    parts: Sequence[np.ndarray],
    preprocessor: Preprocessor,
    memory: Memory,
    random: np.random.Generator | None,
) -> list[Encoded]:
    """Return parts of the rows, encoded.

    Args:
        rows: as they came.
        known: of all rows.
        parts: which rows they have, bool (rows,) each. The first part may be on disk.
        preprocessor: encodes.
        memory: how much of it there is.
        random: deals the rows of the first part to places on disk; None: as they come.
    """
    if memory.limit is None and not isinstance(rows, Streamed):
        return [_whole(rows, known, np.flatnonzero(part), preprocessor) for part in parts]
    counts = [int(np.count_nonzero(part)) for part in parts]
    sinks = [_sink(counts[0], preprocessor, memory, random)]
    sinks += [_Resident(count, preprocessor.n_features) for count in counts[1:]]
    found = [_room_for(known, sink.n_rows) for sink in sinks]

    def encode(span: slice, piece: Rows) -> tuple[slice, np.ndarray]:
        """Return a piece, encoded, and which rows it has."""
        return span, preprocessor.encode(piece, first_row=span.start)

    most = max(_PIECE_BYTES // (4 * max(preprocessor.n_features, 1)), _FEWEST)
    for span, x in ahead(encode, pieces(rows, most)):
        for part, sink, there in zip(parts, sinks, found, strict=True):
            some = np.flatnonzero(part[span])
            if len(some):
                _put(known.of(span.start + some), there, sink.write(x[some]))
    return [Encoded(sink.source(), there) for sink, there in zip(sinks, found, strict=True)]


def thinned(part: np.ndarray, n_features: int, most: int) -> np.ndarray:
    """Return a part with only every so-manieth of its rows: as many as `most` bytes hold.

    >>> print(thinned(np.ones(5, bool), n_features=1, most=12))
    [ True False  True False  True]
    """
    step = -(-int(np.count_nonzero(part)) * 4 * max(n_features, 1) // max(most, 1))
    if step < 2:
        return part
    result = np.zeros_like(part)
    result[np.flatnonzero(part)[::step]] = True
    return result


def _whole(rows: Rows, known: Known, numbers: np.ndarray, preprocessor: Preprocessor) -> Encoded:
    """Return some of the rows in memory: sparse ones are encoded when a batch takes them."""
    some = take(rows, numbers)
    source: RowSource
    if sparse.issparse(some):
        source = LazySource(
            len(numbers), preprocessor.n_features, lambda i: preprocessor.encode(take(some, i))
        )
    else:
        source = ArraySource(preprocessor.encode(some))
    return Encoded(source, known.of(numbers))


class _Resident:
    """Encoded rows in memory, while they are written."""

    def __init__(self, n_rows: int, n_features: int) -> None:
        self.n_rows, self.done = n_rows, 0
        self.x = aligned(n_rows, n_features)

    def write(self, x: np.ndarray) -> np.ndarray:
        """Write some rows behind the others; return their places."""
        places = np.arange(self.done, self.done + len(x))
        self.x[places[0] : places[-1] + 1] = x
        self.done += len(x)
        return places

    def source(self) -> ArraySource:
        """Return the rows, when all have been written."""
        return ArraySource(self.x)


class _Packed:
    """Packed rows, while they are written to where packed ones are."""

    def __init__(self, sink: _Resident | Store, packing: Packing) -> None:
        self.sink, self.packing, self.n_rows = sink, packing, sink.n_rows

    def write(self, x: np.ndarray) -> np.ndarray:
        """Write some rows; return their places."""
        return self.sink.write(self.packing.packed(x))

    def source(self) -> PackedSource:
        """Return the rows, when all have been written."""
        return PackedSource(self.sink.source(), self.packing)


def _sink(
    n_rows: int, preprocessor: Preprocessor, memory: Memory, random: np.random.Generator | None
) -> _Resident | Store | _Packed:
    """Return where rows are written to: memory if they fit, as they are or packed; else the disk."""

    def placed(width: int) -> _Resident | Store:
        """Return where rows of so many values are written to."""
        if 4 * n_rows * width <= memory.resident:
            return _Resident(n_rows, width)
        return Store(Layout.within(n_rows, width, memory.buffer), memory.folder, random)

    packing = preprocessor.packing
    plain = 4 * n_rows * packing.n_features <= memory.resident
    if plain or not packing.is_worth_it:
        return placed(packing.n_features)
    return _Packed(placed(packing.width), packing)


def _room_for(known: Known, rows: int) -> Known:
    """Return arrays for what is known of so many rows; equal weights take no room."""
    labels, weight, groups = known
    uniform = weight.strides == (0,)
    return Known(
        np.empty(rows, labels.dtype),
        np.broadcast_to(weight[0], rows) if uniform else np.empty(rows, weight.dtype),
        None if groups is None else np.empty(rows, groups.dtype),
    )


def _put(known: Known, there: Known, places: np.ndarray) -> None:
    """Write what is known of some rows to their places."""
    for of_rows, result in zip(known, there, strict=True):
        if of_rows is not None and result is not None and result.strides != (0,):
            result[places] = of_rows
