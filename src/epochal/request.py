"""What a fit is asked, and what it gives: plain records, so that asking loads no JAX."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sklearn.utils import column_or_1d

from epochal.data.sources.frames import as_labels
from epochal.errors import DataError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from epochal.data.schema import Rows
    from epochal.learn.loop import TrainingState
    from epochal.model.description import Model
    from epochal.records import EpochEvent
    from epochal.settings import Settings


@dataclass(frozen=True)
class Labelled:
    """Rows with their labels, and weights where rows count differently.

    Rows of one of the `groups` are on one side of every split; with `times` the
    latest rows are those that validate.
    """

    rows: Rows
    labels: np.ndarray
    weight: np.ndarray | None = None
    groups: np.ndarray | None = None
    times: np.ndarray | None = None


@dataclass(frozen=True)
class Circumstances:
    """How to train, apart from the settings: seed, class weights, observers, device."""

    seed: int
    class_weight: Any = None
    observers: Sequence[Callable[[EpochEvent], Any]] = ()
    device: str = "auto"


class Fitted(NamedTuple):
    """The model, what members say of the rows they left out, and the state to go on from.

    `left_out` has shape (rows, classes), NaN for rows that no member left out;
    None if none left any out. `state` is None for a model that was loaded.
    """

    model: Model
    left_out: np.ndarray | None
    state: TrainingState | None


def beside(
    data: Labelled, groups: Any, times: Any, settings: Settings, *, validated: bool
) -> Labelled:
    """Return the rows with what else is known of them; refuse what contradicts other arguments.

    Args:
        data: the rows.
        groups: the group of each row, or None.
        times: the time of each row, or None.
        settings: whether members stop early.
        validated: whether rows of their own validate.
    """
    data = replace(
        data, groups=_of_rows(groups, "groups", data), times=_of_rows(times, "times", data)
    )
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
    if len(found) != len(data.labels):
        message = f"{name} has {len(found)} values for {len(data.labels)} rows"
        raise DataError(message, "one for each row")
    return found
