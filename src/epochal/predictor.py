"""A saved model that predicts, and nothing else: it needs neither scikit-learn nor JAX, which are slow to import."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.inference.predict import predict_proba, predict_proba_at, without_target
from epochal.io.frames import as_rows
from epochal.io.objects import as_array
from epochal.model.persistence import load
from epochal.threads import limited

if TYPE_CHECKING:
    from epochal.model.description import Model


@dataclass(frozen=True)
class Predictor:
    """The predictions of a model, bit for bit those of the classifier that was saved.

    Rows are of the kinds that `EpochalClassifier.predict_proba` takes: a data frame or an Arrow table,
    whose columns are found by name, an array, a list, a sparse array, or a path.

    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from epochal import EpochalClassifier, load_predictor
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = EpochalClassifier(preset="classic", random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clf.save(f"{folder}/iris.epochal")
    ...     predictor = load_predictor(f"{folder}/iris.epochal")
    >>> bool((predictor.predict_proba(X) == clf.predict_proba(X)).all())
    True
    >>> predictor.predict(X[:2]), predictor.n_features_in_
    (array([0, 0]), 4)
    """

    model_: Model
    n_jobs: int | None = None

    @property
    def classes_(self) -> np.ndarray:
        """The class labels, sorted, as they came."""
        return self.model_.classes

    @property
    def n_features_in_(self) -> int:
        """The number of columns, or the first axis of a row."""
        return self.model_.preprocessor.schema.shape[0]

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The names of the columns; AttributeError for a model of arrays."""
        names = feature_names(self.model_)
        if names is None:
            msg = "the model was trained on arrays: there is no feature_names_in_"
            raise AttributeError(msg)
        return names

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes, float64 (n_samples, n_classes), rows summing to 1.

        Raises
        ------
        ColumnError
            If columns are missing, or have values of another kind.
        DataError
            If there are more or fewer features than the model has.
        """
        with limited(self.n_jobs):
            if isinstance(X, (str, PathLike)):
                return predict_proba_at(self.model_, str(X))
            return probabilities(self.model_, X)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row, shape (n_samples,)."""
        labels: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels


def load_predictor(path: str | PathLike[str], *, n_jobs: int | None = None) -> Predictor:
    """Return what predicts by the model in a `.epochal` file: the quick way from a file to a prediction.

    `load` returns a classifier of scikit-learn instead, which can go on training.

    Raises
    ------
    ModelError
        If the file is damaged, of a newer format, or not a model.
    """
    return Predictor(load(path), n_jobs)


def feature_names(model: Model) -> np.ndarray | None:
    """Return the names of a model's columns; None if it was trained on arrays, which are kept as tables if they have categories."""
    schema = model.preprocessor.schema
    if not schema.named or schema.is_numbered:
        return None
    return np.array([column.name for column in schema.columns], dtype=object)


def probabilities(model: Model, X: Any, member: int | None = None) -> np.ndarray:
    """Return the probabilities of the classes for rows in memory, by all members or by one."""
    rows = as_array(as_rows(X), model.preprocessor.schema.shape)
    if hasattr(rows, "tocsr"):
        rows = rows.tocsr()
    rows = rows if hasattr(rows, "shape") else np.asarray(rows)
    return predict_proba(model, without_target(rows, model), member)
