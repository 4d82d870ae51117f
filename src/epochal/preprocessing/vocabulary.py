"""Vocabularies: the names of a column, or the words of its texts, that have target statistics.

A column with more categories than have vectors of their own gets a vocabulary of names. A column
whose values are texts of several words gets one of words as well, so that rare names are known by
their parts.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.tables.canonical import canonical_texts
from epochal.tables.categories import codes, unique_values
from epochal.tables.text_hashes import buckets_of, text_hashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.tables.schema import Schema

# Words of a text that are looked up: the first ones.
WORDS = 12
# Consecutive words that are one name, at most.
MAX_WORDS = 2
# What is between the names of a pair.
JOINT = "\x1f"
# What is between words: anything but letters and digits; and where digits follow letters, or letters digits.
_BETWEEN = r"[^\pL\pN]+"
_BOUNDARIES = r"(\pL)(\pN)", r"(\pN)(\pL)"


class Vocabulary(NamedTuple):
    """The names of a column, or its words, sorted; each has an entry in the tables of statistics.

    Of two columns the names are pairs, joined. A name is a whole value (`words` is 0), one word of a
    text (1), or two consecutive words (2). The vocabulary has every name that occurs with more than the
    weight `max_absent_weight`, and no other. If there are too many, the rest share `buckets`: each has
    the entry that its hash chooses. Without buckets unknown names have one entry, without statistics.
    """

    columns: tuple[str, ...]
    words: int
    names: tuple[str, ...]
    max_absent_weight: float = 0.0
    buckets: int = 0

    @property
    def entries(self) -> int:
        """The number of entries: one for each name, then of missing values, then of all other names.

        Of words there is none for missing values.
        """
        return self.first_other + max(self.buckets, 1)

    @property
    def first_other(self) -> int:
        """The first entry of names that are not in the vocabulary."""
        return len(self.names) + (0 if self.words else 1)

    @property
    def width(self) -> int:
        """The number of features of a row: entries that are looked up."""
        return WORDS if self.words else 1

    def look_up(self, table: pa.Table) -> np.ndarray:
        """Return the entries of every row, from 0; of words those of the first ones, then -1.

        >>> table = pa.table({"job": ["cook", None, "Senior bank clerk"]})
        >>> names = Vocabulary(("job",), words=0, names=("clerk", "cook"))
        >>> print(names.look_up(table).tolist())
        [[1], [2], [3]]
        >>> words = Vocabulary(("job",), words=1, names=("bank", "clerk"))
        >>> print(words.look_up(table)[:, :3].tolist())
        [[2, -1, -1], [-1, -1, -1], [2, 0, 1]]
        """
        column = joined([table.column(name) for name in self.columns])
        values, indices = unique_values(column)
        if not self.words:
            numbers = codes(pa.chunked_array([values]), self.names).numbers
            unknown = np.flatnonzero(numbers == self.first_other)
            numbers[unknown] += self._buckets(canonical_texts(values.take(pa.array(unknown))))
            # The last row is that of missing values.
            return np.append(numbers, len(self.names))[indices][:, None]
        found, parents = words_of(canonical_texts(values), self.words)
        known = pc.index_in(found, value_set=pa.array(self.names, pa.large_string()))
        # An unknown word is looked up as well: in training each word was known, if only by its own row.
        numbers = known.fill_null(self.first_other).to_numpy(zero_copy_only=False).copy()
        unknown = np.flatnonzero(numbers == self.first_other)
        numbers[unknown] += self._buckets(found.take(pa.array(unknown)))
        # Which of its text's words each is: parents are in order.
        rank = np.arange(len(parents)) - np.searchsorted(parents, parents)
        # The last row is that of missing values.
        result = np.full((len(values) + 1, WORDS), -1, np.int64)
        first = rank < WORDS
        result[parents[first], rank[first]] = numbers[first]
        return np.take(result, indices, axis=0)

    @property
    def fallbacks(self) -> np.ndarray:
        """Of each entry the one that a name has which is not in the vocabulary, (entries,)."""
        entries = np.arange(self.entries)
        entries[: len(self.names)] = self.first_other
        if self.buckets:
            entries[: len(self.names)] += self._buckets(pa.array(self.names, pa.large_string()))
        return entries

    def _buckets(self, names: pa.Array) -> np.ndarray:
        """Return the bucket of each name, from 0; without buckets 0."""
        if not self.buckets:
            return np.zeros(len(names), np.int64)
        return buckets_of(text_hashes(names), self.buckets)

    def to_dict(self) -> dict[str, Any]:
        """Return the vocabulary as JSON-ready values."""
        return self._asdict() | {"columns": list(self.columns), "names": list(self.names)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Vocabulary:
        """Return the vocabulary that `to_dict` described; ValueError for anything else."""
        if not isinstance(values, dict) or set(values) != set(cls._fields):
            raise ValueError(f"a vocabulary has the keys {', '.join(cls._fields)}")
        columns, words, names, max_absent_weight, buckets = (values[name] for name in cls._fields)
        texts = all(
            isinstance(of, list) and all(type(t) is str for t in of) for of in (columns, names)
        )
        if not texts or type(words) is not int or not 0 <= words <= MAX_WORDS:
            raise ValueError("a vocabulary is not columns, a number of words, and a list of texts")
        if not 1 <= len(columns) <= (1 if words else 2) or len(set(columns)) != len(columns):
            raise ValueError(f"a vocabulary of the columns {columns}")
        if type(max_absent_weight) is not float or not 0 <= max_absent_weight < math.inf:
            raise ValueError(f"max_absent_weight of the vocabulary of {columns} is no weight")
        if type(buckets) is not int or not 0 <= buckets < 2**31:
            raise ValueError(f"buckets of the vocabulary of {columns} is {buckets!r}")
        if sorted(set(names)) != names:
            raise ValueError(
                f"the names of the vocabulary of {columns} are not sorted, or repeated"
            )
        return cls(tuple(columns), words, tuple(names), max_absent_weight, buckets)


def joined(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    r"""Return a column, or of two the pairs of their canonical texts; a missing one has the empty text.

    >>> joined([pa.chunked_array([["a", "b"]]), pa.chunked_array([[1, None]])]).to_pylist()
    ['a\x1f1', 'b\x1f']
    """
    if len(columns) == 1:
        return columns[0]
    (one, first), (other, second) = map(unique_values, columns)
    pairs, indices = np.unique(first * (len(other) + 1) + second, return_inverse=True)
    texts = [
        pa.concat_arrays([canonical_texts(values).cast(pa.string()), pa.nulls(1, pa.string())])
        .fill_null("")
        .take(pa.array(numbers))
        for values, numbers in zip((one, other), np.divmod(pairs, len(other) + 1), strict=True)
    ]
    pair_texts = pc.binary_join_element_wise(*texts, JOINT)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array(indices), pair_texts)])


def words_of(texts: pa.Array, words: int = 1) -> tuple[pa.Array, np.ndarray]:
    """Return the words of all texts in lower case, one text's after the other's, and the number of each word's text.

    A word has letters or digits, not both: `N12AA` has three.
    With `words` 2 these are pairs of consecutive words.

    >>> texts = pa.array(["Corolla LE new", None, "Yaris (2)"])
    >>> for number in (1, 2):
    ...     found, parents = words_of(texts, number)
    ...     print(found.to_pylist(), parents)
    ['corolla', 'le', 'new', 'yaris', '2'] [0 0 0 2 2]
    ['corolla le', 'le new', 'yaris 2'] [0 0 2]
    """
    texts = pc.utf8_lower(texts.cast(pa.large_string()))
    for boundary in _BOUNDARIES:
        texts = pc.replace_substring_regex(texts, boundary, r"\1 \2")
    lists = pc.split_pattern_regex(texts, _BETWEEN)
    found, parents = lists.flatten(), pc.list_parent_indices(lists).to_numpy()
    there = pc.not_equal(found, "").to_numpy(zero_copy_only=False)
    found, parents = found.filter(pa.array(there)), parents[there]
    return (found, parents) if words == 1 else consecutive(found, parents)


def consecutive(words: pa.Array, parents: np.ndarray) -> tuple[pa.Array, np.ndarray]:
    """Return the pairs of consecutive words of each text, and the number of each pair's text."""
    first = np.flatnonzero(parents[1:] == parents[:-1])
    pairs = words.take(pa.array(first)), words.take(pa.array(first + 1))
    separator = pa.scalar(" ", pa.large_string())
    return pc.binary_join_element_wise(*pairs, separator), parents[first]


def warn_of_buckets(vocabularies: Sequence[Vocabulary]) -> None:
    """Warn of columns with more names than can have statistics of their own; returns nothing.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_of_buckets([Vocabulary(("shop",), words=0, names=("a",), buckets=7)])
    >>> print(caught[0].message)
    column 'shop' has too many names: the 1 most frequent have statistics of their own, the others share 7
    """
    for vocabulary in vocabularies:
        if vocabulary.buckets and not vocabulary.words:
            columns = " and ".join(map(repr, vocabulary.columns))
            message = (
                f"column {columns} has too many names: the {len(vocabulary.names):,} most frequent "
                f"have statistics of their own, the others share {vocabulary.buckets:,}"
            )
            warnings.warn(message, UserWarning, stacklevel=2)


def entry_counts(vocabularies: Sequence[Vocabulary]) -> np.ndarray:
    """Return how many entries there are: one of no word, then those of each vocabulary; none of no vocabularies."""
    counts = [1, *(vocabulary.entries for vocabulary in vocabularies)]
    return np.array(counts if vocabularies else [], np.intp)


def first_entries(vocabularies: Sequence[Vocabulary]) -> np.ndarray:
    """Return the first entry of each vocabulary; entry 0 is that of no word."""
    return np.cumsum(entry_counts(vocabularies))[: len(vocabularies)]


def checked_vocabularies(values: Any, schema: Schema) -> tuple[Vocabulary, ...]:
    """Return the vocabularies that a list describes; ValueError for anything else."""
    if not isinstance(values, list):
        raise ValueError(f"vocabularies is {values!r}, expected a list")  # noqa: TRY004
    vocabularies = tuple(map(Vocabulary.from_dict, values))
    names = {column.name for column in schema.columns if column.kind == "category"}
    keys = [(vocabulary.words, vocabulary.columns) for vocabulary in vocabularies]
    if len(set(keys)) != len(keys) or not {c for _, columns in keys for c in columns} <= names:
        raise ValueError("the vocabularies are not of categories, or two are of one column")
    if [words for words, _ in keys] != sorted(words for words, _ in keys):
        raise ValueError("a vocabulary of words stands before one of names")
    return vocabularies
