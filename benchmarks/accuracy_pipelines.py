"""The peers of `accuracy.py` that are pipelines: skrub's, and logistic regression with a cross-validated penalty.

skrub is no dependency of ours: `pip install skrub`. `skrub_hgb` and `skrub_lr` are the pipelines that skrub makes
for scikit-learn's histogram gradient boosting, stopped early, and its logistic regression: a TableVectorizer, and for
the latter missing values filled in and columns scaled. `lr_cv` has standardised numbers and a column for each category.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from accuracy_peers import FOLDS, NOTHING, timed

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from accuracy_protocol import Answer, Split

# The inverse penalties that cross-validation selects from, and the rows that a category needs for a column.
PENALTIES = np.logspace(-4, 1, 8)
LEAST_ROWS = 3


def method_of(name: str) -> Callable[[Split], Answer] | None:
    """Return the pipeline of a name, or None if there is none of that name."""
    return {
        "skrub_hgb": lambda parts: _skrub(boosting(), parts),
        "skrub_lr": lambda parts: _skrub(LogisticRegression(max_iter=1000), parts),
        "lr_cv": lambda parts: _answer(penalised(parts.train, parts.train_labels), parts),
    }.get(name)


def boosting() -> HistGradientBoostingClassifier:
    """Return gradient boosting, stopped early by a tenth of the rows.

    Its default is not to stop on up to 10,000 rows; then it diverges where a class is rare.
    """
    return HistGradientBoostingClassifier(early_stopping=True, random_state=0)


def _skrub(classifier: Any, parts: Split) -> Answer:
    """Return what skrub's pipeline for a classifier says."""
    import skrub

    model = skrub.tabular_pipeline(classifier)
    # Long texts go through a randomised decomposition.
    model.set_params(tablevectorizer__high_cardinality__random_state=0)
    return _answer(model, parts)


def penalised(train: pd.DataFrame, labels: np.ndarray) -> Any:
    """Return a pipeline of logistic regression whose L2 penalty has the lowest loss over folds.

    The rarest class bounds the number of folds.
    """
    numbers = [name for name in train if train[name].dtype.kind == "f"]
    others = [name for name in train if name not in set(numbers)]
    scaled = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    coded = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=NOTHING),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=LEAST_ROWS),
    )
    rarest = int(np.unique(labels, return_counts=True)[1].min())
    folds = StratifiedKFold(max(2, min(FOLDS, rarest)), shuffle=True, random_state=0)
    logistic = LogisticRegressionCV(
        Cs=PENALTIES,
        l1_ratios=(0,),
        cv=folds,
        scoring="neg_log_loss",
        max_iter=1000,
        use_legacy_attributes=False,
    )
    return make_pipeline(make_column_transformer((scaled, numbers), (coded, others)), logistic)


def _answer(model: Any, parts: Split) -> Answer:
    """Return what a pipeline says of the test rows once it is fitted."""
    train, test = as_text(parts.train), as_text(parts.test)
    return timed(model, lambda: model.fit(train, parts.train_labels), test, None)


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with everything but numbers as text, missing values apart, as one-hot coding needs it."""
    return frame.apply(
        lambda column: (
            column
            if column.dtype.kind == "f"
            else column.map(lambda value: None if value is None else str(value)).astype(object)
        )
    )
