"""Target statistics where test rows are later than training rows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

import names_in_time


def test_rows_are_in_the_order_of_their_times():
    """Texts are read as times, and equal times keep their order."""
    frame = pd.DataFrame({"at": ["2020-02-01", "2019-01-01", "2020-02-01"], "n": [0, 1, 2]})
    ordered, times = names_in_time.in_order(frame, "at")
    assert ordered["n"].tolist() == [1, 0, 2]
    assert (np.diff(times) >= np.timedelta64(0)).all()


def test_each_variant_has_a_loss(tmp_path, capsys, monkeypatch):
    """One column a variant, for the tables that are named."""
    random = np.random.default_rng(0)
    at = pd.date_range("2020-01-01", periods=60, freq="h").astype(str)
    frame = pd.DataFrame({"at": at, "x": random.normal(size=60), "target": np.arange(60) % 2})
    frame.to_parquet(tmp_path / "a.parquet")
    entries = [{"name": name, "file": "a.parquet", "time_column": "at"} for name in ("a", "b")]
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    kinds = []

    class Recorded:
        """A classifier that predicts 1/2, and records what it is told."""

        classes_ = np.array(["0", "1"])

        def __init__(self, **settings):
            self.encodes = settings["target_encoding"]

        def fit(self, frame, labels, **given):
            """Record the variant."""
            kinds.append((self.encodes, [*given], len(frame), len(labels)))

        def predict_proba(self, frame):
            """Return 1/2 for both classes."""
            return np.full((len(frame), 2), 0.5)

    monkeypatch.setattr(names_in_time, "EpochalClassifier", Recorded)
    assert names_in_time.main([str(tmp_path), "--tables", "a"]) == 0
    assert "| a | 0.6931 | 0.6931 | 0.6931 | 0.6931 |" in capsys.readouterr().out
    assert kinds == [
        (True, [], 48, 48),
        (False, [], 48, 48),
        (True, ["timestamps"], 48, 48),
        (False, ["timestamps"], 48, 48),
    ]
