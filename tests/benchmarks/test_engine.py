"""The timing of the engine's parts, at a small size."""

from __future__ import annotations

import engine


def test_it_prints_a_line_for_each_shape(monkeypatch, capsys):
    """Each shape has a line with the times of each table, and how much faster the last one is."""
    monkeypatch.setattr(engine, "ROUNDS", 1)
    monkeypatch.setattr(engine, "GROUPED", (engine.Shape((3, 4, 2), 8, 2),))
    monkeypatch.setattr(engine, "SINGLE", (engine.Shape((3, 4, 2), 8, 2),))

    assert engine.main() == 0

    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert all(line.startswith("| 3→4→2 | 8 |") for line in lines[2::3])
    assert [line.count("|") for line in lines] == [6] * 3 + [8] * 3 + [6] * 3
