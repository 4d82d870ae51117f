"""What a fit is asked, and what it gives: plain records, so that asking loads no JAX."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import _check_sample_weight

from epochal.data.memory import NO_LIMIT, Memory
from epochal.data.rows import len_of
from epochal.data.sources.frames import as_labels
from epochal.errors import DataError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from epochal.data.labelled import Labelled
    from epochal.data.rows import Rows
    from epochal.learn.loop import TrainingState
    from epochal.model.description import Model
    from epochal.records import EpochEvent
    from epochal.settings import Settings


@dataclass(frozen=True)
class Circumstances:
    """How to train, apart from the settings: seed, class weights, observers, device, memory."""

    seed: int
    class_weight: Any = None
    observers: Sequence[Callable[[EpochEvent], Any]] = ()
    device: str = "auto"
    memory: Memory = NO_LIMIT


class Fitted(NamedTuple):
    """The model, what members say of the rows they left out, and the state to go on from.

    `left_out` has shape (rows, classes), NaN for rows that no member left out;
    None if none left any out, or memory is limited. `state` is None for a model that
    was loaded.
    """

    model: Model
    left_out: np.ndarray | None
    state: TrainingState | None


def checked_labels(rows: Rows, y: Any, weight: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the labels and weights of rows in memory, checked as scikit-learn does."""
    labels = column_or_1d(as_labels(y), warn=True)
    if len(labels) != rows.shape[0]:
        counts = f"[{rows.shape[0]}, {len(labels)}]"
        msg = f"Found input variables with inconsistent numbers of samples: {counts}"
        raise ValueError(msg)
    if weight is not None:
        one_each = np.empty((len(labels), 1))
        weight = _check_sample_weight(weight, one_each, dtype=np.float64, ensure_non_negative=True)
    return labels, weight


def checked_beside(data: Labelled, settings: Settings, *, validated: bool) -> Labelled:
    """Return the rows with groups and times as arrays; refuse what contradicts other arguments.

    Args:
        data: the rows.
        settings: whether members stop early.
        validated: whether rows of their own validate.
    """
    groups, times = _of_rows(data.groups, "groups", data), _of_rows(data.times, "times", data)
    data = replace(data, groups=groups, times=times)
    if data.times is None:
        return data
    if data.groups is not None:
        raise SettingError("both times and groups were given", "one of them")
    if validated:
        raise SettingError("times was given beside X_val", "one of them: both say what validates")
    if not settings.early_stopping:
        raise SettingError("times was given with early_stopping=False", "early_stopping=True")
    return data


def _of_rows(values: Any, name: str, data: Labelled) -> np.ndarray | None:
    """Return one value for each row, or None if there are none."""
    if values is None:
        return None
    found: np.ndarray = column_or_1d(as_labels(values))
    if len(found) != len_of(data.rows):
        message = f"{name} has {len(found)} values for {len_of(data.rows)} rows"
        raise DataError(message, "one for each row")
    return found


def print_epoch(event: EpochEvent) -> None:
    """Print one line about an epoch."""

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
