"""Which columns are candidates for target statistics, of names and of words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from epochal.preprocessing.name_candidates import name_candidates
from epochal.tables.categories import ValueCounts
from epochal.tables.read_as import BY_VALUES, ReadAs

TABLE = pa.table(
    {
        "title": ["bank clerk", "night clerk", "bank clerk", "night cook"] * 5,
        "code": ["x", "y", "x", "y"] * 5,
    }
)
COUNTS = {name: ValueCounts.of(TABLE.column(name), np.ones(20)) for name in TABLE.column_names}


def candidates(many: list[str], read_as: ReadAs) -> dict[str, list[int]]:
    """Return the numbers of words of each column's candidates."""
    found: dict[str, list[int]] = {}
    for names in name_candidates(COUNTS, many, read_as):
        found.setdefault(names.columns[0], []).append(names.words)
    return found


def test_columns_with_many_categories_are_candidates() -> None:
    """Their names, and their words if the values have several; columns with few are none."""
    assert candidates(["title", "code"], BY_VALUES) == {"title": [0, 1, 2], "code": [0]}
    assert candidates(["code"], BY_VALUES) == {"code": [0]}
    assert candidates([], BY_VALUES) == {}


def test_names_have_no_words() -> None:
    """Whatever the values are."""
    assert candidates(["title", "code"], ReadAs(names=("title",))) == {"title": [0], "code": [0]}
    assert candidates([], ReadAs(names=("title",))) == {}


def test_texts_have_words_whatever_their_number() -> None:
    """Also of one word, and of few values; then names have vectors, and need no statistics."""
    texts = ReadAs(texts=("title", "code"))
    assert candidates(["title", "code"], texts) == {"title": [0, 1, 2], "code": [0, 1]}
    assert candidates([], texts) == {"title": [1, 2], "code": [1]}


def test_dropped_values_may_be_absent() -> None:
    """What the counts have dropped to bound the memory, a vocabulary must not tell of."""
    dropped = {"code": COUNTS["code"]._replace(dropped=3.0)}
    (names,) = name_candidates(dropped, ["code"], BY_VALUES)
    assert names.max_absent_weight == 10.0
