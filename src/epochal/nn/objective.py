"""The objective of a task: targets, loss and gradient, predictions, strata, calibration, scores.

A network ends in logits. An objective says how many there are, what they are compared with, and what
is made of them. Everything else takes them as they come.

The arrays are NumPy's or JAX's; this module imports no JAX.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from epochal.nn.losses import LOSSES, cross_entropy, softmax

if TYPE_CHECKING:
    from epochal.nn.backend import Backend

    Array = Any  # a NumPy or a JAX array


class Scores(NamedTuple):
    """The scores of predictions: weighted means over rows."""

    accuracy: float
    log_loss: float  # in nats


class Objective(Protocol):
    """The objective of a task; letters as in `losses`: o logits, y targets, both (rows, outputs)."""

    def outputs(self, classes: int) -> int:
        """Return the width of the last layer."""

    def targets(self, labels: Array, o: Array) -> Array:
        """Return the targets of the logits' rows, with the shape and type of the logits."""

    def losses(self, o: Array, y: Array) -> Array:
        """Return the loss of each row, shape (rows,)."""

    def gradient_and_losses(
        self, o: Array, labels: Array, weights: Array, kernels: Backend
    ) -> tuple[Array, Array]:
        """Return the gradient at the logits, weighted by row, and the losses of the rows, not weighted.

        Args:
            o: logits, shape (rows, outputs).
            labels: of the rows, shape (rows,).
            weights: of the rows, shape (rows,).
            kernels: a backend, which may have an operation for it.
        """

    def predictions(self, o: Array) -> Array:
        """Return a member's predictions; their mean over the members is that of the ensemble."""

    def strata(self, labels: np.ndarray) -> np.ndarray:
        """Return the stratum of each row; splits have equal shares of each stratum."""

    def calibration_losses(self, o: Array, y: Array) -> Array:
        """Return the calibration loss of each row, shape (rows,)."""

    def calibration_slopes(self, o: Array, y: Array) -> Array:
        """Return the derivative of the calibration loss by the log of the inverse temperature, (rows,)."""

    def scores(self, predictions: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Scores:
        """Return the scores of predictions."""


@dataclass(frozen=True)
class Classification:
    """Labels are class numbers, predictions are probabilities of the classes.

    >>> task = OBJECTIVES["cross_entropy"]
    >>> o = np.log(np.array([[0.25, 0.75], [0.5, 0.5]]))
    >>> task.targets(np.array([1, 0]), o)
    array([[0., 1.],
           [1., 0.]])
    >>> task.predictions(o)
    array([[0.25, 0.75],
           [0.5 , 0.5 ]])
    """

    loss: str  # one of `LOSSES`

    def outputs(self, classes: int) -> int:
        """Return one logit for each class."""
        return classes

    def targets(self, labels: Array, o: Array) -> Array:
        """Return 1 for each row's class and 0 for the others; 0 for a label that is no class."""
        xp = o.__array_namespace__()
        classes = xp.arange(o.shape[1], dtype=labels.dtype)
        return (labels[:, None] == classes[None, :]).astype(o.dtype)

    def losses(self, o: Array, y: Array) -> Array:
        """Return the loss of each row."""
        return LOSSES[self.loss][0](o, y)

    def gradient_and_losses(
        self, o: Array, labels: Array, weights: Array, kernels: Backend
    ) -> tuple[Array, Array]:
        """Return the weighted gradient at the logits, and the losses, by the backend if it can."""
        if self.loss == "cross_entropy" and kernels.cross_entropy is not None:
            return kernels.cross_entropy(o, labels, weights)
        loss, gradient = LOSSES[self.loss]
        y = self.targets(labels, o)
        return gradient(o, y) * weights[:, None], loss(o, y)

    def predictions(self, o: Array) -> Array:
        """Return the probabilities of the classes: the softmax of the logits."""
        return softmax(o)

    def strata(self, labels: np.ndarray) -> np.ndarray:
        """Return the class numbers."""
        return labels

    def calibration_losses(self, o: Array, y: Array) -> Array:
        """Return the cross-entropy, with any training loss."""
        return cross_entropy(o, y)

    def calibration_slopes(self, o: Array, y: Array) -> Array:
        """Return sum_j (s_j - y_j) o_j of each row, the derivative of its cross-entropy."""
        return o.__array_namespace__().sum((softmax(o) - y) * o, axis=-1)

    def scores(self, predictions: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Scores:
        """Return the accuracy and the log-loss of probabilities."""
        of_truth = predictions[np.arange(len(labels)), labels]
        of_truth = np.maximum(of_truth, np.finfo(np.float64).tiny)
        return Scores(
            accuracy=float(np.average(predictions.argmax(axis=1) == labels, weights=weights)),
            log_loss=float(np.average(-np.log(of_truth), weights=weights)),
        )


# By the name of the loss, which determines the task.
OBJECTIVES: dict[str, Objective] = {loss: Classification(loss) for loss in LOSSES}
