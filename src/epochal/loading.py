"""A saved model as a fitted classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochal.classifier import EpochalClassifier
from epochal.fit_types import Fitted
from epochal.model.persistence import load as load_model
from epochal.predictor import feature_names

if TYPE_CHECKING:
    from os import PathLike

    from epochal.model.description import Model


def load(path: str | PathLike[str]) -> EpochalClassifier:
    """Return the classifier that was saved to a `.epochal` file.

    It predicts bit for bit as the saved one did, and has its parameters, but for
    `device`, `memory_limit`, `cache_dir`, `checkpoint_dir`, `n_jobs` and `callbacks`. `partial_fit` and a warm
    start go on from its weights, with a fresh optimiser state.

    Raises
    ------
    ModelError
        If the file is damaged, of a newer format, or not a model.
    """
    return classifier_of(load_model(path))


def classifier_of(model: Model) -> EpochalClassifier:
    """Return a fitted classifier around a model, with the parameters stored in it."""
    classifier = EpochalClassifier(**model.parameters.to_arguments())
    classifier.n_features_in_ = model.preprocessor.schema.shape[0]
    names = feature_names(model)
    if names is not None:
        classifier.feature_names_in_ = names
    return classifier._keep(Fitted(model))  # noqa: SLF001
