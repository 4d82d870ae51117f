"""How columns of categories are read: as names or as texts, and which target statistics are informative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.config.settings import SETTINGS
from epochal.preprocessing.name_candidates import are_texts, name_candidates
from epochal.preprocessing.name_selection import TARGET_FOLDS, Sample, selected_names
from epochal.preprocessing.vocabulary import words_of
from epochal.tables.categories import ValueCounts
from epochal.tables.read_as import BY_VALUES
from epochal.tables.schema import kind_of

if TYPE_CHECKING:
    from epochal.tables.read_as import ReadAs
    from epochal.tables.rows import Rows


@dataclass(frozen=True)
class Reading:
    """How a column of categories is read, how many words its values have, and whether the user said so.

    The average is over the rows.
    """

    read_as: Literal["names", "text"]
    words_per_value: float
    by_option: bool

    @classmethod
    def of(cls, texts: pa.Array, counts: np.ndarray, *, has_words: bool | None) -> Reading:
        """Return the reading of a column.

        Args:
            texts: its unique values as canonical texts, of which there is at least one.
            counts: the rows with each.
            has_words: whether the user reads it as texts, or as names; None: the values decide.

        >>> Reading.of(pa.array(["bank clerk", "cook"]), np.array([2, 2]), has_words=True)
        Reading(read_as='text', words_per_value=1.5, by_option=True)
        """
        words, rows = float(counts[words_of(texts)[1]].sum()), float(counts.sum())
        by_option = has_words is not None
        if has_words is None:
            many = len(texts) > SETTINGS["max_categories"].default
            has_words = many and are_texts(words, rows)
        return cls("text" if has_words else "names", words / rows, by_option)


class NameUse(NamedTuple):
    """A column that may have target statistics, and which of them are used.

    It has more categories than have vectors of their own, or the user reads it as texts.
    """

    column: str
    names: bool
    words: bool
    pairs: tuple[str, ...]  # the other columns of pairs


def name_uses(
    rows: Rows,
    labels: np.ndarray,
    max_categories: int | None = None,
    read_as: ReadAs = BY_VALUES,
) -> list[NameUse]:
    """Return which target statistics columns have, by the tests of a fit.

    Args:
        rows: a sample of the rows; arrays have no such columns.
        labels: class numbers, shape (rows,).
        max_categories: the setting; None: its default.
        read_as: the columns that the user reads as names or as texts.

    >>> job, city = (np.arange(4000) % n for n in (300, 7))
    >>> table = pa.table({"job": job.astype(str), "city": city.astype(str)})
    >>> name_uses(table, job % 2)
    [NameUse(column='job', names=True, words=False, pairs=())]
    """
    most = SETTINGS["max_categories"].default if max_categories is None else max_categories
    if not isinstance(rows, pa.Table) or not len(labels):
        return []
    texts = [f.name for f in rows.schema if kind_of(f.type, f.name) == "category"]
    ones = np.ones(len(labels))
    counts = {name: ValueCounts.of(rows.column(name), ones) for name in texts}
    many = [name for name in texts if counts[name].levels(most).other]
    shown = [name for name in texts if name in many or read_as.has_words(name)]
    if not shown:
        return []
    candidates = name_candidates(counts, many, read_as)
    folds = np.random.default_rng(0).permutation(len(labels)) % TARGET_FOLDS
    sample = Sample(rows.select(texts), labels, ones, folds)
    found = selected_names(sample, texts, candidates, int(labels.max()) + 1)
    single = {(names.columns[0], names.words > 0) for names in found if len(names.columns) == 1}
    pairs = [names.columns for names in found if len(names.columns) == 2]
    return [
        NameUse(
            column=name,
            names=(name, False) in single,
            words=(name, True) in single,
            pairs=tuple(other for pair in pairs if name in pair for other in pair if other != name),
        )
        for name in shown
    ]
