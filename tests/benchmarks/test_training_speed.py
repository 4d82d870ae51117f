"""The speed benchmark, on sizes that take no time."""

from __future__ import annotations

import json

import numpy as np
import pytest

import training_speed as speed

TINY = speed.Shape((5, 8, 3), 50, 120, 2, ensemble=True)


@pytest.fixture(autouse=True)
def _small_products(monkeypatch):
    """Make the product that measures the machine a small one."""
    for name in ("jax_product_rate", "numpy_product_rate"):
        rate = getattr(speed.machine, name)
        monkeypatch.setattr(speed.machine, name, lambda rate=rate: rate(side=32, tries=1))
    alone = {"jax": 2e-6, "numpy": 3e-6, "least": 2e-6, "beside": 1e-6}
    monkeypatch.setattr(speed.machine, "products_seconds", lambda *_: alone)


def test_the_shapes_are_those_that_are_promised():
    """Names, batches and rows of the five comparisons."""
    told = [(shape.name, shape.batch_size, shape.rows) for shape in speed.SHAPES]

    assert told == [
        ("20→32→3", 32, 50_000),
        ("54→100→7", 200, 100_000),
        ("54→256→256→7", 256, 100_000),
        ("784→512→512→10", 256, 60_000),
        ("784→1024→1024→10", 1000, 100_000),
    ]


def test_both_sides_learn_the_same():
    """From the same rows both get to nearly the same loss, below that of guessing."""
    shape = TINY._replace(rows=2000, epochs=30)
    x, y = speed.rows_of(shape)
    ours, theirs = speed.time_epochal(shape, x, y), speed.time_sklearn(shape, x, y)

    assert x.dtype == np.float32
    assert ours.loss < 0.8 * np.log(3)
    assert ours.loss == pytest.approx(theirs.loss, rel=0.1)
    assert ours.training <= ours.whole
    assert theirs.training == theirs.whole


def test_every_epoch_is_done_by_both(monkeypatch):
    """Neither side stops early, however little the loss improves."""
    peer = speed._peer(TINY._replace(epochs=15))
    x, y = np.zeros((120, 5), np.float32), np.arange(120) % 3
    speed.machine.seconds_of(lambda: peer.fit(x, y))
    timing = speed.time_epochal(TINY._replace(epochs=15), x, y)

    assert peer.n_iter_ == 15
    assert np.isfinite(timing.loss)


def test_results_are_measured_kept_and_shown_again(monkeypatch, tmp_path, capsys):
    """A run writes its results, from which the same page can be printed later."""
    monkeypatch.setattr(speed, "SHAPES", (TINY,))
    monkeypatch.setattr(speed, "MEMBERS", 2)
    monkeypatch.setattr(speed, "WORKERS", 1)
    monkeypatch.setenv("EPOCHAL_CACHE", "")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    out = tmp_path / "new" / "speed.json"

    assert speed.main(["--rounds", "2", "--shapes", "1", "--out", str(out)]) == 0
    measured = capsys.readouterr().out
    assert speed.main(["--read", str(out)]) == 0
    shown = capsys.readouterr().out

    result = json.loads(out.read_text())
    assert measured == shown
    assert [len(result[kind][0]["rounds"]) for kind in ("one", "ensemble")] == [2, 2]
    assert result["command"].endswith(f"--rounds 2 --shapes 1 --out {out}")
    assert "| 5→8→3 | 50 | 120 |" in shown
    assert "2 members" in shown
