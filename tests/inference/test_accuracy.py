"""Accuracy is scikit-learn's, whatever type labels have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from epochal import EpochalClassifier
from epochal.inference import accuracy as accuracy_module

ROWS = 90


@pytest.fixture(scope="module")
def data():
    """Return rows of numbers, and labels that follow from them but for some."""
    random = np.random.default_rng(0)
    X = random.normal(size=(ROWS, 3))
    return X, (X[:, 0] + random.normal(size=ROWS) / 2 > 0).astype(int)


@pytest.fixture(scope="module")
def fitted(data):
    """Return a small fitted classifier."""
    X, y = data
    tiny = {"n_estimators": 2, "n_folds": 2, "max_iter": 3, "hidden_layer_sizes": (4,)}
    return EpochalClassifier(random_state=0, **tiny).fit(X, y)


def test_the_score_is_scikit_learns(fitted, data):
    """With weights and without; labels of another type say the same."""
    X, y = data
    weight = np.arange(ROWS) % 4
    expected = accuracy_score(y, fitted.predict(X))

    assert 0.5 < expected < 1
    for labels in (y, y.astype(float), list(map(str, y)), pd.Series(y).astype("category")):
        assert fitted.score(X, labels) == pytest.approx(expected)
    weighted = accuracy_score(y, fitted.predict(X), sample_weight=weight)
    assert fitted.score(X, y, weight) == pytest.approx(weighted) != expected


def test_a_label_that_is_no_class_is_wrong(fitted, data):
    """Rows of a class that the model does not know are counted as mistakes."""
    X, y = data
    some = y.copy()
    some[:9] = 7

    assert fitted.score(X, some) == pytest.approx(accuracy_score(some, fitted.predict(X)))
    assert fitted.score(X, ["left"] * ROWS) == 0


def test_a_file_is_scored_piece_by_piece(fitted, data, tmp_path, monkeypatch):
    """A path with the name of a column has the accuracy of arrays, in pieces of any size."""
    X, y = data
    table = pd.DataFrame(X, columns=["x0", "x1", "x2"]).assign(y=y, w=np.arange(ROWS) % 3)
    table.to_csv(tmp_path / "t.csv", index=False)

    for rows in (7, 1000):
        monkeypatch.setattr(accuracy_module, "PIECE_ROWS", rows)
        score = fitted.score(tmp_path / "t.csv", "y", "w")
        assert score == pytest.approx(fitted.score(X, y, table["w"]))


@pytest.mark.parametrize(
    ("labels", "weight", "message"),
    [([1, None] * (ROWS // 2), None, "no label in row 1"), (None, np.zeros(ROWS), "weight")],
)
def test_what_cannot_be_scored_is_refused(fitted, data, labels, weight, message):
    """A missing label is named by its row; there must be a weight."""
    X, y = data
    with pytest.raises(ValueError, match=message):
        fitted.score(X, y if labels is None else labels, weight)
