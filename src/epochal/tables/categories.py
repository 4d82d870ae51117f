"""Categories of a column: what they are called, which are kept, and the code of every row.

Categories are compared by their canonical texts, so that 3, 3.0 and "3" are the same one, and so are
True and "true", however a file or a data frame happens to hold them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.tables.canonical import canonical, canonical_texts
from epochal.tables.numeric import decoded, is_number, is_text, unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.tables.numeric import Place

# Different values of a column that are told apart while it is gone through.
MOST_KEPT = 2**17


class Categories(NamedTuple):
    """What a column of categories holds: the kept ones by name, and whether there is more.

    `unseen` is the share of new rows that can be expected to hold none of the kept ones, from
    how often the training rows hold a category once (Good, 1953).
    """

    categories: tuple[str, ...]
    has_missing: bool
    other: bool
    unseen: float


class Codes(NamedTuple):
    """The code of every row; how many rows hold a category that is not known, and one such category."""

    numbers: np.ndarray
    unseen: int
    example: str | None


class ValueCounts(NamedTuple):
    """The different values of some rows, what each weighs, and what rows without a value weigh.

    `forgotten` is the weight of values that were forgotten, since there were so many different ones.
    `waiting`: tallies of further rows, whose values have not been looked up yet.
    """

    values: pa.Array
    sums: np.ndarray
    missing: float
    forgotten: float = 0.0
    waiting: tuple[ValueCounts, ...] = ()

    @classmethod
    def of(cls, column: pa.ChunkedArray, weight: np.ndarray) -> ValueCounts:
        """Return the tally of the rows of a column that have a positive weight."""
        values, indices = _encoded(column)
        sums = np.bincount(indices, weights=weight, minlength=len(values) + 1)
        null = pc.is_null(values, nan_is_null=True).to_numpy(zero_copy_only=False)
        missing = sums[-1] + sums[:-1][null].sum()
        kept = np.flatnonzero((sums[:-1] > 0) & ~null)
        return cls(values.take(pa.array(kept)), sums[kept], float(missing))

    def merge(self, other: ValueCounts) -> ValueCounts:
        """Return the tally of the rows of both; of more than `MOST_KEPT` values the heavier half."""
        both = self._replace(waiting=(*self.waiting, other.settled()))
        # Many values are looked up again when there are as many others, not for every few.
        few = sum(len(value_counts.values) for value_counts in both.waiting) < len(self.values)
        return both if few else both.settled()

    def settled(self) -> ValueCounts:
        """Return the same with nothing that waits."""
        if not self.waiting:
            return self
        value_counts_of = (self, *self.waiting)
        values, sums = _summed(
            pa.concat_arrays([value_counts.values for value_counts in value_counts_of]),
            np.concatenate([value_counts.sums for value_counts in value_counts_of]),
        )
        forgotten = sum(value_counts.forgotten for value_counts in value_counts_of)
        if len(values) > MOST_KEPT:
            chosen = _heaviest(values, sums, MOST_KEPT // 2)
            forgotten += float(sums.sum() - sums[chosen].sum())
            values, sums = values.take(pa.array(chosen)), sums[chosen]
        return ValueCounts(
            values, sums, sum(value_counts.missing for value_counts in value_counts_of), forgotten
        )

    def levels(self, most: int) -> Categories:
        """Return the categories, at most so many of them.

        The heaviest are kept (of equal ones the first by name); the result is in
        the order of the names.

        >>> column = pa.chunked_array([["b", "a", "b", None, "c"]])
        >>> ValueCounts.of(column, np.ones(5)).levels(most=2)[:3]
        (('a', 'b'), True, True)
        """
        settled = self.settled()
        texts = canonical_texts(settled.values)
        texts, sums = _summed(texts, settled.sums)
        kept = _heaviest(texts, sums, most)
        other = settled.forgotten > 0 or len(texts) > most
        names = tuple(sorted(texts.take(pa.array(kept)).to_pylist()))
        return Categories(names, settled.missing > 0, other, settled.unseen(sums, sums[kept]))

    def unseen(self, sums: np.ndarray, kept: np.ndarray) -> float:
        """Return the share of new rows to expect with none of the kept categories.

        That is the share of the training rows with others, and with kept ones that occur
        once; and one row more, as nothing is certain. A weight of 2 counts as two rows.
        """
        total = float(sums.sum()) + self.forgotten + self.missing
        others = total - self.missing - float(kept.sum())
        once = float(kept[kept <= 1].sum())
        return min((others + once + 1.0) / (total + 2.0), 1.0)


def codes(column: pa.ChunkedArray, categories: Sequence[str]) -> Codes:
    """Return the number of every row's category; after the last, missing, then any other.

    A category is found by its text as it stands, else by its canonical text.

    >>> print(codes(pa.chunked_array([["b", None, "z", "a"]]), ["a", "b"]).numbers)
    [1 2 3 0]
    """
    count = len(categories)
    values, indices = _encoded(column)
    spelled = values.cast(pa.large_string()) if is_text(values.type) else canonical_texts(values)
    spelled = spelled.cast(pa.large_string())
    missing = spelled.is_null().to_numpy(zero_copy_only=False)
    numbers = _found(spelled, pa.array(categories, pa.large_string()))
    if (numbers < 0)[~missing].any():
        names = pa.array([canonical(name) for name in categories], pa.large_string())
        again = _found(canonical_texts(spelled), names)
        numbers = np.where(numbers < 0, again, numbers)
    numbers = np.where(missing, count, np.where(numbers < 0, count + 1, numbers))
    of_rows = np.take(np.append(numbers, count).astype(np.intp), indices)
    unseen = int(np.count_nonzero(of_rows == count + 1))
    example = spelled[int((numbers == count + 1).argmax())].as_py() if unseen else None
    return Codes(of_rows, unseen, example)


def as_names(column: pa.ChunkedArray, place: Place) -> pa.ChunkedArray:
    """Return a column whose values have canonical texts; refuse lists, bytes and the like."""
    kind, types = column.type, pa.types
    kind = kind.value_type if types.is_dictionary(kind) else kind
    plain = is_text(kind) or is_number(kind) or types.is_boolean(kind) or types.is_temporal(kind)
    if plain or types.is_null(kind) or types.is_string_view(kind):
        return column
    expected = "texts, numbers, dates, or true and false, as in training"
    raise unreadable(column, place, expected)


def as_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of names as a dictionary: dates and times as texts, since they are no amounts.

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
    """Return the different values as canonical texts, and the index of every row's value.

    Missing rows have the index after the last; NaN among the values is None.
    """
    values, indices = _encoded(column)
    encoded = canonical_texts(values).dictionary_encode(null_encoding="encode")
    number = np.append(encoded.indices.to_numpy(), len(encoded.dictionary))
    return encoded.dictionary.to_pylist(), number[indices]


def _found(texts: pa.Array, names: pa.Array) -> np.ndarray:
    """Return the place of every text among names, the first where one is there twice; -1 for none."""
    return pc.index_in(texts, value_set=names).fill_null(-1).to_numpy(zero_copy_only=False)


def _summed(values: pa.Array, sums: np.ndarray) -> tuple[pa.Array, np.ndarray]:
    """Return the different ones of some values, and of each the sum over its places."""
    encoded = values.dictionary_encode()
    totals = np.bincount(encoded.indices.to_numpy(), sums, minlength=len(encoded.dictionary))
    return encoded.dictionary, totals


def _encoded(column: pa.ChunkedArray) -> tuple[pa.Array, np.ndarray]:
    """Return the different values, and the index of every row's: after the last, if it has none."""
    if pa.types.is_null(column.type):
        # Arrow does not unify dictionaries of nulls.
        column = column.cast(pa.string())
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(decoded(column))
    encoded = column.unify_dictionaries().combine_chunks()
    indices = pc.fill_null(encoded.indices.cast(pa.int64()), len(encoded.dictionary))
    return encoded.dictionary, indices.to_numpy()


def _heaviest(values: pa.Array, sums: np.ndarray, most: int) -> np.ndarray:
    """Return the numbers of the heaviest values, of equal ones the first by name.

    >>> print(_heaviest(pa.array(["c", "b", "a", "d"]), np.array([1.0, 1.0, 1.0, 5.0]), 2))
    [2 3]
    """
    if len(sums) <= most:
        return np.arange(len(sums))
    least = np.partition(sums, -most)[-most]
    heavier, equal = np.flatnonzero(sums > least), np.flatnonzero(sums == least)
    room = most - len(heavier)
    if len(equal) > room:
        names = values.take(pa.array(equal))
        order = pc.select_k_unstable(names, room, [("", "ascending")]).to_numpy()
        equal = equal[order]
    return np.union1d(heavier, equal)


def is_missing(value: object) -> bool:
    """Whether a value out of Arrow is None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))
