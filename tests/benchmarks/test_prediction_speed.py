"""The timing of predictions: rows, parts, and the tables of the page."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import prediction_speed
from epochal import EpochalClassifier
from epochal.kernels.library import opened


@pytest.fixture(scope="module")
def model():
    """Return a small model of a table, and its rows."""
    rows = pd.DataFrame({"a": np.arange(60.0), "b": ["x", "y", "z"] * 20})
    settings = {"n_estimators": 2, "hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
    return EpochalClassifier(**settings).fit(rows, np.arange(60) % 2), rows


def test_rows_are_repeated_until_there_are_enough():
    """The first ones of a table, or the table several times."""
    table = pd.DataFrame({"a": [1, 2, 3]})
    assert prediction_speed.rows_of(table, 2)["a"].tolist() == [1, 2]
    assert prediction_speed.rows_of(table, 7)["a"].tolist() == [1, 2, 3, 1, 2, 3, 1]


def test_every_side_is_called_in_every_round():
    """With the rows; a figure for each round."""
    seen = []
    found = prediction_speed.in_turn({"one": seen.append, "two": seen.append}, "rows", 3)

    assert {name: len(seconds) for name, seconds in found.items()} == {"one": 3, "two": 3}
    assert set(seen) == {"rows"}
    assert all(seconds > 0 for times in found.values() for seconds in times)


def test_the_parts_of_a_prediction_are_timed(model):
    """The data frame, the encoding, and the networks where there are kernels."""
    parts = {"frame", "encoding"} | ({"networks"} if opened().library else set())
    assert set(prediction_speed.parts_of(*model, rounds=1)) == parts


@pytest.mark.parametrize("networks", [{"networks": [0.001]}, {}])
def test_the_page_has_every_figure(networks):
    """A table of the sides, one of our parts, one of arrays; without kernels no share of peak."""
    result = {
        "machine": {
            "versions": {"epochal": "0"},
            "load": 0,
            "processor": "p",
            "cores": 2,
            "vectors": "v",
            "system": "s",
            "python": "3",
            "date": "d",
        },
        "command": "c",
        "load_after": 0,
        "weights": 500_000_000,
        "frame": {"1": {"epochal": [0.002, 0.004, 0.003], "LightGBM": [0.001]}},
        "parts": {"1": {"frame": [0.0005], "encoding": [0.0004], **networks}},
        "onnx": {"1": [0.0009]},
        "array": {"1": {"epochal": [0.0002]}},
        "start": {"load_predictor": [1.25], "load": [2.0]},
        "peak": [2000.0],
    }
    page = prediction_speed.page(result)

    assert "| 1 | 3.00 | 1.00 |" in page
    shares = "1.00 | 50%" if networks else " | "
    assert f"| 1 | 3.00 | 0.50 | 0.40 | {shares} | 0.90 |" in page
    assert "| 1 | 0.200 |" in page
    assert "1.25 s" in page
