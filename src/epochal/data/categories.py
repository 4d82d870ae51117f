"""Categories of a column: what they are called, which are kept, and the code of every row.

Categories are compared as texts, so that 3, 3.0 and "3" are the same one, however a file or a
data frame happens to hold it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.data.numbers import decoded, is_text

if TYPE_CHECKING:
    from collections.abc import Sequence

# Different values of a column that are told apart while it is gone through.
MOST_KEPT = 2**17


class Levels(NamedTuple):
    """What a column of categories holds: the kept ones by name, and whether there is more."""

    categories: tuple[str, ...]
    has_missing: bool
    other: bool


def text_of(value: object) -> str:
    """Return a category as text: whole numbers without a fraction, the rest as Python prints it.

    >>> text_of(3.0), text_of(3), text_of(0.5), text_of(True), text_of("3")
    ('3', '3', '0.5', 'True', '3')
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


class Tally(NamedTuple):
    """The different values of some rows, what each weighs, and what rows without a value weigh.

    `dropped`: there were so many different values that the lightest were forgotten.
    `waiting`: tallies of further rows, whose values have not been looked up yet.
    """

    values: pa.Array
    sums: np.ndarray
    missing: float
    dropped: bool = False
    waiting: tuple[Tally, ...] = ()

    @classmethod
    def of(cls, column: pa.ChunkedArray, weight: np.ndarray) -> Tally:
        """Return the tally of the rows of a column that have a positive weight."""
        values, indices = _encoded(column)
        sums = np.bincount(indices, weights=weight, minlength=len(values) + 1)
        null = pc.is_null(values, nan_is_null=True).to_numpy(zero_copy_only=False)
        missing = sums[-1] + sums[:-1][null].sum()
        kept = np.flatnonzero((sums[:-1] > 0) & ~null)
        return cls(values.take(pa.array(kept)), sums[kept], float(missing))

    def merge(self, other: Tally) -> Tally:
        """Return the tally of the rows of both; of more than `MOST_KEPT` values the heavier half."""
        both = self._replace(waiting=(*self.waiting, other.settled()))
        # Many values are looked up again when there are as many others, not for every few.
        few = sum(len(tally.values) for tally in both.waiting) < len(self.values)
        return both if few else both.settled()

    def settled(self) -> Tally:
        """Return the same with nothing that waits."""
        if not self.waiting:
            return self
        tallies = (self, *self.waiting)
        every = pa.concat_arrays([tally.values for tally in tallies]).dictionary_encode()
        sums = np.bincount(
            every.indices.to_numpy(),
            weights=np.concatenate([tally.sums for tally in tallies]),
            minlength=len(every.dictionary),
        )
        values, dropped = every.dictionary, any(tally.dropped for tally in tallies)
        if len(values) > MOST_KEPT:
            chosen = _heaviest(values, sums, MOST_KEPT // 2)
            values, sums, dropped = values.take(pa.array(chosen)), sums[chosen], True
        return Tally(values, sums, sum(tally.missing for tally in tallies), dropped)

    def levels(self, most: int) -> Levels:
        """Return the categories, at most so many of them.

        The heaviest are kept (of equal ones the first by name); the result is in
        the order of the names.

        >>> Tally.of(pa.chunked_array([["b", "a", "b", None, "c"]]), np.ones(5)).levels(most=2)
        Levels(categories=('a', 'b'), has_missing=True, other=True)
        """
        settled = self.settled()
        values, sums = settled.values, settled.sums
        if is_text(values.type) and len(values) > most:
            # Different values are different texts: of a million only a few need be looked at.
            chosen = _heaviest(values, sums, most + 1)
            values, sums = values.take(pa.array(chosen)), sums[chosen]
        totals: dict[str, float] = {}
        for value, total in zip(values.to_pylist(), sums, strict=True):
            text = text_of(value)
            totals[text] = totals.get(text, 0.0) + float(total)
        ranked = sorted(totals, key=lambda text: (-totals[text], text))
        other = settled.dropped or len(ranked) > most
        return Levels(tuple(sorted(ranked[:most])), settled.missing > 0, other)


def codes(column: pa.ChunkedArray, categories: Sequence[str]) -> np.ndarray:
    """Return the number of every row's category; after the last, missing, then any other.

    >>> print(codes(pa.chunked_array([["b", None, "z", "a"]]), ["a", "b"]))
    [1 2 3 0]
    """
    count = len(categories)
    values, indices = _encoded(column)
    if is_text(values.type):
        # Nearly every row may have a text of its own.
        found = pc.index_in(values, value_set=pa.array(categories, values.type))
        table = np.where(values.is_null(), count, found.fill_null(count + 1)).tolist()
    else:
        code_of = {text: code for code, text in enumerate(categories)}
        texts = _texts_of(values)
        table = [count if text is None else code_of.get(text, count + 1) for text in texts]
    return np.take(np.array([*table, count], dtype=np.intp), indices)


def different(column: pa.ChunkedArray) -> tuple[list[str | None], np.ndarray]:
    """Return the different values as texts, and the index of every row's value.

    Missing rows have the index after the last; NaN among the values is None.
    """
    values, indices = _encoded(column)
    return _texts_of(values), indices


def _texts_of(values: pa.Array) -> list[str | None]:
    """Return values as texts; None for a missing one."""
    return [None if is_missing(value) else text_of(value) for value in values.to_pylist()]


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
    least = np.partition(sums, -most)[-most] if len(sums) > most else 0.0
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
