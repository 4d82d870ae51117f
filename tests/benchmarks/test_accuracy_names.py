"""How methods stand on tables with many categories."""

from __future__ import annotations

import json

import numpy as np
import pytest

import accuracy_names as names


def _row(dataset, method, loss, **more):
    """Return a result."""
    row = {"dataset": dataset, "method": method, "seed": 0, "log_loss": loss, "machine": "M."}
    return {**row, **more}


ROWS = [
    _row("a", "epochal:default", 0.2),
    _row("a", "epochal:fast", 0.1),
    _row("a", "cat", 0.4),
    _row("b", "epochal:default", 0.55),
    _row("b", "epochal:fast", 0.6),
    _row("b", "cat", 0.5),
    _row("golub_leukemia", "epochal:default", 0.5),
    _row("golub_leukemia", "cat", 0.1),
    _row("a", "lgbm", 0.3),
]


def test_only_the_first_random_split_is_shown():
    """Other seeds and splits are left out; a failure is missing."""
    values = names.losses(
        [
            *ROWS,
            _row("a", "cat", 9.0, seed=1),
            _row("a", "cat", 9.0, split="time"),
            {"dataset": "b", "method": "lgbm", "seed": 0, "failed": "no"},
        ]
    )

    assert list(values.index) == ["cat", "epochal:default", "epochal:fast", "lgbm"]
    assert values["a"]["cat"] == 0.4
    assert np.isnan(values["b"]["lgbm"])


def test_ranks_are_means_over_the_tables_of_a_method():
    """The best is first; a table without categories and an ablation take no part."""
    order = names.ranks(names.losses([*ROWS, _row("a", "epochal:fast:l2=0.1", 0.01)]))

    assert order.index[-1] == "epochal:fast:l2=0.1"
    assert np.isnan(order["rank"].iloc[-1])
    assert dict(order["rank"].iloc[:-1]) == {
        "epochal:default": 2.0,
        "epochal:fast": 2.0,
        "cat": 2.5,
        "lgbm": 3.0,
    }
    assert dict(order["tables"])["lgbm"] == 1


def test_the_default_is_compared_with_peers_alone():
    """Its own other presets are none."""
    away = names.distances(names.losses(ROWS))

    assert away["a"] == pytest.approx(100 * (0.2 / 0.3 - 1))
    assert away["b"] == pytest.approx(10.0)
    assert away["golub_leukemia"] == pytest.approx(400.0)


def test_the_page_tells_where_the_default_is_far_from_the_best(tmp_path, capsys, monkeypatch):
    """The table goes between its markers; a method that lacks tables says so."""
    results, page = tmp_path / "r.jsonl", tmp_path / "page.md"
    results.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    page.write_text("\n".join(names.pages.markers("accuracy-names", "accuracy_names.py")))
    monkeypatch.setattr(names, "PAGE", page)

    assert names.main(["--results", str(results), "--write"]) == 0

    text = capsys.readouterr().out
    assert "| method | mean rank | a | b | golub_leukemia |" in text
    assert "| `cat` | 2.50 | 0.4000 | **0.5000** | **0.1000** |" in text
    assert "| `lgbm` | 3.00 (1 of 2) | 0.3000 | – | – |" in text
    assert "| `epochal:default` against the best peer |  | -33.3 % | +10.0 % | +400.0 % |" in text
    assert "above the best peer: b (+10.0 %, best `cat`), golub_leukemia (+400.0 %" in text
    assert text.strip() in page.read_text()
