"""Categories of a column: their names, the most frequent ones, and the code of every row.

Categories are compared by their canonical texts: 3, 3.0 and "3" are one category, and so are True
and "true", whatever type a file or a data frame uses.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.tables.canonical import canonical, canonical_texts
from epochal.tables.numeric import decoded, is_number, is_text, unreadable
from epochal.tables.text_hashes import bits_of, estimated_distinct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.tables.numeric import Place

# Unique values of a column that are counted at a time.
MOST_UNIQUE = 2**17


class Categories(NamedTuple):
    """The categories of a column, the most frequent first, and whether values are missing or belong to others.

    `unseen` is the expected share of new rows with none of these categories. It is estimated from
    the categories that occur once in the training rows (Good, 1953).
    """

    categories: tuple[str, ...]
    has_missing: bool
    other: bool
    unseen: float


class Codes(NamedTuple):
    """The code of every row, the number of rows with an unknown category, and an example of one."""

    numbers: np.ndarray
    unseen: int
    example: str | None


class Rare(NamedTuple):
    """Rare values that are not counted each: their weight, and about how many they are (infinite: unknown)."""

    weight: float = 0.0
    distinct: float = 0.0


class ValueCounts(NamedTuple):
    """The unique values of a column, the sum of weights of each, and the weight of the missing ones.

    Values are in the order of the rows in which they occur first, so nothing depends on their names.
    `dropped` is the weight of the rare values that were dropped to bound the memory, and
    `dropped_bits` are the bits of linear counting that they set; None if there are none.
    `pending` holds counts of further rows, which have not been combined with these yet.
    """

    values: pa.Array
    sums: np.ndarray
    missing: float
    dropped: float = 0.0
    pending: tuple[ValueCounts, ...] = ()
    dropped_bits: np.ndarray | None = None

    @classmethod
    def of(cls, column: pa.ChunkedArray, weight: np.ndarray) -> ValueCounts:
        """Return the value counts of the rows of a column that have a positive weight."""
        values, indices = unique_values(column)
        sums = np.bincount(indices, weights=weight, minlength=len(values) + 1)
        null = pc.is_null(values, nan_is_null=True).to_numpy(zero_copy_only=False)
        missing = sums[-1] + sums[:-1][null].sum()
        positive = np.flatnonzero((sums[:-1] > 0) & ~null)
        # A dictionary may be in another order, and a value may occur first in a row of weight 0.
        row = _first_rows(np.where(weight > 0, indices, len(values)), len(values) + 1)
        positive = positive[np.argsort(row[positive])]
        return cls(values.take(pa.array(positive)), sums[positive], float(missing))

    def merge(self, other: ValueCounts) -> ValueCounts:
        """Return the counts of the rows of both; of more than `MOST_UNIQUE` values the heaviest half."""
        merged = self._replace(pending=(*self.pending, other.combined()))
        # Combining looks up all values again, so it waits until as many new ones are pending.
        are_few = sum(len(part.values) for part in merged.pending) < len(self.values)
        return merged if are_few else merged.combined()

    def combined(self) -> ValueCounts:
        """Return the same counts with nothing pending."""
        if not self.pending:
            return self
        parts = (self, *self.pending)
        values, sums = sums_by_value(
            pa.concat_arrays([part.values for part in parts]),
            np.concatenate([part.sums for part in parts]),
        )
        dropped = sum(part.dropped for part in parts)
        bits = [part.dropped_bits for part in parts if part.dropped_bits is not None]
        if len(values) > MOST_UNIQUE:
            chosen = np.sort(heaviest(sums, MOST_UNIQUE // 2))
            dropped += float(sums.sum() - sums[chosen].sum())
            rare = values.take(pa.array(np.setdiff1d(np.arange(len(values)), chosen)))
            bits.append(bits_of(canonical_texts(rare)))
            values, sums = values.take(pa.array(chosen)), sums[chosen]
        return ValueCounts(
            values,
            sums,
            sum(part.missing for part in parts),
            dropped,
            dropped_bits=reduce(np.logical_or, bits) if bits else None,
        )

    def levels(self, max_categories: int) -> Categories:
        """Return at most `max_categories` categories, the heaviest first.

        Of categories with equal weights the one that occurs first in the rows is first.

        >>> column = pa.chunked_array([["c", "b", "a", "b", None]])
        >>> ValueCounts.of(column, np.ones(5)).levels(max_categories=2)[:3]
        (('b', 'c'), True, True)
        """
        counts, (texts, sums) = self.combined(), self.by_text()
        chosen = heaviest(sums, max_categories)
        other = counts.dropped > 0 or len(texts) > max_categories
        names = tuple(texts.take(pa.array(chosen)).to_pylist())
        return Categories(names, counts.missing > 0, other, counts.unseen(sums, sums[chosen]))

    @property
    def rare(self) -> Rare:
        """The values that were dropped, if none is pending."""
        bits = self.dropped_bits
        return Rare(self.dropped, 0.0 if bits is None else estimated_distinct(bits))

    @property
    def most_dropped(self) -> float:
        """The largest weight of a value that may have been dropped, if none is pending."""
        return float(self.sums.min(initial=np.inf)) if self.dropped > 0 else 0.0

    def by_text(self) -> tuple[pa.Array, np.ndarray]:
        """Return the unique values as canonical texts, and the sum of weights of each."""
        counts = self.combined()
        return sums_by_value(canonical_texts(counts.values), counts.sums)

    def unseen(self, sums: np.ndarray, kept_sums: np.ndarray) -> float:
        """Return the expected share of new rows with none of the categories whose sums are given.

        That is the share of training rows with other categories or with one that occurs once, plus
        one row, so that it is never 0. A weight of 2 counts as two rows.
        """
        total = float(sums.sum()) + self.dropped + self.missing
        other_sums = total - self.missing - float(kept_sums.sum())
        single_sums = float(kept_sums[kept_sums <= 1].sum())
        return min((other_sums + single_sums + 1.0) / (total + 2.0), 1.0)


def codes(column: pa.ChunkedArray, categories: Sequence[str] | pa.Array) -> Codes:
    """Return the code of every row's category; the next two codes mean missing and unknown.

    A category is looked up by its text, then by its canonical text.

    Args:
        column: the rows.
        categories: their names; an array of large strings need not be made for every call.

    >>> print(codes(pa.chunked_array([["b", None, "z", "a"]]), ["a", "b"]).numbers)
    [1 2 3 0]
    """
    names = categories
    if not isinstance(names, pa.Array):
        names = pa.array(categories, pa.large_string())
    if is_text(column.type):
        # All rows at once, if every text is a name.
        found = pc.index_in(column, value_set=names.cast(column.type))
        if found.null_count == column.null_count:
            numbers = found.fill_null(len(names)) if found.null_count else found
            return Codes(numbers.to_numpy().astype(np.intp), 0, None)
    return _codes_of_unique(column, names)


def _codes_of_unique(column: pa.ChunkedArray, names: pa.Array) -> Codes:
    """Return the codes of `codes`, looked up for each unique value."""
    count = len(names)
    values, indices = unique_values(column)
    spelled = values.cast(pa.large_string()) if is_text(values.type) else canonical_texts(values)
    spelled = spelled.cast(pa.large_string())
    missing = spelled.is_null().to_numpy(zero_copy_only=False)
    numbers = _position_in(spelled, names)
    if (numbers < 0)[~missing].any():
        written = pa.array([canonical(name) for name in names.to_pylist()], pa.large_string())
        by_canonical_text = _position_in(canonical_texts(spelled), written)
        numbers = np.where(numbers < 0, by_canonical_text, numbers)
    numbers = np.where(missing, count, np.where(numbers < 0, count + 1, numbers))
    row_codes = np.take(np.append(numbers, count).astype(np.intp), indices)
    unseen = int(np.count_nonzero(row_codes == count + 1))
    example = spelled[int((numbers == count + 1).argmax())].as_py() if unseen else None
    return Codes(row_codes, unseen, example)


def as_names(column: pa.ChunkedArray, place: Place) -> pa.ChunkedArray:
    """Return the column if its values have canonical texts; refuse lists, bytes and other types."""
    kind, types = column.type, pa.types
    kind = kind.value_type if types.is_dictionary(kind) else kind
    plain = is_text(kind) or is_number(kind) or types.is_boolean(kind) or types.is_temporal(kind)
    if plain or types.is_null(kind) or types.is_string_view(kind):
        return column
    expected = "texts, numbers, dates, or true and false, as in training"
    raise unreadable(column, place, expected)


def as_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of names, dictionary-encoded; dates and times become texts.

    >>> as_dictionary(pa.chunked_array([pa.array([0, 1], pa.date32())])).type.value_type
    DataType(string)
    """
    kind = column.type
    is_encoded = pa.types.is_dictionary(kind)
    if not pa.types.is_temporal(kind.value_type if is_encoded else kind):
        return column if is_encoded else column.dictionary_encode()
    encoded = decoded(column).dictionary_encode().unify_dictionaries()
    chunks = [
        pa.DictionaryArray.from_arrays(chunk.indices, canonical_texts(chunk.dictionary))
        for chunk in encoded.chunks
    ]
    return pa.chunked_array(chunks, pa.dictionary(pa.int32(), pa.string()))


def unique(column: pa.ChunkedArray) -> tuple[list[str | None], np.ndarray]:
    """Return the unique values as canonical texts, and the index of every row's value.

    The index of a missing value is the one after the last; NaN among the values is None.
    """
    values, indices = unique_values(column)
    encoded = canonical_texts(values).dictionary_encode(null_encoding="encode")
    number = np.append(encoded.indices.to_numpy(), len(encoded.dictionary))
    return encoded.dictionary.to_pylist(), number[indices]


def _position_in(texts: pa.Array, names: pa.Array) -> np.ndarray:
    """Return the index of every text in names (the first, if a name is repeated); -1 if there is none."""
    return pc.index_in(texts, value_set=names).fill_null(-1).to_numpy(zero_copy_only=False)


def sums_by_value(values: pa.Array, sums: np.ndarray) -> tuple[pa.Array, np.ndarray]:
    """Return the unique values in the order in which they occur first, and for each the sum of its entries."""
    encoded = values.dictionary_encode()
    totals = np.bincount(encoded.indices.to_numpy(), sums, minlength=len(encoded.dictionary))
    return encoded.dictionary, totals


def unique_values(column: pa.ChunkedArray) -> tuple[pa.Array, np.ndarray]:
    """Return the unique values, and the index of every row's value; of a missing one, that after the last."""
    if pa.types.is_null(column.type):
        # Arrow does not unify dictionaries of nulls.
        column = column.cast(pa.string())
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(decoded(column))
    encoded = column.unify_dictionaries().combine_chunks()
    indices = pc.fill_null(encoded.indices.cast(pa.int64()), len(encoded.dictionary))
    return encoded.dictionary, indices.to_numpy()


def heaviest(sums: np.ndarray, most: int) -> np.ndarray:
    """Return the indices of the largest sums, at most so many: the largest first, of equal ones the first.

    >>> print(heaviest(np.array([1.0, 1.0, 5.0, 1.0]), 2))
    [2 0]
    """
    return np.argsort(-sums, kind="stable")[:most]


def _first_rows(indices: np.ndarray, count: int) -> np.ndarray:
    """Return the first row with each index below `count`; of an index in no row the number of rows.

    >>> print(_first_rows(np.array([2, 0, 2, 0]), 3))
    [1 4 0]
    """
    rows = np.full(count, len(indices), np.int64)
    # Of repeated indices the last assignment stays: that of the first row.
    rows[indices[::-1]] = np.arange(len(indices) - 1, -1, -1)
    return rows


def is_missing(value: object) -> bool:
    """Whether a value out of Arrow is None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))
