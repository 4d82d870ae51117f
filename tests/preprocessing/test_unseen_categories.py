"""Unseen categories are counted, and reported if they are much more frequent than expected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from epochal.preprocessing.unseen_categories import UnseenCounts, probability_bound
from epochal.tables.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("age", "number"),
        Column("job", "category", ("cook",), unseen=0.01),
        Column("name", "category", ("ann",), other=True, unseen=0.9),
        Column("old", "category", ("x",)),
    ),
    named=True,
    shape=(4,),
)


def test_counts_of_pieces_are_those_of_the_whole():
    """Rows and counts add up; the first example stays."""
    first = UnseenCounts(10).with_column("job", 2, "Cook").with_column("name", 0, None)
    second = UnseenCounts(5).with_column("job", 1, "cooc").with_column("name", 5, "bob")

    merged = first.merge(second)

    assert merged.rows == 15
    assert merged.counts == {"job": 3, "name": 5}
    assert merged.examples == {"job": "Cook", "name": "bob"}
    assert UnseenCounts().merge(first) == first


@pytest.mark.parametrize(
    ("rows", "count", "column", "excessive"),
    [
        (1000, 10, "job", False),
        (1000, 400, "job", True),
        # A share twice as large, and one row as it may happen.
        (1000, 19, "job", False),
        (3, 1, "job", False),
        (3, 3, "job", True),
        # Every name was new in training too.
        (1000, 1000, "name", False),
        # Of an older model, which does not say what to expect.
        (1000, 1000, "old", False),
    ],
)
def test_only_excessive_shares_are_reported(rows, count, column, excessive):
    """A share is reported if it is much larger than expected and unlikely to be chance."""
    found = UnseenCounts(rows).with_column(column, count, "x").excesses(SCHEMA)

    assert [one.column for one in found] == [column] * excessive


def test_an_excess_says_column_share_count_and_example():
    """The message holds all that a user needs to find the cause."""
    (found,) = UnseenCounts(1000).with_column("job", 400, "Cook ").excesses(SCHEMA)

    text = str(found)

    for part in ("'job'", "40.0 %", "400 of 1,000", "'Cook '", "1.0 %", "spelled as in training"):
        assert part in text


@given(st.integers(1, 200), st.data(), st.floats(0.001, 0.999))
def test_the_bound_is_above_the_exact_chance(rows, data, share):
    """Chernoff's bound never calls a likely count unlikely."""
    count = data.draw(st.integers(0, rows))

    exact = binom.sf(count - 1, rows, share)

    assert probability_bound(count, rows, share) >= min(exact, 1.0) * (1 - 1e-9)
    assert np.isclose(probability_bound(rows, rows, share), share**rows)
