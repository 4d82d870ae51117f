"""How columns with many categories are read."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from epochal.profiling.names import Reading, name_uses
from epochal.tables.read_as import ReadAs

ROWS = 4000


def test_each_use_is_told(rng: np.random.Generator) -> None:
    """Names that decide, words that decide, names that say nothing, and few categories, which are no names."""
    shop, noise = rng.integers(400, size=(2, ROWS))
    words = rng.integers(50, size=(3, ROWS))
    table = pa.table(
        {
            "shop": shop.astype(str),
            "noise": noise.astype(str),
            "title": [f"w{a} w{b} w{c}" for a, b, c in words.T],
            "sex": (shop % 2).astype(str),
        }
    )
    labels = ((shop * 7 % 11 < 5) ^ np.isin(words, np.arange(9)).any(axis=0)).astype(int)
    labels = np.where(rng.random(ROWS) < 0.3, shop * 7 % 11 < 5, labels)
    labels = np.where(rng.random(ROWS) < 0.3, np.isin(words, np.arange(9)).any(axis=0), labels)
    uses = {use.column: use for use in name_uses(table, labels)}
    assert [*uses] == ["shop", "noise", "title"]
    assert uses["shop"].names
    assert uses["title"].words
    assert not uses["noise"].names


def test_pairs_are_told_from_both_sides(rng: np.random.Generator) -> None:
    """Each column of a pair names the other."""
    a, b = rng.integers(70, size=(2, 5 * ROWS))
    table = pa.table({"a": a.astype(str), "b": b.astype(str)})
    uses = name_uses(table, (a * 5 + b * 3) % 7 // 4)
    assert {use.column: use.pairs for use in uses} == {"a": ("b",), "b": ("a",)}


def test_few_categories_and_arrays_are_no_names(rng: np.random.Generator) -> None:
    """There is nothing to tell."""
    labels = rng.integers(2, size=100)
    assert name_uses(pa.table({"a": labels.astype(str)}), labels) == []
    assert name_uses(rng.normal(size=(100, 2)), labels) == []


def test_a_text_of_few_values_is_told_of_too(rng: np.random.Generator) -> None:
    """If the user says that it is one, its words may pay; names of several words have none."""
    a, b = rng.integers(6, size=(2, ROWS))
    table = pa.table(
        {"title": [f"{'abcdef'[one]} {'uvwxyz'[other]}" for one, other in zip(a, b, strict=True)]}
    )
    labels = a % 2
    assert name_uses(table, labels) == []
    (told,) = name_uses(table, labels, read_as=ReadAs(texts=("title",)))
    assert (told.column, told.names, told.words) == ("title", False, True)
    (names,) = name_uses(table, labels, 30, ReadAs(names=("title",)))
    assert (names.names, names.words) == (True, False)


def test_readings_have_their_reason() -> None:
    """Few values are names; of many the words decide, weighed by the rows, unless the user does."""
    few = pa.array(["bank clerk", "senior bank clerk"])
    many = pa.array([f"item {chr(97 + n // 10)}{chr(97 + n % 10)}" for n in range(100)])
    rows = np.arange(1, 101)
    assert Reading.of(few, np.array([3, 1]), has_words=None) == Reading(
        "names", 2.25, by_option=False
    )
    assert Reading.of(few, np.array([3, 1]), has_words=True) == Reading(
        "text", 2.25, by_option=True
    )
    assert Reading.of(many, rows, has_words=None) == Reading("text", 2.0, by_option=False)
    assert Reading.of(many, rows, has_words=False) == Reading("names", 2.0, by_option=True)
    ids = pa.array([text.as_py().removeprefix("item ") for text in many])
    assert Reading.of(ids, rows, has_words=None) == Reading("names", 1.0, by_option=False)


def test_a_larger_setting_leaves_fewer_columns(rng: np.random.Generator) -> None:
    """With as many vectors as names no column has too many."""
    a = rng.integers(100, size=ROWS)
    table = pa.table({"a": a.astype(str)})
    assert len(name_uses(table, a % 2, max_categories=64)) == 1
    assert name_uses(table, a % 2, max_categories=128) == []
