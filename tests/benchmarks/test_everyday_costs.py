"""What one call takes in a process of its own, on sizes that take no time."""

from __future__ import annotations

import json

import numpy as np
import pytest

import everyday_costs as costs

TINY = costs.Shape((5, 8, 3), 50, 120, 1, ensemble=True)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    """Make networks small, and leave the environment as it was."""
    monkeypatch.setattr(costs, "MANY", TINY)
    monkeypatch.setattr(costs, "MEMBERS", 2)
    monkeypatch.setattr(costs, "GROWTH_ROWS", 200)
    monkeypatch.setenv("EPOCHAL_CACHE", "")


def test_both_sides_do_all_epochs_without_a_row_kept_apart():
    """Neither side stops early or judges, however little the loss improves."""
    x, y = np.zeros((60, 2), np.float32), np.arange(60) % 3
    ours, theirs = (
        make(hidden_layer_sizes=(4,), max_iter=15) for make in (costs.network, costs.peer)
    )
    costs.machine.seconds_of(lambda: (ours.fit(x, y), theirs.fit(x, y)))

    assert ours.n_iter_ == theirs.n_iter_ == 15
    assert ours.out_of_bag_ is None
    assert ours.validation_loss_curve_ == []


def test_both_sides_predict_the_same_rows_by_as_many_networks():
    """Each gives a mean of probabilities for every row."""
    said = [call() for call in costs.predictors(30).values()]

    assert [each.shape for each in said] == [(30, 3), (30, 3)]
    for each in said:
        np.testing.assert_allclose(each.sum(axis=1), 1.0, atol=1e-5)


def test_memory_beyond_what_was_there_is_that_of_the_call():
    """An array of 80 MB that a call fills takes 80 MB, and one of before does not count."""
    kept = np.ones(5_000_000)
    found = costs.beyond(lambda: np.ones(10_000_000))

    assert kept.sum() == 5_000_000
    assert 75 < found["beyond_mb"] < 110
    assert found["peak_mb"] > found["beyond_mb"] + 40


def test_a_point_of_a_curve_has_time_and_memory(capsys):
    """What the script prints for a shape is read as JSON."""
    assert costs.main([json.dumps({"rows": 80, "columns": 3, "members": 2, "width": 4})]) == 0

    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"seconds_per_epoch", "peak_mb", "beyond_mb"}
    assert 0 < found["seconds_per_epoch"] < 5


def test_memory_of_a_prediction_is_measured_by_side():
    """Either side's prediction has a peak."""
    for side in ("epochal", "sklearn"):
        assert costs.measured_apart({"side": side, "rows": 20})["peak_mb"] > 10


def test_curves_vary_one_axis_and_leave_the_others(monkeypatch):
    """Every axis goes through its values, and through its middle one."""
    from_preset = []
    monkeypatch.setattr(
        costs, "apart", lambda **of: from_preset.append(of) or {"seconds_per_epoch": 1.0}
    )
    curves = costs.growth()

    assert [curve["axis"] for curve in curves] == list(costs.AXES)
    assert [len(curve["points"]) for curve in curves] == [len(v) for v in costs.AXES.values()]
    for of in from_preset:
        assert sum(of[axis] != middle for axis, middle in costs.MIDDLE.items()) <= 1
    assert from_preset.count(costs.MIDDLE) == len(costs.AXES)


def test_a_measurement_apart_is_what_its_process_prints(monkeypatch, tmp_path):
    """The process gets what is asked as JSON, and its last word is taken."""
    script = tmp_path / "echo.py"
    script.write_text("import sys; print(sys.argv[1].replace('rows', 'peak_mb'))")
    monkeypatch.setattr(costs, "__file__", str(script))

    assert costs.apart(rows=3.5) == {"peak_mb": 3.5}
