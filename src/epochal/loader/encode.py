"""From rows to encoded ones: in memory, on disk, or only when a batch takes them.

The rows that train and those that are kept apart are encoded in one pass, piece
by piece where memory is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.io.tempfiles import name
from epochal.loader.batches import ArraySource, LazySource, RowSource
from epochal.loader.disk import DiskLayout, Store, StoredSource, stored_in
from epochal.loader.memory_items import Storage
from epochal.loader.packed import PackedSource
from epochal.tables.origin import Origin
from epochal.tables.rows import ahead, len_of, pieces, take, with_room
from epochal.tables.streaming import Streamed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.loader.cache import PreprocessingCache
    from epochal.loader.memory_plan import MemoryPlan
    from epochal.preprocessing.packing import Packing
    from epochal.preprocessing.preprocessor import Preprocessor
    from epochal.tables.rows import Rows

# Encoded bytes of a piece, and rows that it has anyway: some pieces are under way together.
_PIECE_BYTES, _FEWEST = 2**23, 256


class Known(NamedTuple):
    """What is known of each row: its class number, its weight, the number of its group."""

    labels: np.ndarray  # (rows,) whole numbers
    weight: np.ndarray  # (rows,) float64
    groups: np.ndarray | None = None  # (rows,) int32

    def of(self, rows: np.ndarray) -> Known:
        """Return what is known of some of the rows."""
        groups = None if self.groups is None else self.groups[rows]
        return Known(self.labels[rows], self.weight[rows], groups)


class Encoded(NamedTuple):
    """Encoded rows, and what is known of them, in the order of the source."""

    source: RowSource
    known: Known


class EncodingPlan(NamedTuple):
    """Where encoded rows are put: how much memory there is, and what deals them to places on disk.

    Without random numbers they lie as they come. What is on disk is `cache`, and looked for, there.
    """

    memory: MemoryPlan
    random: np.random.Generator | None = None
    cache: PreprocessingCache | None = None


def encoded(
    rows: Rows | Streamed,
    known: Known,
    parts: Sequence[np.ndarray],
    preprocessor: Preprocessor,
    place: EncodingPlan,
) -> list[Encoded]:
    """Return parts of the rows, encoded.

    Args:
        rows: as they came.
        known: of all rows.
        parts: which rows they have, bool (rows,) each. The first part may be on disk.
        preprocessor: encodes.
        place: where they are put.
    """
    memory, random, cache = place
    if memory.limit is None and not isinstance(rows, Streamed):
        return [_whole(rows, known, np.flatnonzero(part), preprocessor) for part in parts]
    counts = [int(np.count_nonzero(part)) for part in parts]
    plan = _Sinks.of(counts[0], preprocessor, preprocessor.dtype_for(rows), memory)
    found = plan.restored(cache, counts) if cache else None
    if found is not None:
        return found
    sinks = [plan.sink(counts[0], memory, random)]
    sinks += [_Resident(count, preprocessor.n_features, plan.dtype) for count in counts[1:]]
    there = [_room_for(known, sink.n_rows) for sink in sinks]

    def encode(span: slice, piece: Rows) -> tuple[slice, np.ndarray]:
        """Return a piece, encoded, and which rows it has."""
        return span, preprocessor.compact(piece, first_row=span.start)

    most = max(_PIECE_BYTES // (4 * max(preprocessor.n_features, 1)), _FEWEST)
    for span, x in ahead(encode, pieces(rows, most)):
        for part, sink, beside in zip(parts, sinks, there, strict=True):
            some = np.flatnonzero(part[span])
            if len(some):
                mine = x if len(some) == len(x) else x[some]
                _put(known.of(span.start + some), beside, sink.write(mine))
    result = [Encoded(sink.source(), of) for sink, of in zip(sinks, there, strict=True)]
    if cache is not None:
        plan.keep(cache, result)
    return result


def thinned(part: np.ndarray, row_bytes: int, most: int) -> np.ndarray:
    """Return a part with only every n-th of its rows: as many as `most` bytes hold.

    >>> print(thinned(np.ones(5, bool), row_bytes=4, most=12))
    [ True False  True False  True]
    """
    step = stride(int(np.count_nonzero(part)), row_bytes, most)
    if step == 1:
        return part
    result = np.zeros_like(part)
    result[np.flatnonzero(part)[::step]] = True
    return result


def stride(n_rows: int, row_bytes: int, most: int) -> int:
    """Return the n of "every n-th row" with which so many rows take `most` bytes.

    >>> stride(1000, row_bytes=100, most=40_000), stride(10, row_bytes=100, most=40_000)
    (3, 1)
    """
    return max(-(-n_rows * row_bytes // most), 1)


def _whole(rows: Rows, known: Known, numbers: np.ndarray, preprocessor: Preprocessor) -> Encoded:
    """Return some of the rows in memory: sparse ones are encoded when a batch takes them."""
    # All of them as they are: a copy would take as much again as what they become.
    some = rows if len(numbers) == len_of(rows) else take(rows, numbers)
    source: RowSource
    if not isinstance(some, (np.ndarray, pa.Table)):

        def encode(rows: np.ndarray) -> np.ndarray:
            """Return some of the rows, encoded."""
            with Origin().where(numbers[rows]).naming_rows():
                return preprocessor.encode(take(some, rows))

        source = LazySource(len(numbers), preprocessor.n_features, encode)
    else:
        with Origin().where(numbers).naming_rows():
            source = ArraySource(preprocessor.compact(some))
    return Encoded(source, known.of(numbers))


class _Resident:
    """Encoded rows in memory, while they are written."""

    def __init__(self, n_rows: int, n_features: int, dtype: type[np.generic]) -> None:
        self.n_rows, self.done = n_rows, 0
        self.x = with_room(n_rows, n_features, dtype)

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


class _Sinks(NamedTuple):
    """How the planned place takes rows: in memory, or on disk in this layout; packed, if there is a packing."""

    n_features: int
    dtype: type[np.generic]
    packing: Packing | None
    layout: DiskLayout | None

    @classmethod
    def of(
        cls, n_rows: int, preprocessor: Preprocessor, dtype: type[np.generic], memory: MemoryPlan
    ) -> _Sinks:
        """Return what takes so many rows to the place that is planned."""
        packing, place = preprocessor.packing, memory.shares.place
        if place is Storage.MEMORY:
            return cls(packing.n_features, dtype, None, None)
        used = packing if packing.is_worth_it else None
        width = packing.width if used else packing.n_features
        if place is Storage.PACKED:
            return cls(width, dtype, used, None)
        layout = DiskLayout.within(n_rows, width, memory.shares.buffer, dtype)
        return cls(width, dtype, used, layout)

    def sink(
        self, n_rows: int, memory: MemoryPlan, random: np.random.Generator | None
    ) -> _Resident | Store | _Packed:
        """Return where rows are written to."""
        place: _Resident | Store
        if self.layout is None:
            place = _Resident(n_rows, self.n_features, self.dtype)
        else:
            place = Store(self.layout, memory.folder, random)
        return place if self.packing is None else _Packed(place, self.packing)

    def keep(self, cache: PreprocessingCache, parts: Sequence[Encoded]) -> None:
        """Keep rows that are on disk, with what is known of them and the parts in memory."""
        source = parts[0].source
        store = source.source if isinstance(source, PackedSource) else source
        if not isinstance(store, StoredSource) or not name(store.file, cache.path("rows")):
            return
        arrays = {
            f"x{n}": part.source.x
            for n, part in enumerate(parts)
            if isinstance(part.source, ArraySource)
        }
        for number, part in enumerate(parts):
            for field, values in part.known._asdict().items():
                if values is not None:
                    uniform = values.strides == (0,)
                    arrays[f"{field}{number}"] = values[:1] if uniform else values
        cache.save("parts", len(parts), arrays)

    def restored(self, cache: PreprocessingCache, counts: Sequence[int]) -> list[Encoded] | None:
        """Return the parts of so many rows that were kept, or None."""
        found = None if self.layout is None else cache.load("parts")
        stored = None if self.layout is None else stored_in(cache.path("rows"), self.layout)
        if found is None or stored is None:
            return None
        arrays = found[1]
        result = []
        for number, count in enumerate(counts):
            source: RowSource = stored if number == 0 else ArraySource(arrays[f"x{number}"])
            if number == 0 and self.packing is not None:
                source = PackedSource(source, self.packing)
            known: list[Any] = [arrays.get(f"{field}{number}") for field in Known._fields]
            known = [None if of is None else np.broadcast_to(of, count) for of in known]
            result.append(Encoded(source, Known(*known)))
        return result


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
