"""A saved model as a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from epochal import EpochalClassifier, load
from epochal.loading import classifier_of

if TYPE_CHECKING:
    from pathlib import Path

X, Y = load_iris(return_X_y=True)


def fitted(rows: Any, **settings: Any) -> EpochalClassifier:
    """Return a small fit of the irises."""
    small = {"hidden_layer_sizes": (8,), "n_estimators": 2, "n_folds": 2, "max_iter": 3}
    return EpochalClassifier(**small, random_state=0, **settings).fit(rows, Y)


@pytest.mark.parametrize("rows", [X, pd.DataFrame(X, columns=list("abcd"))], ids=["array", "frame"])
def test_saved_and_loaded_predicts_the_same_bits(tmp_path: Path, rows: Any) -> None:
    """A loaded classifier predicts bit for bit as the saved one, and trains on."""
    ours = fitted(rows)
    ours.save(tmp_path / "iris.epochal")
    again = load(tmp_path / "iris.epochal")

    np.testing.assert_array_equal(again.predict_proba(rows), ours.predict_proba(rows))
    assert again.get_params()["hidden_layer_sizes"] == (8,)
    assert again.history_ == ours.history_
    assert again.partial_fit(rows, Y).predict_proba(rows).shape == (150, 3)


def test_names_of_features_are_those_of_a_frame() -> None:
    """An array has none, also if one of its columns is read as texts and the model has a table."""
    frame = pd.DataFrame(X, columns=list("abcd"))
    assert classifier_of(fitted(frame).model_).feature_names_in_.tolist() == list("abcd")
    array = classifier_of(fitted(X, text_features=[1]).model_)
    assert not hasattr(array, "feature_names_in_")
    assert array.n_features_in_ == 4
