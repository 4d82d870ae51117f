"""Crosses: pairs of columns that say more of the class than both of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from epochal.preprocessing.crosses import MOST_PAIRS, Sample, crosses

ROWS = 6000


def sample_of(columns: dict[str, np.ndarray], labels: np.ndarray) -> Sample:
    """Return a sample with four folds."""
    table = pa.table({name: values.astype(str) for name, values in columns.items()})
    return Sample(table, labels, np.ones(len(labels)), np.arange(len(labels)) % 4)


def test_a_pair_that_decides_is_found(rng: np.random.Generator) -> None:
    """The class depends on both names together; each alone, and a third column, say nothing."""
    a, b, c = rng.integers(15, size=(3, ROWS))
    labels = ((a * 5 + b * 3) % 7 < 3).astype(int)
    found = crosses(sample_of({"a": a, "b": b, "c": c}, labels), ["c", "a", "b"], {"a"}, 2)
    assert [set(names.columns) for names in found] == [{"a", "b"}]
    assert float(found[0].weights.sum()) == ROWS


def test_columns_that_add_up_are_not_crossed(rng: np.random.Generator) -> None:
    """Where log-odds of single columns are all there is to know, no pair pays."""
    a, b = rng.integers(30, size=(2, ROWS))
    of_names = rng.normal(size=(2, 30))
    p = 1 / (1 + np.exp(-(of_names[0, a] + of_names[1, b])))
    labels = (rng.random(ROWS) < p).astype(int)
    assert crosses(sample_of({"a": a, "b": b}, labels), ["a", "b"], {"a", "b"}, 2) == ()


def test_random_labels_have_no_crosses(rng: np.random.Generator) -> None:
    """Among 66 pairs none seems to pay by chance."""
    columns = {f"c{number}": rng.integers(40, size=ROWS) for number in range(12)}
    labels = rng.integers(3, size=ROWS)
    assert crosses(sample_of(columns, labels), [*columns], set(columns), 3) == ()


def test_pairs_without_many_names_are_left_to_the_network(rng: np.random.Generator) -> None:
    """Only pairs with one of the named columns are tested."""
    a, b = rng.integers(15, size=(2, ROWS))
    labels = ((a + b) % 2).astype(int)
    assert crosses(sample_of({"a": a, "b": b}, labels), ["a", "b"], set(), 2) == ()


def test_a_pair_that_repeats_another_is_not_taken(rng: np.random.Generator) -> None:
    """Of two columns that are the same, one is crossed."""
    a, b = rng.integers(15, size=(2, ROWS))
    labels = ((a * 5 + b * 3) % 7 < 3).astype(int)
    columns = {"a": a, "again": a + 100, "b": b}
    found = crosses(sample_of(columns, labels), [*columns], set(columns), 2)
    assert len(found) == 1


def test_one_column_has_no_pairs(rng: np.random.Generator) -> None:
    """There is nothing to cross."""
    a = rng.integers(15, size=100)
    assert crosses(sample_of({"a": a}, a % 2), ["a"], {"a"}, 2) == ()


def test_no_more_pairs_than_there_is_room_for_are_taken(rng: np.random.Generator) -> None:
    """Where each of very many pairs decides a part of the rows, the best are taken."""
    columns = {f"c{number}": rng.integers(8, size=ROWS) for number in range(8)}
    values = np.stack([*columns.values()])
    which = values[0] % 4
    labels = ((values[2 * which % 8, np.arange(ROWS)] + values[1]) % 2).astype(int)
    found = crosses(sample_of(columns, labels), [*columns], set(columns), 2)
    assert 1 <= len(found) <= MOST_PAIRS
