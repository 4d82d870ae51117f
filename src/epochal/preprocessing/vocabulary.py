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
from epochal.tables.categories import Rare, codes, sums_by_value, unique_values
from epochal.tables.text_hashes import buckets_of, text_hashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.tables.schema import Schema

# Words of a text that are looked up: the first ones.
WORDS = 12
# If a smaller share of the rows has a name that occurs twice, names carry no information about other rows.
MIN_REPEATED_SHARE = 0.01
# Texts with fewer words on average are names, not texts.
WORDS_OF_TEXTS = 1.3
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
        return self.other + max(self.buckets, 1)

    @property
    def other(self) -> int:
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
            unknown = np.flatnonzero(numbers == self.other)
            numbers[unknown] += self._buckets(canonical_texts(values.take(pa.array(unknown))))
            # The last row is that of missing values.
            return np.append(numbers, len(self.names))[indices][:, None]
        found, parents = words_of(canonical_texts(values), self.words)
        known = pc.index_in(found, value_set=pa.array(self.names, pa.large_string()))
        # An unknown word is looked up as well: in training each word was known, if only by its own row.
        numbers = known.fill_null(self.other).to_numpy(zero_copy_only=False).copy()
        unknown = np.flatnonzero(numbers == self.other)
        numbers[unknown] += self._buckets(found.take(pa.array(unknown)))
        # Which of its text's words each is: parents are in order.
        rank = np.arange(len(parents)) - np.searchsorted(parents, parents)
        # The last row is that of missing values.
        result = np.full((len(values) + 1, WORDS), -1, np.int64)
        first = rank < WORDS
        result[parents[first], rank[first]] = numbers[first]
        return np.take(result, indices, axis=0)

    @property
    def substitutes(self) -> np.ndarray:
        """Of each entry the one that a name has which is not in the vocabulary, (entries,)."""
        entries = np.arange(self.entries)
        entries[: len(self.names)] = self.other
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
    return (found, parents) if words == 1 else _consecutive(found, parents)


def _consecutive(words: pa.Array, parents: np.ndarray) -> tuple[pa.Array, np.ndarray]:
    """Return the pairs of consecutive words of each text, and the number of each pair's text."""
    first = np.flatnonzero(parents[1:] == parents[:-1])
    pairs = words.take(pa.array(first)), words.take(pa.array(first + 1))
    separator = pa.scalar(" ", pa.large_string())
    return pc.binary_join_element_wise(*pairs, separator), parents[first]


def are_texts(words: float, rows: float) -> bool:
    """Whether values with so many words, in all rows together, are texts and not names."""
    return words >= WORDS_OF_TEXTS * rows


class Names(NamedTuple):
    """The unique names of a column, or its words, and the weight of each: of what a vocabulary is made."""

    columns: tuple[str, ...]
    words: int
    texts: pa.Array
    weights: np.ndarray
    max_absent_weight: float = 0.0  # names of this weight or less may be absent
    rare: Rare = Rare()  # names that are absent

    @classmethod
    def of(
        cls,
        column: str,
        texts: pa.Array,
        weights: np.ndarray,
        max_absent_weight: float = 0.0,
        rare: Rare = Rare(),  # noqa: B008  (a tuple)
        *,
        has_words: bool | None = None,
    ) -> tuple[Names, ...]:
        """Return the names of a column, and its words if its values are texts; those that recur.

        Args:
            column: its name.
            texts: its unique values as canonical texts.
            weights: the weight of the rows of each.
            max_absent_weight: values of this weight or less may be absent.
            rare: the values that are absent.
            has_words: whether the values are texts; None: if they have several words on average.

        >>> titles = pa.array(["bank clerk", "senior bank clerk", "cook"])
        >>> for names in Names.of("job", titles, np.array([2.0, 1.0, 1.0])):
        ...     print(names.words, names.texts.to_pylist(), names.weights)
        0 ['bank clerk', 'senior bank clerk', 'cook'] [2. 1. 1.]
        1 ['bank', 'clerk', 'senior', 'cook'] [3. 3. 1. 1.]
        2 ['bank clerk', 'senior bank'] [3. 1.]
        """
        found = [cls((column,), 0, texts, weights, max_absent_weight, rare)]
        if has_words is False:
            return tuple(names for names in found if names.recur)
        words, parents = words_of(texts)
        if has_words or are_texts(float(weights[parents].sum()), float(weights.sum())):
            for number, (names, of) in enumerate(
                [(words, parents), _consecutive(words, parents)], 1
            ):
                found.append(
                    cls((column,), number, *sums_by_value(names, weights[of]), max_absent_weight)
                )
        return tuple(names for names in found if names.recur)

    @property
    def recur(self) -> bool:
        """Whether more than hardly a row has a name that another one has as well."""
        repeated = float(self.weights[self.weights > 1].sum())
        repeated += max(self.rare.weight - self.rare.distinct, 0.0)
        total = float(self.weights.sum()) + self.rare.weight
        return repeated > 0 and repeated >= MIN_REPEATED_SHARE * total

    @property
    def distinct(self) -> float:
        """About how many names there are, the absent ones included; infinite: unknown."""
        return len(self.weights) + self.rare.distinct

    def vocabulary(self, most: int) -> Vocabulary:
        """Return the vocabulary with at most so many entries.

        If there are more names, the heaviest ones have half of the entries, and the others share the
        other half. Names of equal weights are all in the vocabulary, or none.
        """
        least = self.max_absent_weight
        most_names = most if self.distinct <= most else most // 2
        if len(self.weights) > most_names:
            least = max(least, float(-np.partition(-self.weights, most_names)[most_names]))
        chosen = np.flatnonzero(self.weights > least)
        others = min(self.distinct - len(chosen), most - len(chosen))
        return Vocabulary(
            self.columns,
            self.words,
            tuple(sorted(self.texts.take(pa.array(chosen)).to_pylist())),
            least,
            buckets=int(others) if self.distinct > most or self.rare.weight else 0,
        )


def vocabularies(names: Sequence[Names], most: int) -> tuple[Vocabulary, ...]:
    """Return the vocabularies of names, then those of words, with at most so many entries together.

    Those that need less than their share leave the rest to the others.
    """
    shares, free = {}, most
    for left, index in enumerate(sorted(range(len(names)), key=lambda n: names[n].distinct)):
        shares[index] = int(min(names[index].distinct, free // (len(names) - left)))
        free -= shares[index]
    found = [each.vocabulary(shares[index]) for index, each in enumerate(names)]
    return tuple(
        sorted((v for v in found if v.names or v.buckets), key=lambda vocabulary: vocabulary.words)
    )


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
