"""Candidates for target statistics: names of columns with many categories, and words of texts.

Those that are selected become vocabularies, which share the room that there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.preprocessing.vocabulary import Vocabulary, consecutive, words_of
from epochal.tables.categories import Rare, sums_by_value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from epochal.tables.categories import ValueCounts
    from epochal.tables.read_as import ReadAs

# If a smaller share of the rows has a name that occurs twice, names carry no information about other rows.
MIN_REPEATED_SHARE = 0.01
# Texts with fewer words on average are names, not texts.
WORDS_OF_TEXTS = 1.3


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
                [(words, parents), consecutive(words, parents)], 1
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


def name_candidates(
    counts: Mapping[str, ValueCounts], many: Collection[str], read_as: ReadAs
) -> list[Names]:
    """Return the names of columns with many categories that recur, and the words of texts.

    Args:
        counts: the value counts of each column of categories.
        many: the columns with more categories than have vectors. Names of others have no
            statistics, and words of others only where the user reads them as texts.
        read_as: the columns that the user reads as names or as texts.

    >>> import numpy as np, pyarrow as pa
    >>> from epochal.tables.categories import ValueCounts
    >>> from epochal.tables.read_as import ReadAs
    >>> column = pa.chunked_array([["bank clerk", "clerk", "bank clerk"]])
    >>> counts = {"job": ValueCounts.of(column, np.ones(3))}
    >>> [names.words for names in name_candidates(counts, ["job"], ReadAs())]
    [0, 1, 2]
    >>> [names.words for names in name_candidates(counts, [], ReadAs(texts=("job",)))]
    [1, 2]
    """
    candidates = []
    for column, of_column in counts.items():
        has_words = read_as.has_words(column)
        if column not in many and not has_words:
            continue
        found = of_column.combined()
        rare = found.most_dropped, found.rare
        names = Names.of(column, *found.by_text(), *rare, has_words=has_words)
        candidates += [one for one in names if one.words or column in many]
    return candidates


def are_texts(words: float, rows: float) -> bool:
    """Whether values with so many words, in all rows together, are texts and not names."""
    return words >= WORDS_OF_TEXTS * rows


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
