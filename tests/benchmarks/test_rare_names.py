"""The benchmark of shared statistics: its data, and what its variants have."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

import rare_names
from epochal.loader import target_tables
from epochal.preprocessing.name_candidates import Names
from epochal.tables import categories


def vocabulary():
    """Return the vocabulary of 30 names if there is room for 20."""
    texts = pa.array([f"{number}" for number in range(30)])
    (names,) = Names.of("shop", texts, np.arange(2.0, 32.0))
    return names.vocabulary(20)


def test_variants_have_the_names_that_they_say():
    """The most frequent ones only, or half of them and shared ones; and room for all."""
    size, unique = target_tables.MAX_TABLE_SIZE, categories.MOST_UNIQUE
    with rare_names.limited("the most frequent"):
        assert (len(vocabulary().names), vocabulary().buckets) == (20, 0)
    with rare_names.limited("one for each name"):
        assert size < target_tables.MAX_TABLE_SIZE
        assert unique < categories.MOST_UNIQUE
    with rare_names.limited("and shared ones"):
        assert (len(vocabulary().names), vocabulary().buckets) == (10, 10)
    assert (size, unique) == (target_tables.MAX_TABLE_SIZE, categories.MOST_UNIQUE)


def test_the_least_loss_is_that_of_the_true_probabilities(monkeypatch):
    """It is below chance; names by Zipf's law are unequally frequent."""
    monkeypatch.setattr(rare_names, "TESTED", 1000)
    for zipf in (False, True):
        data = rare_names.made(50, 2000, zipf=zipf)
        assert data.table.num_rows == len(data.labels) == 3000
        assert 0.3 < data.least < 0.6
        most = max(data.table["name"].value_counts().field("counts").to_pylist())
        assert (most > 300) == zipf


def test_a_table_of_losses_is_printed(capsys, monkeypatch):
    """One line a law, one column a variant."""
    monkeypatch.setattr(rare_names, "TESTED", 1000)
    monkeypatch.setattr(rare_names, "losses", lambda _: [0.5, 0.4, 0.3, 0.2])
    assert rare_names.main(["--names", "20", "--rows", "100"]) == 0
    assert "| by Zipf's law | 0.5000 | 0.4000 | 0.3000 | 0.2000 |" in capsys.readouterr().out
