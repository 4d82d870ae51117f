"""Column accumulator: the values of one column for all rows, added block by block in compact form."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.errors import DataError
from epochal.io.typed_labels import labels_of
from epochal.tables.numeric import is_text

# The fewest unique values that are combined at once.
_FEWEST_COMBINED = 1 << 16


class LabelColumn(NamedTuple):
    """A column of labels: how messages name it, and whether numbers are texts."""

    where: str
    as_text: bool = False


class ColumnAccumulator:
    """The values of a column: labels and texts as codes, numbers and dates unchanged.

    `rows` is their number, `kind` their type. `is_mixed`: values had several types, and none is
    stored.
    """

    def __init__(self, name: str, labels: LabelColumn | None = None) -> None:
        self.name, self.rows, self.kind, self.is_mixed = name, 0, pa.null(), False
        self._labels = labels
        # Blocks that are not combined yet; numbers and dates stay here.
        self._blocks: list[pa.Array] = []
        self._known: pa.Array | None = None
        self._codes: list[np.ndarray] = []
        self._pending = 0

    @property
    def is_ranked(self) -> bool:
        """Whether its values are returned as ranks."""
        return _is_coded(self.kind)

    def empty_copy(self) -> ColumnAccumulator:
        """Return an accumulator for the same column, without values."""
        return ColumnAccumulator(self.name, self._labels)

    def add(self, column: pa.ChunkedArray) -> None:
        """Add the values of a block; return nothing."""
        self.rows += len(column)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_null(self.kind):
            self.kind = column.type
        if not self.is_mixed and column.type not in (self.kind, pa.null()):
            self.is_mixed = True
            self._blocks, self._codes, self._known = [], [], None
        if (self._labels or self.is_ranked) and not _has_order(column.type):
            # Before `combine_chunks`, which Arrow lacks for some intervals.
            problem = f"column {self.name!r} holds {column.type} values"
            raise DataError(problem, "numbers, texts, or true and false")
        if not self.is_mixed:
            self._keep(column.combine_chunks())

    def labels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the unique labels, the code of every labelled row, and the mask of labelled rows."""
        known, codes = self._coded()
        has_label = codes > 0
        if not has_label.all():
            codes, known = codes[has_label], pa.concat_arrays([known, pa.nulls(1, known.type)])
        # A null makes integers and booleans objects.
        values = labels_of(known, *(self._labels or ()))
        values = values[: len(values) - int(known.null_count)]
        # Codes count from 1.
        codes = (codes - 1).astype(np.min_scalar_type(max(len(values) - 1, 0)))
        return values, codes, has_label

    def values(self) -> np.ndarray:
        """Return the value of every row: numbers, dates, or ranks of texts, NaN where missing."""
        if self.is_ranked:
            _, codes = self._coded()
            return np.where(codes > 0, codes - 1.0, np.nan)
        if pa.types.is_null(self.kind):
            return np.full(self.rows, np.nan)
        chunks = [block.cast(self.kind) for block in self._blocks]
        column = pa.chunked_array(chunks, type=self.kind)
        if column.null_count and not pa.types.is_temporal(self.kind):
            column = column.cast(pa.float64(), safe=False)
        return np.asarray(column.to_numpy())

    def _keep(self, values: pa.Array) -> None:
        """Add values of the same type as those before; return nothing."""
        if pa.types.is_null(values.type) or not (self._labels or self.is_ranked):
            self._blocks.append(values)
            return
        if pa.types.is_string(values.type):
            values = values.cast(pa.large_string())
        elif pa.types.is_floating(values.type):
            # Minus zero and zero are the same label.
            values = pc.add(values, pa.scalar(0.0, values.type))
        encoded = values.dictionary_encode()
        self._blocks.append(encoded)
        self._pending += len(encoded.dictionary)
        if self._pending > max(_FEWEST_COMBINED, 0 if self._known is None else len(self._known)):
            self._combine()

    def _combine(self) -> None:
        """Encode the blocks as codes, 0 for a missing value; return nothing."""
        coded = [block for block in self._blocks if not pa.types.is_null(block.type)]
        dictionaries = [block.dictionary for block in coded]
        previous = [] if self._known is None else [self._known]
        numbers = np.zeros(0, np.int32)
        if previous or dictionaries:
            combined = pa.concat_arrays(previous + dictionaries).dictionary_encode()
            numbers = combined.indices.to_numpy()[sum(map(len, previous)) :]
            self._known = combined.dictionary
        kind = np.min_scalar_type(0 if self._known is None else len(self._known))
        start = 0
        for block in self._blocks:
            if pa.types.is_null(block.type):
                self._codes.append(np.zeros(len(block), np.uint8))
                continue
            stop = start + len(block.dictionary)
            codes = np.append(numbers[start:stop] + 1, 0).astype(kind)
            self._codes.append(codes[block.indices.fill_null(stop - start).to_numpy()])
            start = stop
        self._blocks, self._pending = [], 0

    def _coded(self) -> tuple[pa.Array, np.ndarray]:
        """Return the sorted unique values, and every row's rank among them from 1 (0: missing)."""
        self._combine()
        if self._known is None:
            return pa.nulls(0), np.zeros(self.rows, np.uint8)
        order = pc.array_sort_indices(self._known).to_numpy()
        ranks = np.zeros(len(order) + 1, np.min_scalar_type(len(order)))
        ranks[order + 1] = np.arange(1, len(order) + 1)
        return self._known.take(pa.array(order)), ranks[np.concatenate(self._codes)]


def _has_order(kind: pa.DataType) -> bool:
    """Return whether Arrow can sort and compare values of a type: not lists, unions or intervals.

    >>> _has_order(pa.string()), _has_order(pa.month_day_nano_interval())
    (True, False)
    """
    types = pa.types
    texts = is_text(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    other = types.is_fixed_size_binary(kind) or types.is_decimal(kind) or types.is_time(kind)
    return texts or other or not _is_coded(kind)


def _is_coded(kind: pa.DataType) -> bool:
    """Return whether values of a type are stored as codes: all but numbers, dates and booleans.

    >>> _is_coded(pa.string()), _is_coded(pa.date32())
    (True, False)
    """
    types = pa.types
    plain = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    dates = types.is_date(kind) or types.is_timestamp(kind) or types.is_duration(kind)
    return not (plain or dates or types.is_null(kind))
