"""The arguments and the result of a fit, as records; importing them loads neither JAX nor scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epochal.errors import SettingError
from epochal.loader.memory import NO_LIMIT, Memory
from epochal.model.parameters import Parameters
from epochal.training.checkpoint_files import INTERVAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from epochal.config.settings import Settings
    from epochal.model.description import Model
    from epochal.records import EpochEvent
    from epochal.tables.dataset import Labelled
    from epochal.training.state import TrainingState


class CheckpointPlan(NamedTuple):
    """The folder of a training's checkpoints, how the training was begun, and the seconds between them."""

    folder: str
    command: dict[str, Any] | None = None
    interval: float = INTERVAL


@dataclass(frozen=True)
class RunConfig:
    """How to train, apart from the settings: seed, class weights, observers, device, memory, checkpoints.

    `parameters` are the user's parameters, unresolved: the model stores them, and training ignores them.
    """

    seed: int
    class_weight: Any = None
    observers: Sequence[Callable[[EpochEvent], Any]] = ()
    device: str = "auto"
    memory: Memory = NO_LIMIT
    checkpoints: CheckpointPlan | None = None
    parameters: Parameters = field(default_factory=Parameters)


class Fitted(NamedTuple):
    """The model, its out-of-bag probabilities, and the state to continue from.

    `oob_probabilities` has shape (rows, classes), NaN for rows that all members trained on; None without
    out-of-bag rows, or if memory is limited. `state` is None for a loaded model.
    """

    model: Model
    oob_probabilities: np.ndarray | None = None
    state: TrainingState | None = None


def check_timestamps(data: Labelled, settings: Settings, *, validated: bool) -> None:
    """Raise an error if timestamps contradict other arguments.

    Args:
        data: the rows.
        settings: whether members stop early.
        validated: whether rows of their own validate.
    """
    if data.timestamps is None:
        return
    if data.groups is not None:
        raise SettingError(
            "both timestamps and groups were given (--time and --group)", "one of them"
        )
    if validated:
        raise SettingError(
            "both timestamps and X_val were given", "one of them: both choose the validation rows"
        )
    if not settings.early_stopping:
        raise SettingError("timestamps were given with early_stopping=False", "early_stopping=True")


def print_epoch(event: EpochEvent) -> None:
    """Print a line about an epoch; returns nothing."""

    def mean(values: Sequence[float]) -> float:
        """Return the mean over the members that have a value."""
        there = [value for value in values if value == value]  # noqa: PLR0124  (not NaN)
        return float(np.mean(there)) if there else float("nan")

    print(  # noqa: T201
        f"epoch {event.epoch}/{event.max_iter}  "
        f"training loss {mean(event.training_loss):.4f}  "
        f"validation loss {mean(event.validation_loss):.4f}  "
        f"best {mean(event.best_loss):.4f}  "
        f"{sum(event.active)} training"
    )
