"""The only Python loop over epochs: it asks stopping, keeps the best copies, tells observers."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from epochal.errors import SettingError, TrainingError
from epochal.nn.layers import outputs
from epochal.preprocessing.byte_scaling import are_bytes
from epochal.records import EpochEvent, History
from epochal.training import ensemble
from epochal.training.early_stopping import Outcome, StoppingState, decide_after_epoch
from epochal.training.interrupt import stop_request
from epochal.training.optimizers import schedule_multipliers
from epochal.training.parallel import grouped
from epochal.training.state import EpochSums, TrainingProgress, TrainingState
from epochal.training.step import MemberConfig, Program, Segment, no_logits
from epochal.training.validator import Validator

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from epochal.config.settings import Settings
    from epochal.loader.batches import Epochs, HostSegment
    from epochal.loader.validation_rows import ValidationSet
    from epochal.nn.layers import Layers
    from epochal.preprocessing.byte_scaling import Scaling
    from epochal.training.parallel import Group, Groups
    from epochal.training.step import CrossFitLogits

# Multiplications that are handed over at once, in short epochs after which nothing is asked: some
# hundredths of a second; and batches, with which an epoch is no longer short. Of so many some tenths
# of a second are handed over before the last such piece has been waited for.
TOGETHER, SHORT, AHEAD = 2**28, 64, 2**33
# With an adaptive rate: how many times it is reduced before a member stops, and to what part.
REDUCTIONS, REDUCTION = 2, 0.3


@dataclass(frozen=True)
class Task:
    """A training: what is compiled, what the members are, which rows they see."""

    program: Program
    settings: Settings
    fixed: MemberConfig
    epochs: Epochs
    validation_set: ValidationSet | None
    scaling: Scaling | None = None  # of rows that are bytes
    device: jax.Device | None = None
    trim_heap: Callable[[], Any] | None = None  # gives freed memory back, if memory is limited


class Trained(NamedTuple):
    """What a training leaves: the best copies, the state to go on from, the curves.

    `cross_fit_logits` are each member's logits (rows, classes) of the rows that judged it, each
    by a copy that it had no part in choosing; None without such rows.
    """

    layers: list[Layers]
    state: TrainingState
    history: History
    cross_fit_logits: list[np.ndarray] | None


def train(
    task: Task,
    start: TrainingState,
    max_iter: int,
    observers: Sequence[Callable[[EpochEvent], Any]],
    checkpoint: Callable[[Callable[[], TrainingState]], Any] | None = None,
) -> Trained:
    """Return the best copies after at most `max_iter` more epochs.

    Ends when every member has stopped, at the epoch or time limit, or when the
    user interrupts; whichever it was, each member's copy at its lowest
    validation loss is returned (its last finite copy without validation rows).

    Args:
        task: the training.
        start: where it begins, or goes on; left as it is.
        max_iter: epochs to do at the most.
        observers: called with an `EpochEvent` after each epoch.
        checkpoint: called after each segment that another one follows, with a function that gives
            the state from which the training would go on there.

    Raises:
        SettingError: if a training goes on with other rows or another seed.
        TrainingError: if a member never had a finite loss.
    """
    if start.progress is not None and start.progress.seed != task.epochs.seed:
        raise SettingError(
            f"a training of seed {start.progress.seed} goes on with seed {task.epochs.seed}",
            "the same seed",
        )
    best = start.members.eval_layers if start.best is None else start.best
    with (
        stop_request() as request,
        jax.default_device(task.device),
        grouped(
            task.program, task.fixed, start.members, best, task.device, task.trim_heap
        ) as groups,
    ):
        run = _Run(task, groups, start, max_iter)
        return run.finish(observers, lambda: request.made, checkpoint)


class _Run:
    """One call of `train`: the members on the device and the curves on the host."""

    def __init__(self, task: Task, groups: Groups, start: TrainingState, max_iter: int) -> None:
        self.task, self.groups = task, groups
        progress = start.progress or TrainingProgress.fresh(
            task.epochs.seed, start.epoch, groups.members
        )
        self.began = time.perf_counter() - progress.seconds
        self.first, self.begin, self.batch = progress.first, start.epoch, progress.batch
        self.limit = start.epoch + max_iter
        number = groups.members
        self.validator = (
            Validator(task.validation_set, task.scaling)
            if task.validation_set is not None
            else None
        )
        if progress.cross_fit_logits is not None:
            groups.load_logits(progress.cross_fit_logits)
        elif self.validator is not None:
            groups.reset_logits(no_logits(self.validator.capacity, outputs(start.members.layers)))
        # One member's rows stay where they are on the CPU, and are not copied either; those of several
        # are gathered once for all.
        alone = number == 1 and not task.program.vectorised
        asked = self.validator is not None or bool(start.members.average)
        weights = sum(leaf.size for leaf in jax.tree.leaves(start.members.layers))
        self.epochs = task.epochs.joined(
            1 if asked else self._together(weights),
            in_place=alone,
            long=AHEAD // weights,
        )
        table = self.epochs.table
        self.table = None if table is None else jax.device_put(table, may_alias=True)
        rows = min(self.epochs.capacity * task.epochs.batch_size, task.epochs.source.n_rows)
        self.ahead = self.epochs.together > 1 or (
            alone and table is not None and not asked and rows * weights <= AHEAD
        )
        self.outcome = list(progress.outcome)
        self.active = np.array([outcome is Outcome.IMPROVING for outcome in self.outcome])
        self.rates, self.sums = progress.rates, progress.sums
        self.stopping = self._to_beat(start) if start.progress is None else list(progress.stopping)
        self.training, self.validation = (
            [list(curve) for curve in curves] for curves in (progress.training, progress.validation)
        )

    def finish(
        self,
        observers: Sequence[Callable[[EpochEvent], Any]],
        interrupted: Callable[[], bool],
        checkpoint: Callable[[Callable[[], TrainingState]], Any] | None,
    ) -> Trained:
        """Train to the end and return the result."""
        epoch, ending, done, segment = self.begin, None, None, None
        segments = self._trained()
        while self.active.any() and ending is None:
            segment = next(segments, None)
            if segment is None:
                break
            done, losses = segment
            ending = self._ending(done, interrupted=interrupted())
            by_epoch = zip(losses, done.by_epoch(done.weights), strict=True)
            for epoch, (loss, weight) in enumerate(by_epoch, done.epoch + 1):
                self.sums = self.sums.plus(loss, weight, done.rows)
                if done.ends or ending is not None:
                    latest = epoch == done.epoch + done.epochs
                    event = self._end_epoch(epoch, latest=latest)
                    for observer in observers:
                        observer(event)
            if checkpoint is not None and ending is None and self.active.any():
                checkpoint(partial(self._snapshot, done))
        # The result needs the memory of the rows.
        segments.close()
        del done, segment
        return self._result(epoch, ending)

    def _upcoming(self) -> Iterator[HostSegment]:
        """Yield the segments from the batch on at which the training begins."""
        place = self.begin, self.batch
        for segment in self.epochs.stream(self.begin, self.limit):
            there = segment.epoch, segment.first_batch
            if there < place:
                continue
            if place[1] and there != place:
                raise SettingError(
                    f"a training goes on at batch {place[1]} of an epoch, where no segment begins",
                    "the rows and the memory limit with which it began",
                )
            place = self.begin, 0
            yield segment

    def _trained(self) -> Generator[tuple[HostSegment, np.ndarray]]:
        """Train on one segment after the other; yield each with the sums of its losses by epoch."""
        upcoming = self._upcoming()
        if self.ahead:
            yield from self._trained_ahead(upcoming)
            return
        segment = next(upcoming, None)
        losses = self._dispatch(segment)
        while segment is not None:
            # Gathered while the device trains.
            done, segment = segment, next(upcoming, None)
            by_epoch = done.by_epoch(losses())
            if self.task.trim_heap is not None:
                self.task.trim_heap()
            yield done, by_epoch
            losses = self._dispatch(segment)

    def _trained_ahead(
        self, upcoming: Iterator[HostSegment]
    ) -> Generator[tuple[HostSegment, np.ndarray]]:
        """Do the same where nothing that is told of some epochs changes the next ones.

        These train meanwhile: what comes next is handed over before it is waited for.
        """
        flying: deque[tuple[HostSegment, Callable[[], np.ndarray]]] = deque()

        def hand_over(segments: Iterable[HostSegment]) -> None:
            """Begin training on some segments."""
            for segment in segments:
                self.groups.hold()
                flying.append((segment, self._dispatch(segment)))

        hand_over(islice(upcoming, self.groups.ahead))
        while flying:
            done, losses = flying.popleft()
            by_epoch = done.by_epoch(losses())
            if self.task.trim_heap is not None:
                self.task.trim_heap()
            if self.epochs.together == 1 or np.isfinite(by_epoch[:, self.active]).all():
                self.groups.release()
                hand_over(islice(upcoming, 1))
                yield done, by_epoch
                continue
            # The last finite copy is wanted, of an epoch in between: again, one by one.
            again = [segment for segment, _ in flying]
            flying.clear()
            self.groups.recall()
            for one in done.apart():
                self.groups.hold()
                by_epoch = one.by_epoch(self._dispatch(one)())
                self.groups.release()
                yield one, by_epoch
            hand_over(again)

    def _to_beat(self, start: TrainingState) -> list[StoppingState]:
        """Return what is known of each member's losses before the first epoch of this call."""
        if self.validator is None or start.best is None:
            return [StoppingState() for _ in self.active]
        losses = map(float, self.validator.losses(self.groups, _best, self.active))
        return [
            StoppingState(reference=loss, best_loss=loss, best_epoch=epoch)
            if math.isfinite(loss)
            else StoppingState()
            for loss, epoch in zip(losses, start.best_epoch, strict=True)
        ]

    def _together(self, weights: int) -> int:
        """Return how many epochs of so many weights are handed over at once, if nothing is asked."""
        work = self.task.epochs.source.n_rows * weights
        return min(TOGETHER // work, SHORT // self.task.epochs.batches, self.limit - self.begin)

    def _dispatch(self, segment: HostSegment | None) -> Callable[[], np.ndarray]:
        """Begin training on a segment, if there is one; return what waits for the batches' losses."""
        task, settings = self.task, self.task.settings
        if segment is None:
            return lambda: np.empty((0, 0))
        # The schedule runs from the beginning of this call to its epoch limit.
        total = (self.limit - self.first) * task.epochs.batches
        first = (segment.epoch - self.first) * task.epochs.batches + segment.first_batch
        steps = np.minimum(first + np.arange(len(segment.counts)), total)
        on_device = Segment(
            # Nobody writes to a segment: on the CPU it is not copied.
            x=jax.device_put(segment.x, may_alias=True) if self.table is None else self.table,
            order=segment.order,
            y=segment.y,
            counts=segment.counts,
            factors=schedule_multipliers(settings.learning_rate, steps, total),
            batches=np.int32(segment.batches),
            scaling=task.scaling if are_bytes(segment.x) else None,
        )
        rates = np.where(self.active, self.rates, 0.0)
        return self.groups.start(
            lambda group: group.train(on_device, segment.weights, rates), "train"
        )

    def _ending(self, done: HostSegment, *, interrupted: bool) -> Outcome | None:
        """Return what ends the training after this segment, for members still training."""
        limit = self.task.settings.time_limit
        if interrupted:
            return Outcome.INTERRUPTED
        if done.ends and done.epoch + done.ends >= self.limit:
            return Outcome.EPOCH_LIMIT
        if limit is not None and time.perf_counter() - self.began >= limit:
            return Outcome.TIME_LIMIT
        return None

    def _end_epoch(self, epoch: int, *, latest: bool) -> EpochEvent:
        """Average, validate and stop members; return the event for the observers.

        Args:
            epoch: counted from 1.
            latest: whether the members are as this epoch left them, and not a later one.
        """
        losses, weights, rows = self.sums
        self.sums = EpochSums.zero(len(self.active))
        with np.errstate(invalid="ignore"):
            training_loss = losses / weights
        if self.task.settings.ema_decay:
            # The first epoch's layers are all there is to average.
            stays = self.task.settings.ema_decay if epoch > 1 else 0.0
            self.groups.average(np.where(self.active, stays, 1.0))
        self._validate_epoch(epoch, training_loss, latest=latest)
        event = self._event(epoch, rows * int(self.active.sum()))
        self.active &= np.array([o is Outcome.IMPROVING for o in self.outcome])
        return event

    def _validate_epoch(self, epoch: int, training_loss: np.ndarray, *, latest: bool) -> None:
        """Record an epoch's losses, keep new best checkpoints, and decide which members stop."""
        settings = self.task.settings
        losses = training_loss
        if self.validator is not None:
            losses = self.validator.losses(self.groups, _current, self.active)
        keep, back = np.zeros((2, len(self.active)), bool)
        for k in np.flatnonzero(self.active):
            loss = float(losses[k])
            self.training[k].append(float(training_loss[k]))
            if self.validator is None:
                # Without a validation set the last finite checkpoint is kept.
                keep[k] = math.isfinite(loss)
                if keep[k]:
                    self.stopping[k] = StoppingState(best_loss=loss, best_epoch=epoch)
                else:
                    self.outcome[k] = Outcome.NON_FINITE
                continue
            self.validation[k].append(loss)
            self.stopping[k], keep[k], stop, back[k] = decide_after_epoch(
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
        if latest:
            self.groups.keep(keep)
        if back.any():
            self.groups.restore_best(back)
            self.rates = np.where(back, REDUCTION * self.rates, self.rates)

    def _event(self, epoch: int, rows: int) -> EpochEvent:
        """Return what observers are told."""

        def latest(curves: list[list[float]]) -> tuple[float, ...]:
            return tuple(
                curve[-1] if active and curve else math.nan
                for curve, active in zip(curves, self.active, strict=True)
            )

        return EpochEvent(
            epoch=epoch,
            max_iter=self.limit,
            training_loss=latest(self.training),
            validation_loss=latest(self.validation),
            best_loss=tuple(state.best_loss for state in self.stopping),
            best_epoch=tuple(state.best_epoch for state in self.stopping),
            active=tuple(outcome is Outcome.IMPROVING for outcome in self.outcome),
            rows=rows,
            seconds=time.perf_counter() - self.began,
        )

    def _progress(self, batch: int, cross_fit_logits: CrossFitLogits) -> TrainingProgress:
        """Return what is known beside weights and moments, after so many batches of an epoch."""
        return TrainingProgress(
            seed=self.task.epochs.seed,
            first=self.first,
            batch=batch,
            seconds=time.perf_counter() - self.began,
            sums=self.sums,
            rates=self.rates,
            stopping=tuple(self.stopping),
            outcome=tuple(self.outcome),
            training=tuple(map(tuple, self.training)),
            validation=tuple(map(tuple, self.validation)),
            cross_fit_logits=None if self.validator is None else cross_fit_logits,
        )

    def _snapshot(self, done: HostSegment) -> TrainingState:
        """Return the state after a segment, which later ones do not change."""
        states, best, cross_fit_logits = self.groups.gathered(
            lambda group: (group.settled, group.best, group.cross_fit_logits)
        )
        return TrainingState(
            members=states,
            epoch=done.epoch + done.ends,
            best=best,
            best_epoch=tuple(state.best_epoch for state in self.stopping),
            progress=self._progress(
                0 if done.ends else done.first_batch + done.batches, cross_fit_logits
            ),
        )

    def _result(self, epoch: int, ending: Outcome | None) -> Trained:
        """Return the best copies, or refuse if there is none."""
        # Of one group after the other, which does not keep them: they are there once.
        states, best_layers = self.groups.gathered(lambda group: group.given_up())
        copies = ensemble.unstacked(best_layers)
        diverged = [
            k
            for k, state in enumerate(self.stopping)
            if state.best_epoch == 0
            or not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(copies[k]))
        ]
        if diverged:
            rate = float(self.task.settings.learning_rate_init)
            raise TrainingError.from_divergence(diverged, epoch, rate)
        outcomes = [
            ending if outcome is Outcome.IMPROVING and ending is not None else outcome
            for outcome in self.outcome
        ]
        best = [state.best_loss for state in self.stopping]
        history = History(
            training_loss=tuple(map(tuple, self.training)),
            validation_loss=tuple(map(tuple, self.validation)),
            best_epoch=tuple(state.best_epoch for state in self.stopping),
            best_loss=tuple(loss if math.isfinite(loss) else None for loss in best),
            outcome=tuple(str(outcome) for outcome in outcomes),
        )
        logits = self.groups.gathered(lambda group: group.cross_fit_logits)
        progress = self._progress(0, logits)
        state = TrainingState(states, epoch, best_layers, history.best_epoch, progress)
        cross_fit_logits = (
            None if self.validator is None else self.validator.logits_by_member(logits)
        )
        return Trained(copies, state, history, cross_fit_logits)


def _best(group: Group) -> Layers:
    """Return the best copies of a group's members."""
    return group.best


def _current(group: Group) -> Layers:
    """Return the layers of a group's members that are judged after this epoch."""
    return group.settled.eval_layers
