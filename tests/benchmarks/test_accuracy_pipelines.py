"""The peers that are pipelines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import accuracy_pipelines as pipelines
from accuracy_protocol import Split, split


def test_pipelines_are_known_by_name():
    """Every pipeline of the page can be run again; another name is none."""
    for name in ("skrub_hgb", "skrub_lr", "lr_cv"):
        assert callable(pipelines.method_of(name))
    assert pipelines.method_of("forest") is None


def test_everything_but_numbers_is_text():
    """Numbers and missing values stay."""
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": np.array([True, None], object)})
    texts = pipelines.as_text(frame)

    assert (texts["b"][0], texts["b"].isna().tolist()) == ("True", [False, True])
    pd.testing.assert_series_equal(texts["a"], frame["a"])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_penalty_is_selected_by_the_loss_of_folds(rng):
    """Pure noise gets the strongest penalty, a clear column one of the weakest."""
    frame = pd.DataFrame({f"x{number}": rng.normal(size=80) for number in range(30)})
    noise, clear = rng.integers(0, 2, 80).astype(str), (frame["x0"] > 0).astype(str).to_numpy()
    selected = [
        float(np.ravel(pipelines.penalised(frame, labels).fit(frame, labels)[-1].C_)[0])
        for labels in (noise, clear)
    ]

    assert selected[0] <= pipelines.PENALTIES[1]
    assert selected[1] > pipelines.PENALTIES[3]


def test_a_class_of_two_rows_leaves_two_folds():
    """Eight folds would not each have a row of it."""
    frame = pd.DataFrame({"x": np.arange(12.0)})
    labels = np.array(["a"] * 10 + ["b"] * 2)

    assert pipelines.penalised(frame, labels)[-1].cv.get_n_splits() == 2


def test_a_mixed_table_gets_probabilities(suite):
    """Missing numbers and unseen categories are no obstacle."""
    parts = split(suite / "first.parquet", 0)
    test = parts.test.assign(colour=np.array(["unseen"] * len(parts.test), object))
    answer = pipelines.method_of("lr_cv")(
        Split(parts.train, parts.train_labels, test, parts.test_labels)
    )

    assert answer.probabilities.shape == (40, 3)
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1)
    assert list(answer.classes) == ["0", "1", "2"]


def test_boosting_stops_early_on_few_rows(rng):
    """Labels without any information end it long before all of its rounds."""
    model = pipelines.boosting().fit(rng.normal(size=(400, 3)), rng.integers(0, 2, 400))

    assert model.n_iter_ < model.max_iter / 2


def test_skrub_makes_the_pipeline(suite):
    """Where skrub is there, its table vectorizer reads the raw columns."""
    pytest.importorskip("skrub")
    parts = split(suite / "first.parquet", 0)
    answer = pipelines._skrub(LogisticRegression(max_iter=1000), parts)

    assert answer.probabilities.shape == (40, 3)
    assert list(answer.classes) == ["0", "1", "2"]
