"""The methods that `accuracy.py` compares: epochal's presets, and peers by their names."""

from __future__ import annotations

import ast
import re
import time
from typing import TYPE_CHECKING, Any

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import accuracy_peers
import accuracy_pipelines
from accuracy_pipelines import as_text
from accuracy_protocol import Answer, Split
from epochal import EpochalClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

# As many categories of a column as the peers' results were made with.
CATEGORIES = 50


def method_of(name: str) -> Callable[[Split], Answer]:
    """Return the method of a name.

    `logreg`, `sk_mlp_es`, a peer (`accuracy_peers`), or `epochal:PRESET`, with
    settings if they are to differ: `epochal:default:n_estimators=1:dropout=0.2`.

    Raises:
        ValueError: for another name.
    """
    if name == "logreg":
        return lambda parts: on_dense(LogisticRegression(max_iter=1000), parts)
    if name == "sk_mlp_es":
        return lambda parts: on_dense(accuracy_peers.mlp(), parts)
    peer = accuracy_peers.method_of(name) or accuracy_pipelines.method_of(name)
    if peer is not None:
        return peer
    if not name.startswith("epochal:"):
        msg = (
            f"no method is called {name!r}; there are logreg, sk_mlp_es, lgbm, lgbm_es, lgbm_bag8, xgb, "
            "xgb_es, xgb_bag8, cat, cat_es, cat_bag8, realmlp, realmlp_ce, tabm, skrub_hgb, skrub_lr, lr_cv "
            "and epochal:PRESET[:setting=value…]"
        )
        raise ValueError(msg)
    return lambda parts: _answer(
        EpochalClassifier(**settings_of(name)), parts.train, parts.test, parts
    )


def names_in(text: str) -> list[str]:
    """Return the names of methods that a text has by comma; a comma in brackets is part of a name.

    >>> names_in("logreg,epochal:default:hidden_layer_sizes=(64,64)")
    ['logreg', 'epochal:default:hidden_layer_sizes=(64,64)']
    """
    return re.split(r",(?![^(]*\))", text)


def settings_of(name: str) -> dict[str, Any]:
    """Return the settings that a method's name gives.

    >>> settings_of("epochal:fast:dropout=0.2:bagging=None")
    {'preset': 'fast', 'random_state': 0, 'dropout': 0.2, 'bagging': None}
    """
    _, preset, *settings = name.split(":")
    pairs = (setting.split("=", 1) for setting in settings)
    return {"preset": preset, "random_state": 0, **{key: _value(text) for key, text in pairs}}


def _value(text: str) -> Any:
    """Return the Python value that a text writes, or the text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def on_dense(classifier: Any, parts: Split) -> Answer:
    """Return what a classifier of scikit-learn says, on standardised and one-hot columns."""
    numbers = [name for name in parts.train if parts.train[name].dtype.kind == "f"]
    others = [name for name in parts.train if name not in numbers]
    scaled = make_pipeline(
        SimpleImputer(strategy="mean", keep_empty_features=True), StandardScaler()
    )
    one_hot = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="__na__"),
        OneHotEncoder(handle_unknown="ignore", max_categories=CATEGORIES, sparse_output=False),
    )
    columns = make_column_transformer((scaled, numbers), (one_hot, others))
    model = make_pipeline(columns, classifier)
    return _answer(model, as_text(parts.train), as_text(parts.test), parts)


def _answer(model: Any, train: pd.DataFrame, test: pd.DataFrame, parts: Split) -> Answer:
    """Return what a model says of the test rows once it is fitted, with the seconds of both."""
    began = time.perf_counter()
    model.fit(train, parts.train_labels)
    fitted = time.perf_counter()
    probabilities = model.predict_proba(test)
    seconds = fitted - began, time.perf_counter() - fitted
    out_of_bag = getattr(model, "out_of_bag_", None)
    expected = out_of_bag and out_of_bag.expected_log_loss
    return Answer(probabilities, model.classes_, *seconds, expected)
