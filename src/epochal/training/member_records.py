"""What the epochs of a training have shown of each member: its curves, and what follows from them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.records import EpochEvent, History
from epochal.training.early_stopping import Outcome, StoppingState, decide_after_epoch

if TYPE_CHECKING:
    from epochal.config.settings import Settings
    from epochal.training.state import TrainingProgress

# With an adaptive rate: how often it is reduced before a member stops, and the factor.
REDUCTIONS, REDUCTION = 2, 0.3


class Verdict(NamedTuple):
    """Which members keep their layers as their best checkpoint, and which return to it; bool (members,)."""

    keep: np.ndarray
    restore: np.ndarray


class MemberRecords:
    """The curves, stopping states, learning rates and outcomes of the members."""

    def __init__(self, progress: TrainingProgress, settings: Settings) -> None:
        self.settings = settings
        self.rates = progress.rates
        self.stopping, self.outcome = list(progress.stopping), list(progress.outcome)
        self.training, self.validation = (
            [list(curve) for curve in curves] for curves in (progress.training, progress.validation)
        )
        self.active = self._improving()

    @property
    def have_checkpoints(self) -> bool:
        """Whether every member has a best checkpoint of this training."""
        return all(state.best_epoch for state in self.stopping)

    def begin_from(self, losses: np.ndarray, best_epoch: tuple[int, ...]) -> None:
        """Count the best checkpoints with which the training begins, of these losses and epochs; returns nothing."""
        self.stopping = [
            StoppingState(reference=loss, best_loss=loss, best_epoch=epoch)
            if math.isfinite(loss)
            else StoppingState()
            for loss, epoch in zip(map(float, losses), best_epoch, strict=True)
        ]

    def add_epoch(
        self, epoch: int, training_loss: np.ndarray, validation_loss: np.ndarray | None
    ) -> Verdict:
        """Return what follows from an epoch's losses; `active` changes with `drop_stopped` only.

        Args:
            epoch: counted from 1.
            training_loss: of each member.
            validation_loss: of each member; None without a validation set.
        """
        keep, restore = np.zeros((2, len(self.active)), bool)
        for k in np.flatnonzero(self.active).tolist():
            self.training[k].append(float(training_loss[k]))
            if validation_loss is None:
                keep[k] = self._last_finite(k, epoch)
            else:
                self.validation[k].append(float(validation_loss[k]))
                keep[k], restore[k] = self._decided(k, epoch)
        self.rates = np.where(restore, REDUCTION * self.rates, self.rates)
        return Verdict(keep, restore)

    def drop_stopped(self) -> None:
        """Let members that have stopped no longer be active; returns nothing."""
        self.active &= self._improving()

    def event(self, epoch: int, max_iter: int, rows: int, seconds: float) -> EpochEvent:
        """Return the event of an epoch for the observers."""
        return EpochEvent(
            epoch=epoch,
            max_iter=max_iter,
            training_loss=self._latest(self.training),
            validation_loss=self._latest(self.validation),
            best_loss=tuple(state.best_loss for state in self.stopping),
            best_epoch=tuple(state.best_epoch for state in self.stopping),
            active=tuple(self._improving().tolist()),
            rows=rows,
            seconds=seconds,
        )

    def history(self, ending: Outcome | None) -> History:
        """Return the curves, and how each member ended: all that were still training, by `ending`."""
        outcomes = [
            ending if outcome is Outcome.IMPROVING and ending is not None else outcome
            for outcome in self.outcome
        ]
        best = [state.best_loss for state in self.stopping]
        return History(
            training_loss=tuple(map(tuple, self.training)),
            validation_loss=tuple(map(tuple, self.validation)),
            best_epoch=tuple(state.best_epoch for state in self.stopping),
            best_loss=tuple(loss if math.isfinite(loss) else None for loss in best),
            outcome=tuple(map(str, outcomes)),
        )

    def _last_finite(self, k: int, epoch: int) -> bool:
        """Return whether to keep a member's checkpoint, without a validation set: the last finite one."""
        loss = self.training[k][-1]
        if not math.isfinite(loss):
            self.outcome[k] = Outcome.NON_FINITE
            return False
        self.stopping[k] = StoppingState(best_loss=loss, best_epoch=epoch)
        return True

    def _decided(self, k: int, epoch: int) -> tuple[bool, bool]:
        """Return whether to keep a member's checkpoint, and whether to return to the best one."""
        settings, loss = self.settings, self.validation[k][-1]
        self.stopping[k], keep, stop, restore = decide_after_epoch(
            self.stopping[k],
            epoch,
            loss,
            tol=settings.tol,
            n_iter_no_change=settings.n_iter_no_change,
            reductions=REDUCTIONS if settings.learning_rate == "adaptive" else 0,
        )
        if stop and settings.early_stopping:
            finite = math.isfinite(loss)
            self.outcome[k] = Outcome.STOPPED if finite else Outcome.NON_FINITE
        return keep, restore

    def _improving(self) -> np.ndarray:
        """Return which members have not stopped, bool (members,)."""
        return np.array([outcome is Outcome.IMPROVING for outcome in self.outcome])

    def _latest(self, curves: list[list[float]]) -> tuple[float, ...]:
        """Return the last loss of each active member; NaN of the others."""
        return tuple(
            curve[-1] if active and curve else math.nan
            for curve, active in zip(curves, self.active, strict=True)
        )
