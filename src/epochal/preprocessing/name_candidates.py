"""Candidates for target statistics: names of columns with many categories, and words of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochal.preprocessing.vocabulary import Names

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from epochal.tables.categories import ValueCounts
    from epochal.tables.read_as import ReadAs


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
