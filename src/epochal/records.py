"""Records of a training and its results: events, curves, scores, calibration; no logic, no JAX.

Members come first on the axes of lists: `history.training_loss[member][epoch]`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class EpochEvent:
    """The argument of callbacks after each epoch.

    Epochs count from 1. Losses are means over weighted rows, one per member, in nats for cross-entropy;
    those of a stopped member are NaN. `rows` is the number of rows trained on in this epoch, summed over
    the members; `seconds` is the time since the training began.
    """

    epoch: int
    max_iter: int
    training_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    best_loss: tuple[float, ...]
    best_epoch: tuple[int, ...]
    active: tuple[bool, ...]
    rows: int
    seconds: float

    @property
    def improved(self) -> bool:
        """Whether any member reached a new low in this epoch."""
        return any(best == self.epoch for best in self.best_epoch)


@dataclass(frozen=True)
class History:
    """The curves of a training, and how each member ended.

    `training_loss[k][e]` is member k's loss over its training rows during epoch e + 1, with dropout and
    while the weights change. `validation_loss[k]` is empty without a validation set. `best_epoch[k]`
    counts from 1 (0: the state before the first epoch). `outcome[k]` is a value of
    `epochal.training.early_stopping.Outcome`.
    """

    training_loss: tuple[tuple[float, ...], ...]
    validation_loss: tuple[tuple[float, ...], ...]
    best_epoch: tuple[int, ...]
    best_loss: tuple[float | None, ...]
    outcome: tuple[str, ...]

    @property
    def epochs(self) -> int:
        """The number of epochs done by the member that trained longest."""
        return max(map(len, self.training_loss))

    def extended_by(self, later: History) -> History:
        """Return this history, extended by that of the continued training.

        Epochs after a member's stop, and epochs without a validation set, are NaN.
        """

        def joined(
            before: tuple[tuple[float, ...], ...], after: tuple[tuple[float, ...], ...]
        ) -> tuple[tuple[float, ...], ...]:
            return tuple(
                old + (math.nan,) * (self.epochs - len(old)) + new if new else old
                for old, new in zip(before, after, strict=True)
            )

        return replace(
            later,
            training_loss=joined(self.training_loss, later.training_loss),
            validation_loss=joined(self.validation_loss, later.validation_loss),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the history as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> History:
        """Return the history that `to_dict` described."""
        return cls(
            training_loss=tuple(map(tuple, values["training_loss"])),
            validation_loss=tuple(map(tuple, values["validation_loss"])),
            best_epoch=tuple(values["best_epoch"]),
            best_loss=tuple(values["best_loss"]),
            outcome=tuple(values["outcome"]),
        )


@dataclass(frozen=True)
class ClassFigures:
    """Precision, recall and F1 of one class; `support` is its number of rows."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Evaluation:
    """The metrics of probabilities on labelled rows.

    `log_loss` is in nats. `calibration_error` is the expected calibration error over 15 equal-width bins
    of the winning probability. `auc` is the area under the ROC curve, for more than two classes the
    unweighted mean of one class against the rest; None if it is undefined. `confusion[i][j]` is the
    number of rows of class i that were predicted as class j.
    """

    rows: int
    log_loss: float
    accuracy: float
    balanced_accuracy: float
    auc: float | None
    calibration_error: float
    confusion: tuple[tuple[int, ...], ...]
    classes: tuple[ClassFigures, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class Calibration:
    """The calibration of members' logits o_k to probabilities.

    p ~ (sum_k weights_k softmax(inverse_temperature_k o_k)) ^ exponent, with weights that sum to 1.
    With a prior π the probabilities are (1 - sum π) p + π: no class is less probable than its π.
    """

    inverse_temperature: tuple[float, ...]
    weights: tuple[float, ...]
    exponent: float
    prior: tuple[float, ...] = ()  # of each class; of none, if there is no prior

    @classmethod
    def none(cls, members: int) -> Calibration:
        """Return the calibration of a plain mean over the members."""
        return cls((1.0,) * members, (1.0 / members,) * members, 1.0)

    def of(self, member: int) -> Calibration:
        """Return the calibration of one member alone."""
        return Calibration((self.inverse_temperature[member],), (1.0,), 1.0)


@dataclass(frozen=True)
class OutOfBag:
    """Scores on out-of-bag rows, each predicted by the members that did not train on it.

    `optimistic` is True if an earlier training that this one continued may have trained on the rows; the
    scores are then slightly too good.

    Few members cover a row, and the whole ensemble is better than few: `expected_log_loss` is the
    expected log-loss of the ensemble on new rows, extrapolated from the gain of averaging the members
    that cover a row; None if only one does.
    """

    rows: int
    accuracy: float
    log_loss: float
    optimistic: bool
    expected_log_loss: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as JSON-ready values."""
        return asdict(self)
