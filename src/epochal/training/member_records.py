"""What the epochs of a training have shown of each member: its curves, and what follows from them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.records import EpochEvent, History
from epochal.training.cooldown import after_plateau
from epochal.training.early_stopping import Outcome, StoppingState, decide_after_epoch

if TYPE_CHECKING:
    from epochal.config.settings import Settings
    from epochal.training.state import TrainingProgress

# How often a member returns to its best checkpoint, with a smaller rate, before it stops; and the factor
# of an adaptive rate.
REDUCTIONS, REDUCTION = {"adaptive": 2, "cooldown": 1}, 0.3


class Verdict(NamedTuple):
    """Which members keep their layers as their best checkpoint, and which return to it; bool (members,)."""

    keep: np.ndarray
    restore: np.ndarray


class MemberRecords:
    """The curves, stopping states, learning rates and outcomes of the members."""

    def __init__(self, progress: TrainingProgress, settings: Settings) -> None:
        self.settings, self.first = settings, progress.first
        self.rates, self.cooldowns = progress.rates, list(progress.cooldowns)
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
        self.rates = self._next_rates(epoch, restore)
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
            reductions=REDUCTIONS.get(settings.learning_rate, 0),
        )
        if self.cooldowns[k].end:
            # Patience has ended before.
            stop = epoch >= self.cooldowns[k].end
        if stop and settings.early_stopping:
            finite = math.isfinite(loss)
            self.outcome[k] = Outcome.STOPPED if finite else Outcome.NON_FINITE
        return keep, restore

    def _next_rates(self, epoch: int, restore: np.ndarray) -> np.ndarray:
        """Return the factors on the members' learning rates in the next epoch; cooldowns may begin.

        Args:
            epoch: the last one.
            restore: which members return to their best checkpoint, bool (members,).
        """
        if self.settings.learning_rate != "cooldown":
            return np.where(restore, REDUCTION * self.rates, self.rates)
        for k in np.flatnonzero(restore).tolist():
            epochs_to_best = self.stopping[k].best_epoch - self.first
            self.cooldowns[k] = after_plateau(epoch, epochs_to_best)
        rates = self.rates.copy()
        for k, cooldown in enumerate(self.cooldowns):
            if epoch < cooldown.end:
                rates[k] = cooldown.rate(epoch)
        return rates

    def _improving(self) -> np.ndarray:
        """Return which members have not stopped, bool (members,)."""
        return np.array([outcome is Outcome.IMPROVING for outcome in self.outcome])

    def _latest(self, curves: list[list[float]]) -> tuple[float, ...]:
        """Return the last loss of each active member; NaN of the others."""
        return tuple(
            curve[-1] if active and curve else math.nan
            for curve, active in zip(curves, self.active, strict=True)
        )
