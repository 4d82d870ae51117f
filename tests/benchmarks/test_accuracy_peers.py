"""The peers: how they are named, and what they are given."""

from __future__ import annotations

import numpy as np
import pandas as pd

import accuracy_peers
from accuracy_protocol import Split


def _parts():
    """Return a small split of a mixed table."""
    train = pd.DataFrame({"a[1]": [1.0, np.nan, 3.0], "b": np.array(["x", None, "y"], object)})
    test = pd.DataFrame({"a[1]": [2.0], "b": np.array(["z"], object)})
    return Split(train, np.array(["n", "y", "n"]), test, np.array(["n"]))


def test_peers_are_known_by_name():
    """Every peer of the page can be run again; another name is none."""
    for name in ("lgbm_es", "xgb_es", "cat", "realmlp", "realmlp_ce", "tabm"):
        assert callable(accuracy_peers.method_of(name))
    assert accuracy_peers.method_of("forest") is None


def test_categories_are_those_of_training_rows():
    """Texts become categories of both parts, unseen ones missing, and names become plain."""
    train, test = accuracy_peers._categories(_parts())

    assert list(train) == list(test) == ["f0", "f1"]
    assert list(train["f1"].cat.categories) == ["x", "y"]
    assert test["f1"].isna().all()
    assert list(accuracy_peers._texts(train)["f1"]) == ["x", "__na__", "y"]


def test_rows_to_stop_by_are_a_fifth_and_rare_classes_stay():
    """Both parts are whole rows; a class of two rows is in the training part only."""
    train = pd.DataFrame({"a": np.arange(42.0)})
    labels = np.array(["n", "y"] * 20 + ["r", "r"])
    parts = Split(train, labels, train[:1], labels[:1])
    rows, stop, own, stop_labels, classes = accuracy_peers._stopping(parts)

    assert (len(rows), len(stop)) == (34, 8)
    assert set(classes[stop_labels]) == {"n", "y"}
    assert (classes[own] == "r").sum() == 2
