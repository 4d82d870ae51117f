"""The ablation of target statistics: variants that select fewer kinds of names."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

import names_ablation
from epochal.preprocessing import name_selection
from epochal.preprocessing.name_candidates import Names


def kinds() -> list[int]:
    """Return the numbers of words of the candidates of a column of texts."""
    texts = pa.array(["a b", "a b c", "b c"])
    return [names.words for names in Names.of("title", texts, np.array([2.0, 2.0, 2.0]))]


def test_a_variant_has_fewer_kinds_of_names():
    """Within it there are only these, and no more pairs of columns than it says; afterwards all again."""
    before, pairs = kinds(), name_selection.MAX_PAIRS
    with names_ablation.limited(1, 0):
        assert kinds() == [0, 1]
        assert name_selection.MAX_PAIRS == 0
    assert kinds() == before == [0, 1, 2]
    assert pairs == name_selection.MAX_PAIRS


def test_every_variant_has_what_those_before_it_have():
    """The first has no target statistics, and the last is the default."""
    first, *limits = names_ablation.VARIANTS.values()
    assert first is None
    assert limits == sorted(limits)
    assert limits[-1] == (2, name_selection.MAX_PAIRS)


def test_a_table_of_losses_is_printed(suite, capsys, monkeypatch):
    """One line a table, one column a variant."""
    monkeypatch.setattr(names_ablation, "losses", lambda *_: [0.5, 0.4, 0.3, 0.2, 0.1])
    assert names_ablation.main([str(suite), "--tables", "first"]) == 0
    out = capsys.readouterr().out
    assert "| first | 0.5000 | 0.4000 | 0.3000 | 0.2000 | 0.1000 |" in out
    assert "second" not in out
