"""A saved model as a fitted classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from epochal.classifier import EpochalClassifier
from epochal.fit_types import Fitted
from epochal.model.persistence import load as load_model

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
    schema = model.preprocessor.schema
    classifier.n_features_in_ = schema.shape[0]
    # Arrays with categories are kept as tables.
    if schema.named and not schema.is_numbered:
        classifier.feature_names_in_ = np.array([c.name for c in schema.columns], dtype=object)
    return classifier._keep(Fitted(model))  # noqa: SLF001
