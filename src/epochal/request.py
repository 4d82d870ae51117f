"""What a fit is asked, and what it gives: plain records, so that asking loads no JAX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from epochal.data.schema import Rows
    from epochal.learn.loop import TrainingState
    from epochal.model.description import Model
    from epochal.records import EpochEvent


@dataclass(frozen=True)
class Labelled:
    """Rows with their labels, and weights where rows count differently."""

    rows: Rows
    labels: np.ndarray
    weight: np.ndarray | None = None


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
