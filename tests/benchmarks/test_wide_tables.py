"""Made tables are what the page says of them."""

from __future__ import annotations

import numpy as np
import pytest

import wide_tables


@pytest.mark.parametrize("number", [0, 3])
def test_made_tables_have_their_shape(number: int) -> None:
    """They have the rows, columns and classes of their shape, constant and repeated columns, and gaps."""
    rows, columns, classes = wide_tables.SHAPES[number]
    train, labels, test, test_labels = wide_tables.made(number)
    same = train.T.drop_duplicates()

    assert train.shape == (rows, columns)
    assert len(same) < columns
    assert (train.nunique() <= 1).any()
    assert train.isna().any(axis=None)
    assert set(test_labels) <= set(labels)
    assert 2 <= len(set(labels)) <= classes
    assert len(test) == len(test_labels)


def test_a_made_table_is_always_the_same() -> None:
    """Its number decides all of it."""
    first, second = (wide_tables.made(12) for _ in range(2))

    assert first.train.equals(second.train)
    np.testing.assert_array_equal(first.test_labels, second.test_labels)


def test_tables_are_named_by_ranges() -> None:
    """A range of numbers or seeds names each of them."""
    names = [name for name, _ in wide_tables.tables("made:1-3,golub_leukemia:0", [])]

    assert names == ["made:1", "made:2", "made:3", "golub_leukemia:0"]


def test_larger_tables_have_more_rows() -> None:
    """Their shapes are others, made in the same way."""
    (name, make), *_ = wide_tables.tables("larger:2", [])
    table = make()

    assert name == "larger:2"
    assert (*table.train.shape, len(set(table.train_labels))) == wide_tables.LARGER_SHAPES[2]


def test_an_unknown_method_is_refused() -> None:
    """The error says which there are."""
    with pytest.raises(ValueError, match="there are logreg_cv, cat"):
        wide_tables.method_of("forest")
