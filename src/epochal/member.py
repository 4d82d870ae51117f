"""One member of an ensemble, as a view on the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from epochal.nn.layers import dense
from epochal.predictor import probabilities

if TYPE_CHECKING:
    import numpy as np

    from epochal.model.description import Model


@dataclass(frozen=True)
class Member:
    """Member `number` of a fitted model: its weights, its curves, its probabilities."""

    model: Model
    number: int

    @property
    def classes_(self) -> np.ndarray:
        """The class labels."""
        return self.model.classes

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights of each layer, shape (inputs, outputs), on the encoded features, or on the embedding."""
        return [layer.weights for layer in dense(self.model.members[self.number])]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Biases of each layer, shape (outputs,)."""
        return [layer.bias for layer in dense(self.model.members[self.number])]

    @property
    def loss_curve_(self) -> list[float]:
        """Training loss in each epoch."""
        return list(self.model.history.training_loss[self.number])

    @property
    def validation_loss_curve_(self) -> list[float]:
        """Validation loss after each epoch."""
        return list(self.model.history.validation_loss[self.number])

    @property
    def best_epoch_(self) -> int:
        """The epoch whose weights were kept, from 1."""
        return self.model.history.best_epoch[self.number]

    @property
    def outcome_(self) -> str:
        """How the training ended."""
        return self.model.history.outcome[self.number]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return this member's probabilities, shape (n_samples, n_classes)."""
        return probabilities(self.model, X, self.number)

    def predict(self, X: Any) -> np.ndarray:
        """Return this member's most probable class of each row."""
        labels: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels
