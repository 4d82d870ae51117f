"""The benchmark of checkpoints measures each of them."""

import checkpoint_cost


def test_a_small_training_is_measured(capsys, monkeypatch):
    """One line a training: waiting, its share of a minute, writing, size."""
    small = {"preset": "fast", "hidden_layer_sizes": (4,), "embedding_size": None}
    monkeypatch.setattr(checkpoint_cost, "TRAININGS", {"small": (200, 3, 2, small)})
    assert checkpoint_cost.main([]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    name, *figures = [cell.strip() for cell in line.strip("|").split("|")]
    assert name == "small"
    assert len(figures) == 4
    assert float(figures[0]) >= 0
    assert 0 <= float(figures[-1]) < 1
