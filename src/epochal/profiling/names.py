"""How columns with many categories are used: whether their names, words and pairs are informative."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.config.settings import SETTINGS
from epochal.preprocessing.name_selection import TARGET_FOLDS, Sample, selected_names
from epochal.preprocessing.vocabulary import Names
from epochal.tables.categories import ValueCounts
from epochal.tables.schema import kind_of

if TYPE_CHECKING:
    from epochal.tables.rows import Rows


class NameUse(NamedTuple):
    """A column with more categories than have vectors of their own, and which of its target statistics are used."""

    column: str
    names: bool
    words: bool
    pairs: tuple[str, ...]  # the other columns of pairs


def name_uses(rows: Rows, labels: np.ndarray, max_categories: int | None = None) -> list[NameUse]:
    """Return how the columns with many categories are used, by the tests of a fit.

    Args:
        rows: a sample of the rows; arrays have no such columns.
        labels: class numbers, shape (rows,).
        max_categories: the setting; None: its default.

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
    if not many:
        return []
    candidates = [names for name in many for names in Names.of(name, *counts[name].by_text())]
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
        for name in many
    ]
