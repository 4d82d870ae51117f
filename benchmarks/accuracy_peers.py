"""The peers of `accuracy.py`: boosted trees and tabular networks, each with its own package's defaults.

They are no dependencies of ours: `pip install lightgbm xgboost catboost pytabkit torch==2.13.0`. Boosted
trees have columns of categories as such. With `_es` they stop early on a fifth of the training rows; `_bag8` are eight
of them, each stopped by the fold that it leaves out, whose probabilities are averaged. RealMLP and TabM keep rows
apart themselves. Pipelines of scikit-learn and skrub: `accuracy_pipelines`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import LabelEncoder

from accuracy_protocol import Answer, Split

if TYPE_CHECKING:
    from collections.abc import Callable

CORES = 2
ROUNDS, RATE, PATIENCE = 4000, 0.05, 100
FOLDS = 8
NOTHING = "__na__"


def method_of(name: str) -> Callable[[Split], Answer] | None:
    """Return the peer of a name, or None if there is none of that name."""
    return {
        "lgbm": lightgbm,
        "lgbm_es": lambda parts: _stopped(_lightgbm, _categories(parts), parts),
        "xgb": xgboost,
        "xgb_es": lambda parts: _stopped(_xgboost, _categories(parts), parts),
        "cat": catboost,
        "cat_es": lambda parts: _stopped(_catboost, tuple(map(_texts, _categories(parts))), parts),
        "lgbm_bag8": lambda parts: _bagged(_lightgbm, _categories(parts), parts),
        "xgb_bag8": lambda parts: _bagged(_xgboost, _categories(parts), parts),
        "cat_bag8": lambda parts: _bagged(_catboost, tuple(map(_texts, _categories(parts))), parts),
        "realmlp": lambda parts: _tabular("RealMLP_TD_Classifier", parts),
        "realmlp_ce": lambda parts: _tabular(
            "RealMLP_TD_Classifier", parts, val_metric_name="cross_entropy", use_ls=False
        ),
        "tabm": lambda parts: _tabular("TabM_D_Classifier", parts, val_metric_name="cross_entropy"),
    }.get(name)


def mlp() -> MLPClassifier:
    """Return scikit-learn's network, stopped early."""
    return MLPClassifier((256, 256), early_stopping=True, max_iter=500, random_state=0)


def lightgbm(parts: Split) -> Answer:
    """Return what LightGBM says, with nothing set."""
    import lightgbm as lgb

    return _plain(lgb.LGBMClassifier(n_jobs=CORES, verbose=-1), _categories(parts), parts)


def _lightgbm(
    train: pd.DataFrame, labels: np.ndarray, stop: pd.DataFrame, stop_labels: np.ndarray
) -> tuple[Any, Callable[[], None]]:
    """Return LightGBM, and what fits it to rows until others stop it."""
    import lightgbm as lgb

    model = lgb.LGBMClassifier(n_estimators=ROUNDS, learning_rate=RATE, n_jobs=CORES, verbose=-1)
    stops = [lgb.early_stopping(PATIENCE, verbose=False)]

    def fit() -> None:
        model.fit(train, labels, eval_set=[(stop, stop_labels)], callbacks=stops)

    return model, fit


def xgboost(parts: Split) -> Answer:
    """Return what XGBoost says, with nothing set but that there are categories."""
    import xgboost as xgb

    model = xgb.XGBClassifier(enable_categorical=True, n_jobs=CORES)
    return _plain(model, _categories(parts), parts)


def _xgboost(
    train: pd.DataFrame, labels: np.ndarray, stop: pd.DataFrame, stop_labels: np.ndarray
) -> tuple[Any, Callable[[], None]]:
    """Return XGBoost, and what fits it to rows until others stop it."""
    import xgboost as xgb

    model = xgb.XGBClassifier(
        n_estimators=ROUNDS,
        learning_rate=RATE,
        enable_categorical=True,
        n_jobs=CORES,
        early_stopping_rounds=PATIENCE,
    )

    def fit() -> None:
        model.fit(train, labels, eval_set=[(stop, stop_labels)], verbose=False)

    return model, fit


def catboost(parts: Split) -> Answer:
    """Return what CatBoost says, with nothing set but the categories."""
    from catboost import CatBoostClassifier

    train, test = map(_texts, _categories(parts))
    columns = [name for name in train if train[name].dtype.kind != "f"]
    model = CatBoostClassifier(
        thread_count=CORES, verbose=False, allow_writing_files=False, cat_features=columns or None
    )
    return _plain(model, (train, test), parts)


def _catboost(
    train: pd.DataFrame, labels: np.ndarray, stop: pd.DataFrame, stop_labels: np.ndarray
) -> tuple[Any, Callable[[], None]]:
    """Return CatBoost, and what fits it to rows until others stop it."""
    from catboost import CatBoostClassifier

    columns = [name for name in train if train[name].dtype.kind != "f"]
    model = CatBoostClassifier(
        iterations=ROUNDS,
        learning_rate=RATE,
        thread_count=CORES,
        verbose=False,
        allow_writing_files=False,
        cat_features=columns or None,
    )

    def fit() -> None:
        model.fit(train, labels, eval_set=(stop, stop_labels), early_stopping_rounds=PATIENCE)

    return model, fit


def _plain(model: Any, rows: tuple[pd.DataFrame, pd.DataFrame], parts: Split) -> Answer:
    """Return what a model says that is fitted to numbers of classes."""
    encoder = LabelEncoder().fit(parts.train_labels)

    def fit() -> None:
        model.fit(rows[0], encoder.transform(parts.train_labels))

    return timed(model, fit, rows[1], encoder.classes_)


def _stopped(
    fitted: Callable[..., tuple[Any, Callable[[], None]]],
    rows: tuple[pd.DataFrame, pd.DataFrame],
    parts: Split,
) -> Answer:
    """Return what a model of four fifths of the rows says, stopped by the last one."""
    train, stop, classes = _stopping(parts.train_labels)
    labels = np.searchsorted(classes, parts.train_labels)
    model, fit = fitted(rows[0].iloc[train], labels[train], rows[0].iloc[stop], labels[stop])
    return timed(model, fit, rows[1], classes)


class _Bag(NamedTuple):
    """Models of folds, and the class numbers of each."""

    models: list[tuple[Any, np.ndarray]]
    classes: int

    def predict_proba(self, test: pd.DataFrame) -> np.ndarray:
        """Return the mean probabilities."""
        total = np.zeros((len(test), self.classes))
        for model, numbers in self.models:
            total[:, numbers] += model.predict_proba(test) / len(self.models)
        return total


def _bagged(
    stopped: Callable[..., tuple[Any, Callable[[], None]]],
    rows: tuple[pd.DataFrame, pd.DataFrame],
    parts: Split,
) -> Answer:
    """Return what a model of each fold's other rows says, stopped by the fold; averaged."""
    train, test = rows
    classes, numbers = np.unique(parts.train_labels, return_inverse=True)
    bag = _Bag([], len(classes))

    def fit() -> None:
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        for inside, outside in folds.split(train, numbers):
            encoder = LabelEncoder().fit(numbers[inside])
            held = outside[np.isin(numbers[outside], encoder.classes_)]
            model, fit_one = stopped(
                train.iloc[inside],
                encoder.transform(numbers[inside]),
                train.iloc[held],
                encoder.transform(numbers[held]),
            )
            fit_one()
            bag.models.append((model, encoder.classes_))

    return timed(bag, fit, test, classes)


def _tabular(kind: str, parts: Split, **settings: Any) -> Answer:
    """Return what a model of pytabkit says; missing numbers are means, as its authors do it."""
    import pytabkit
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    train, test = _categories(parts)
    for name in train:
        if train[name].dtype.kind == "f":
            mean = train[name].mean() if train[name].notna().any() else 0.0
            train[name], test[name] = train[name].fillna(mean), test[name].fillna(mean)
    model = getattr(pytabkit, kind)(random_state=0, device=device, n_threads=CORES, **settings)

    def fit() -> None:
        model.fit(train, parts.train_labels)

    return timed(model, fit, test, None)


def timed(
    model: Any, fit: Callable[[], None], test: pd.DataFrame, classes: np.ndarray | None
) -> Answer:
    """Return what a model says of the test rows, with the seconds of both."""
    began = time.perf_counter()
    fit()
    fitted = time.perf_counter()
    probabilities = model.predict_proba(test)
    seconds = fitted - began, time.perf_counter() - fitted
    return Answer(probabilities, model.classes_ if classes is None else classes, *seconds)


def _categories(parts: Split) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training and test rows with plain names and everything but numbers as categories."""
    train, test = parts.train.copy(), parts.test.copy()
    # LightGBM refuses names with brackets or commas.
    train.columns = test.columns = pd.Index([f"f{number}" for number in range(train.shape[1])])
    for name in train:
        if train[name].dtype.kind != "f":
            seen = {str(value) for value in train[name] if not pd.isna(value)}
            known = sorted(seen)
            for frame in (train, test):
                texts = [
                    str(value) if not pd.isna(value) and str(value) in seen else None
                    for value in frame[name]
                ]
                frame[name] = pd.Categorical(texts, categories=known)
    return train, test


def _texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its categories as texts, missing ones too."""
    texts = {
        name: frame[name].astype(object).where(frame[name].notna(), NOTHING).astype(str)
        for name in frame
        if isinstance(frame[name].dtype, pd.CategoricalDtype)
    }
    return frame.assign(**texts)


def _stopping(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the numbers of rows to train on, those of a fifth to stop by, and the classes.

    Stratified; classes too rare to be split stay in training.
    """
    classes, numbers = np.unique(labels, return_inverse=True)
    rare = np.bincount(numbers)[numbers] < 5
    rows = np.flatnonzero(~rare)
    train, stop = train_test_split(rows, test_size=0.2, random_state=0, stratify=numbers[rows])
    return np.r_[train, np.flatnonzero(rare)], stop, classes
