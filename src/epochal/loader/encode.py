"""Encoding of rows: into memory, onto disk, or lazily when a batch reads them.

Training rows and held-out rows are encoded in one pass, piece by piece if memory is bounded.
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
from epochal.tables.rows import len_of, parallel_map, pieces, take, with_capacity
from epochal.tables.streaming import Streamed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.loader.cache import PreprocessingCache
    from epochal.loader.memory_plan import MemoryPlan
    from epochal.preprocessing.packing import Packing
    from epochal.preprocessing.preprocessor import Preprocessor
    from epochal.tables.rows import Rows

# Encoded bytes of a piece, and its fewest rows; several pieces are encoded in parallel.
_PIECE_BYTES, _FEWEST = 2**23, 256


class RowMetadata(NamedTuple):
    """What rows have beside features: class number, weight, group number, inner fold."""

    labels: np.ndarray  # (rows,) whole numbers
    weight: np.ndarray  # (rows,) float64
    groups: np.ndarray | None = None  # (rows,) int32
    folds: np.ndarray | None = None  # (rows,) uint8, for target statistics

    def of(self, rows: np.ndarray) -> RowMetadata:
        """Return the metadata of the rows with these numbers."""
        optional = (None if values is None else values[rows] for values in self[2:])
        return RowMetadata(self.labels[rows], self.weight[rows], *optional)

    def encode(self, preprocessor: Preprocessor, rows: Rows, first_row: int = 0) -> np.ndarray:
        """Return encoded rows with their folds; `first_row` is the number of the first one."""
        x = preprocessor.compact(rows, first_row=first_row)
        if self.folds is not None and preprocessor.fold is not None:
            x[:, preprocessor.fold] = self.folds[first_row : first_row + len(x)]
        return x


class Encoded(NamedTuple):
    """Encoded rows with their metadata, in the order of the source."""

    source: RowSource
    metadata: RowMetadata


class EncodingPlan(NamedTuple):
    """How rows are encoded: the memory limits, the generator that shuffles on disk, and the cache.

    Without a generator, rows on disk are in order. Without a cache, nothing is reused.
    """

    memory: MemoryPlan
    random: np.random.Generator | None = None
    cache: PreprocessingCache | None = None


def encoded(
    rows: Rows | Streamed,
    metadata: RowMetadata,
    parts: Sequence[np.ndarray],
    preprocessor: Preprocessor,
    place: EncodingPlan,
) -> list[Encoded]:
    """Return parts of the rows, encoded.

    Args:
        rows: not encoded.
        metadata: labels, weights and groups of all rows.
        parts: a mask, bool (rows,), for each part. The first part may be stored on disk.
        preprocessor: encodes the rows.
        place: memory limits, generator and cache.
    """
    memory, random, cache = place
    if memory.limit is None and not isinstance(rows, Streamed):
        return [_in_memory(rows, metadata, np.flatnonzero(part), preprocessor) for part in parts]
    counts = [int(np.count_nonzero(part)) for part in parts]
    plan = _Sinks.of(counts[0], preprocessor, preprocessor.dtype_for(rows), memory)
    from_cache = plan.restored(cache, counts) if cache else None
    if from_cache is not None:
        return from_cache
    sinks = [plan.sink(counts[0], memory, random)]
    sinks += [_Resident(count, preprocessor.n_features, plan.dtype) for count in counts[1:]]
    results = [_empty_like(metadata, sink.n_rows) for sink in sinks]

    def encode(span: slice, piece: Rows) -> tuple[slice, np.ndarray]:
        """Return the span of a piece, and the encoded piece."""
        return span, metadata.encode(preprocessor, piece, span.start)

    rows_per_piece = max(_PIECE_BYTES // (4 * max(preprocessor.n_features, 1)), _FEWEST)
    for span, x in parallel_map(encode, pieces(rows, rows_per_piece)):
        for part, sink, destination in zip(parts, sinks, results, strict=True):
            chosen = np.flatnonzero(part[span])
            if len(chosen):
                x_part = x if len(chosen) == len(x) else x[chosen]
                _put(metadata.of(span.start + chosen), destination, sink.write(x_part))
    result = [
        Encoded(sink.source(), part_metadata)
        for sink, part_metadata in zip(sinks, results, strict=True)
    ]
    if cache is not None:
        plan.keep(cache, result)
    return result


def subsampled(part: np.ndarray, row_bytes: int, max_bytes: int) -> np.ndarray:
    """Return the mask of every n-th row of a part, so that they fit into `max_bytes` bytes.

    >>> print(subsampled(np.ones(5, bool), row_bytes=4, max_bytes=12))
    [ True False  True False  True]
    """
    step = stride(int(np.count_nonzero(part)), row_bytes, max_bytes)
    if step == 1:
        return part
    result = np.zeros_like(part)
    result[np.flatnonzero(part)[::step]] = True
    return result


def stride(n_rows: int, row_bytes: int, max_bytes: int) -> int:
    """Return n so that every n-th of the rows fits into `max_bytes` bytes.

    >>> stride(1000, row_bytes=100, max_bytes=40_000), stride(10, row_bytes=100, max_bytes=40_000)
    (3, 1)
    """
    return max(-(-n_rows * row_bytes // max_bytes), 1)


def _in_memory(
    rows: Rows, metadata: RowMetadata, numbers: np.ndarray, preprocessor: Preprocessor
) -> Encoded:
    """Return encoded rows in memory; sparse rows are encoded lazily, when a batch reads them."""
    # All rows without a copy, which would take as much memory again.
    selected = rows if len(numbers) == len_of(rows) else take(rows, numbers)
    of_rows = metadata.of(numbers)
    source: RowSource
    if not isinstance(selected, (np.ndarray, pa.Table)):

        def encode(rows: np.ndarray) -> np.ndarray:
            """Return the encoded rows with these numbers."""
            with Origin().where(numbers[rows]).naming_rows():
                return preprocessor.encode(take(selected, rows))

        source = LazySource(len(numbers), preprocessor.n_features, encode)
    else:
        with Origin().where(numbers).naming_rows():
            source = ArraySource(of_rows.encode(preprocessor, selected))
    return Encoded(source, of_rows)


class _Resident:
    """Encoded rows in memory, while they are written."""

    def __init__(self, n_rows: int, n_features: int, dtype: type[np.generic]) -> None:
        self.n_rows, self.n_written = n_rows, 0
        self.x = with_capacity(n_rows, n_features, dtype)

    def write(self, x: np.ndarray) -> np.ndarray:
        """Append rows; return their row numbers."""
        places = np.arange(self.n_written, self.n_written + len(x))
        self.x[places[0] : places[-1] + 1] = x
        self.n_written += len(x)
        return places

    def source(self) -> ArraySource:
        """Return the source of all rows, once they are written."""
        return ArraySource(self.x)


class _Packed:
    """Packed rows, while they are written to memory or disk."""

    def __init__(self, sink: _Resident | Store, packing: Packing) -> None:
        self.sink, self.packing, self.n_rows = sink, packing, sink.n_rows

    def write(self, x: np.ndarray) -> np.ndarray:
        """Pack and write rows; return their row numbers."""
        return self.sink.write(self.packing.packed(x))

    def source(self) -> PackedSource:
        """Return the source of all rows, once they are written."""
        return PackedSource(self.sink.source(), self.packing)


class _Sinks(NamedTuple):
    """The planned storage of rows: in memory, or on disk with a layout; packed, if there is a packing."""

    n_features: int
    dtype: type[np.generic]
    packing: Packing | None
    layout: DiskLayout | None

    @classmethod
    def of(
        cls, n_rows: int, preprocessor: Preprocessor, dtype: type[np.generic], memory: MemoryPlan
    ) -> _Sinks:
        """Return the planned storage of this many rows."""
        packing, place = preprocessor.packing, memory.shares.place
        if place is Storage.MEMORY:
            return cls(packing.n_features, dtype, None, None)
        used = packing if packing.saves_memory else None
        width = packing.width if used else packing.n_features
        if place is Storage.PACKED:
            return cls(width, dtype, used, None)
        layout = DiskLayout.within(n_rows, width, memory.shares.buffer, dtype)
        return cls(width, dtype, used, layout)

    def sink(
        self, n_rows: int, memory: MemoryPlan, random: np.random.Generator | None
    ) -> _Resident | Store | _Packed:
        """Return the destination of the rows."""
        place: _Resident | Store
        if self.layout is None:
            place = _Resident(n_rows, self.n_features, self.dtype)
        else:
            place = Store(self.layout, memory.folder, random)
        return place if self.packing is None else _Packed(place, self.packing)

    def keep(self, cache: PreprocessingCache, parts: Sequence[Encoded]) -> None:
        """Store rows that are on disk in the cache, with their metadata and the parts in memory."""
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
            for field, values in part.metadata._asdict().items():
                if values is not None:
                    uniform = values.strides == (0,)
                    arrays[f"{field}{number}"] = values[:1] if uniform else values
        cache.save("parts", len(parts), arrays)

    def restored(self, cache: PreprocessingCache, counts: Sequence[int]) -> list[Encoded] | None:
        """Return the cached parts with these numbers of rows, or None."""
        description = None if self.layout is None else cache.load("parts")
        stored = None if self.layout is None else stored_in(cache.path("rows"), self.layout)
        if description is None or stored is None:
            return None
        arrays = description[1]
        result = []
        for number, count in enumerate(counts):
            source: RowSource = stored if number == 0 else ArraySource(arrays[f"x{number}"])
            if number == 0 and self.packing is not None:
                source = PackedSource(source, self.packing)
            metadata: list[Any] = [arrays.get(f"{field}{number}") for field in RowMetadata._fields]
            metadata = [
                None if values is None else np.broadcast_to(values, count) for values in metadata
            ]
            result.append(Encoded(source, RowMetadata(*metadata)))
        return result


def _empty_like(metadata: RowMetadata, rows: int) -> RowMetadata:
    """Return empty metadata of this many rows; equal weights take no memory."""
    weight = metadata.weight
    uniform = weight.strides == (0,)
    return RowMetadata(
        np.empty(rows, metadata.labels.dtype),
        np.broadcast_to(weight[0], rows) if uniform else np.empty(rows, weight.dtype),
        *(None if of is None else np.empty(rows, of.dtype) for of in metadata[2:]),
    )


def _put(metadata: RowMetadata, out: RowMetadata, places: np.ndarray) -> None:
    """Write the metadata of rows to their places."""
    for values, result in zip(metadata, out, strict=True):
        if values is not None and result is not None and result.strides != (0,):
            result[places] = values
