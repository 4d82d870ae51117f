"""Duplicate rows: found by a hash of every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.config.csv_options import PLAIN
from epochal.tables.categories import unique
from epochal.tables.dates import seconds
from epochal.tables.numeric import Place, booleans, numbers
from epochal.tables.schema import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from epochal.tables.rows import Rows
    from epochal.tables.schema import Kind

_READERS: dict[str, Callable[[pa.ChunkedArray, Place], np.ndarray]] = {
    "number": numbers,
    "boolean": booleans,
    "date": seconds,
}
# The constants of splitmix64: odd multipliers that mix all bits of a word.
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_STEP = np.uint64(0x9E3779B97F4A7C15)


def kinds_of(table: pa.Table) -> dict[str, Kind]:
    """Return the kind of every column of a table."""
    return {field.name: kind_of(field.type, field.name) for field in table.schema}


class DuplicateCounts(NamedTuple):
    """The number of duplicate rows, of those with another class, and whether both are estimates."""

    rows: int
    contradicting: int
    estimated: bool


class RowHashes:
    """Hashes and class numbers of rows; of very many rows, a sample of the hashes.

    >>> some, others = RowHashes(), RowHashes()
    >>> some.add(row_hashes(np.arange(6))), others.add(row_hashes(np.arange(4, 9)))
    (None, None)
    >>> some.count_duplicates_in(others)
    2
    """

    def __init__(self, capacity: int = 2**21) -> None:
        self.capacity, self.halvings = capacity, 0
        self.hashes, self.labels = np.empty(0, np.uint64), np.empty(0, np.int32)

    def add(self, hashes: np.ndarray, labels: np.ndarray | None = None) -> None:
        """Add the hashes of more rows, and their class numbers if they matter; return nothing."""
        labels = np.zeros(len(hashes), np.int32) if labels is None else labels.astype(np.int32)
        chosen = _in_sample(hashes, self.halvings)
        self.hashes = np.concatenate([self.hashes, hashes[chosen]])
        self.labels = np.concatenate([self.labels, labels[chosen]])
        while len(self.hashes) > self.capacity:
            self._subsample(self.halvings + 1)

    def merge(self, other: RowHashes) -> RowHashes:
        """Return the hashes of the rows of both."""
        merged = RowHashes(max(self.capacity, other.capacity))
        merged.halvings = max(self.halvings, other.halvings)
        for part in (self, other):
            merged.add(part.hashes, part.labels)
        return merged

    def duplicates(self) -> DuplicateCounts:
        """Return how many rows repeat the hash of another, and how many of them with another class.

        >>> hashes = RowHashes()
        >>> hashes.add(row_hashes(np.array([1, 1, 1, 2, 2])), np.array([0, 0, 1, 0, 0]))
        >>> hashes.duplicates()
        DuplicateCounts(rows=3, contradicting=1, estimated=False)
        """
        unique, inverse = np.unique(self.hashes, return_inverse=True)
        pairs = np.unique(inverse * (int(self.labels.max(initial=0)) + 1) + self.labels)
        return DuplicateCounts(
            (len(self.hashes) - len(unique)) << self.halvings,
            (len(pairs) - len(unique)) << self.halvings,
            estimated=self.halvings > 0,
        )

    def count_duplicates_in(self, others: RowHashes) -> int:
        """Return how many of the others equal one of these rows; an estimate if either is a sample."""
        halvings = max(self.halvings, others.halvings)
        own_keys, other_keys = (
            part.hashes[_in_sample(part.hashes, halvings)] for part in (self, others)
        )
        return int(np.isin(other_keys, own_keys).sum()) << halvings

    def _subsample(self, halvings: int) -> None:
        """Keep only a sample: one in 2^halvings of the hashes; return nothing."""
        chosen = _in_sample(self.hashes, halvings)
        self.hashes, self.labels, self.halvings = self.hashes[chosen], self.labels[chosen], halvings


def _in_sample(hashes: np.ndarray, halvings: int) -> np.ndarray:
    """Return which hashes end in that many zero bits, bool (rows,); duplicates are in the same sample."""
    chosen: np.ndarray = hashes & np.uint64(2**halvings - 1) == 0
    return chosen


def row_hashes(
    rows: Rows,
    kinds: Mapping[str, Kind] | None = None,
    missing: Sequence[str] = PLAIN.words,
) -> np.ndarray:
    """Return a hash of every row (uint64), valid within one process; equal rows have equal hashes.

    Of about 10^19 pairs of unequal rows, one has equal hashes.

    Args:
        rows: a table, or an array whose rows may have any shape; no sparse matrix.
        kinds: the kinds of a table's columns; by default those of `kinds_of`.
        missing: texts that mean a missing value in columns of numbers, dates or booleans.

    >>> hashes = row_hashes(pa.table({"age": [3, 4, 3], "job": ["a", "b", "a"]}))
    >>> print(hashes[0] == hashes[2], hashes[0] == hashes[1])
    True False
    """
    if isinstance(rows, pa.Table):
        kinds = kinds_of(rows) if kinds is None else kinds
        columns = (
            _words(rows.column(name), kind, Place(name, words=missing))
            for name, kind in kinds.items()
        )
    else:
        flat = rows.reshape(len(rows), -1)
        columns = (_bits(flat[:, index]) for index in range(flat.shape[1]))
    hashes = np.zeros(len(rows), np.uint64)
    with np.errstate(over="ignore"):
        for words in columns:
            hashes = _mixed(hashes + _STEP + words)
    return hashes


def _words(column: pa.ChunkedArray, kind: Kind, place: Place) -> np.ndarray:
    """Return a word of 64 bits for every value of a column."""
    if kind != "category":
        return _bits(_READERS[kind](column, place))
    texts, indices = unique(column)
    # Python's hash of a text is the same throughout a process.
    hashes = np.array([hash(text) for text in [*texts, None]], np.int64).astype(np.uint64)
    return hashes[indices]


def _bits(values: np.ndarray) -> np.ndarray:
    """Return numbers as words of 64 bits, equal for equal numbers; all NaN are equal."""
    plain = values.astype(np.float64)
    plain[np.isnan(plain)] = np.nan
    # Minus zero is zero.
    return (plain + 0.0).view(np.uint64)


def _mixed(words: np.ndarray) -> np.ndarray:
    """Return words in which every bit depends on all bits of the input."""
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    mixed: np.ndarray = words ^ (words >> np.uint64(31))
    return mixed
