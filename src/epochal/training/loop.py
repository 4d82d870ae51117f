"""The training loop over epochs: early stopping, best checkpoints, callbacks."""

from __future__ import annotations

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
from epochal.signals import stop_requests
from epochal.training import ensemble
from epochal.training.early_stopping import Outcome
from epochal.training.member_records import MemberRecords
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
    from epochal.records import EpochEvent, History
    from epochal.signals import Request
    from epochal.training.checkpoints import Checkpoints
    from epochal.training.parallel import Group, Groups
    from epochal.training.step import CrossFitLogits

# Bounds of a segment with several epochs: multiplications (some hundredths of a second), and batches.
# Segments of one epoch with at most the last number of multiplications (some tenths of a second) are
# pipelined: the next one starts before the callbacks run.
MAX_SEGMENT_WORK, MAX_SEGMENT_BATCHES, MAX_PIPELINED_WORK = 2**28, 64, 2**33
# A segment has at most so many multiplications, some seconds at most: a training ends between two.
MAX_WORK = 2**35
# Seconds of validation for which a user who interrupts does not wait.
LONG_VALIDATION = 1.0


@dataclass(frozen=True)
class Task:
    """What a training needs: the program, the members' constants, the training and validation rows."""

    program: Program
    settings: Settings
    fixed: MemberConfig
    epochs: Epochs
    validation_set: ValidationSet | None
    scaling: Scaling | None = None  # of rows that are bytes
    device: jax.Device | None = None
    trim_heap: Callable[[], Any] | None = (
        None  # returns freed memory to the system; if memory is limited
    )


class Trained(NamedTuple):
    """The result of a training: the best checkpoints, the state to continue from, the curves.

    `cross_fit_logits` are each member's logits of its validation rows, (rows, classes). Each row is
    predicted by a checkpoint that it did not help to select. None without a validation set.
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
    checkpoint: Checkpoints | None = None,
) -> Trained:
    """Return the best checkpoints after at most `max_iter` more epochs.

    Training ends when every member has stopped, at the epoch or time limit, or when the user
    interrupts. In each case the result has each member's checkpoint with the lowest validation loss
    (without a validation set, the last checkpoint with a finite loss).

    Args:
        task: the training.
        start: the state to begin or continue from; it is not changed.
        max_iter: the largest number of epochs.
        observers: called with an `EpochEvent` after each epoch.
        checkpoint: called after each segment but the last, and after the one at which the user
            interrupts.

    Raises:
        SettingError: if a training continues with other rows or another seed.
        TrainingError: if a member never had a finite loss.
    """
    if start.progress is not None and start.progress.seed != task.epochs.seed:
        raise SettingError(
            f"a training of seed {start.progress.seed} continues with seed {task.epochs.seed}",
            "the same seed",
        )
    best = start.members.eval_layers if start.best is None else start.best
    with (
        stop_requests() as request,
        jax.default_device(task.device),
        grouped(
            task.program, task.fixed, start.members, best, task.device, task.trim_heap
        ) as groups,
    ):
        run = _Run(task, groups, start, max_iter)
        return run.finish(observers, request, checkpoint)


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
        # One member reads rows in place. Rows of several members are gathered once for all.
        alone = number == 1 and not task.program.vectorised
        needs_every_epoch = self.validator is not None or bool(start.members.average)
        weights = sum(leaf.size for leaf in jax.tree.leaves(start.members.layers))
        self.epochs = task.epochs.segmented(
            1 if needs_every_epoch else self._epochs_per_segment(weights),
            in_place=alone,
            min_indexed_rows=MAX_PIPELINED_WORK // weights,
            max_rows=MAX_WORK // weights,
        )
        table = self.epochs.table
        self.table = None if table is None else jax.device_put(table, may_alias=True)
        rows = min(self.epochs.capacity * task.epochs.batch_size, task.epochs.source.n_rows)
        self.is_pipelined = self.epochs.epochs_per_segment > 1 or (
            alone
            and table is not None
            and not needs_every_epoch
            and rows * weights <= MAX_PIPELINED_WORK
        )
        self.sums, self.records = progress.sums, MemberRecords(progress, task.settings)
        self.validation_seconds = 0.0  # of the last epoch
        if self.validator is not None and start.progress is None and start.best is not None:
            losses = self.validator.losses(groups, _best, self.records.active)
            self.records.begin_from(losses, start.best_epoch)

    def finish(
        self,
        observers: Sequence[Callable[[EpochEvent], Any]],
        request: Request,
        checkpoint: Checkpoints | None,
    ) -> Trained:
        """Return the result of the training."""
        epoch, ending, done, segment = self.begin, None, None, None
        segments = self._trained()
        while self.records.active.any() and ending is None:
            segment = next(segments, None)
            if segment is None:
                break
            done, losses = segment
            # From now on there is something to save.
            request.arm()
            ending = self._ending(done, interrupted=request.made)
            by_epoch = zip(losses, done.by_epoch(done.weights), strict=True)
            for number, (loss, weight) in enumerate(by_epoch, done.epoch + 1):
                self.sums = self.sums.plus(loss, weight, done.rows)
                if not done.ends:
                    # Before an interrupted epoch counts as one: no training continues from there.
                    self._store(done, ending, checkpoint)
                if done.ends or (ending is not None and self._validates_part(ending)):
                    epoch = number
                    event = self._end_epoch(epoch, latest=epoch == done.epoch + done.epochs)
                    for observer in observers:
                        observer(event)
            if done.ends:
                if request.made and ending is None:
                    # Heard while the epoch was validated.
                    ending = Outcome.INTERRUPTED
                self._store(done, ending, checkpoint)
        # The rows are released first: the result needs their memory.
        segments.close()
        del done, segment
        return self._result(epoch, ending)

    def _store(
        self, done: HostSegment, ending: Outcome | None, checkpoint: Checkpoints | None
    ) -> None:
        """Store a state from which the training goes on, now or after an interruption; returns nothing."""
        goes_on = ending in {None, Outcome.INTERRUPTED} and self.records.active.any()
        if checkpoint is not None and goes_on:
            checkpoint(partial(self._snapshot, done), last=ending is not None)

    def _validates_part(self, ending: Outcome) -> bool:
        """Return whether a part of an epoch is validated: one that ends the training may have the best checkpoint.

        A user who interrupts does not wait for that, if every member has a checkpoint.
        """
        is_long = self.validation_seconds > LONG_VALIDATION
        can_wait = ending is not Outcome.INTERRUPTED or not is_long
        return can_wait or not self.records.have_checkpoints

    def _trained(self) -> Generator[tuple[HostSegment, np.ndarray]]:
        """Train on each segment; yield it with the sums of its losses by epoch."""
        upcoming = self.epochs.stream(self.begin, self.limit, self.batch)
        if self.is_pipelined:
            yield from self._trained_pipelined(upcoming)
            return
        segment = next(upcoming, None)
        losses = self._dispatch(segment)
        while segment is not None:
            # The next segment is gathered while the device trains.
            done, segment = segment, next(upcoming, None)
            by_epoch = done.by_epoch(losses())
            if self.task.trim_heap is not None:
                self.task.trim_heap()
            yield done, by_epoch
            losses = self._dispatch(segment)

    def _trained_pipelined(
        self, upcoming: Iterator[HostSegment]
    ) -> Generator[tuple[HostSegment, np.ndarray]]:
        """Yield the same as `_trained`, if no decision after an epoch changes the next epochs.

        The next segments start before the losses of the last one are awaited.
        """
        pending: deque[tuple[HostSegment, Callable[[], np.ndarray]]] = deque()

        def dispatch(segments: Iterable[HostSegment]) -> None:
            """Start training on segments."""
            for segment in segments:
                self.groups.push_snapshot()
                pending.append((segment, self._dispatch(segment)))

        dispatch(islice(upcoming, self.groups.pipeline_depth))
        while pending:
            done, losses = pending.popleft()
            by_epoch = done.by_epoch(losses())
            if self.task.trim_heap is not None:
                self.task.trim_heap()
            if (
                self.epochs.epochs_per_segment == 1
                or np.isfinite(by_epoch[:, self.records.active]).all()
            ):
                self.groups.drop_snapshot()
                dispatch(islice(upcoming, 1))
                yield done, by_epoch
                continue
            # A member diverged: repeat epoch by epoch, to find its last finite checkpoint.
            again = [segment for segment, _ in pending]
            pending.clear()
            self.groups.restore_snapshot()
            for one in done.split_epochs():
                self.groups.push_snapshot()
                by_epoch = one.by_epoch(self._dispatch(one)())
                self.groups.drop_snapshot()
                yield one, by_epoch
            dispatch(again)

    def _epochs_per_segment(self, weights: int) -> int:
        """Return the number of epochs in a segment, for a network with so many weights."""
        work = self.task.epochs.source.n_rows * weights
        return min(
            MAX_SEGMENT_WORK // work,
            MAX_SEGMENT_BATCHES // self.task.epochs.batches,
            self.limit - self.begin,
        )

    def _dispatch(self, segment: HostSegment | None) -> Callable[[], np.ndarray]:
        """Start training on a segment, if there is one; return a function that awaits the batches' losses."""
        task, settings = self.task, self.task.settings
        if segment is None:
            return lambda: np.empty((0, 0))
        # The schedule runs from the beginning of this call to its epoch limit.
        total = (self.limit - self.first) * task.epochs.batches
        first = (segment.epoch - self.first) * task.epochs.batches + segment.first_batch
        steps = np.minimum(first + np.arange(len(segment.counts)), total)
        on_device = Segment(
            # A segment is never written to; so on the CPU it is not copied.
            x=jax.device_put(segment.x, may_alias=True) if self.table is None else self.table,
            order=segment.order,
            y=segment.y,
            counts=segment.counts,
            factors=schedule_multipliers(settings.learning_rate, steps, total),
            batches=np.int32(segment.batches),
            scaling=task.scaling if are_bytes(segment.x) else None,
        )
        rates = np.where(self.records.active, self.records.rates, 0.0)
        return self.groups.start(
            lambda group: group.train(on_device, segment.weights, rates), "train"
        )

    def _ending(self, done: HostSegment, *, interrupted: bool) -> Outcome | None:
        """Return why the training ends after this segment, or None."""
        limit = self.task.settings.time_limit
        if interrupted:
            return Outcome.INTERRUPTED
        if done.ends and done.epoch + done.ends >= self.limit:
            return Outcome.EPOCH_LIMIT
        if limit is not None and time.perf_counter() - self.began >= limit:
            return Outcome.TIME_LIMIT
        return None

    def _end_epoch(self, epoch: int, *, latest: bool) -> EpochEvent:
        """Update averages, validate, and stop members; return the event for the observers.

        Args:
            epoch: counted from 1.
            latest: whether the members' state is that after this epoch, not after a later one.
        """
        losses, weights, rows = self.sums
        active = self.records.active
        self.sums = EpochSums.zero(len(active))
        with np.errstate(invalid="ignore"):
            training_loss = losses / weights
        if self.task.settings.ema_decay:
            # The average begins with the layers of the first epoch.
            decay = self.task.settings.ema_decay if epoch > 1 else 0.0
            self.groups.update_ema(np.where(active, decay, 1.0))
        validation_loss = None
        if self.validator is not None:
            began = time.perf_counter()
            validation_loss = self.validator.losses(self.groups, _current, active)
            self.validation_seconds = time.perf_counter() - began
        verdict = self.records.add_epoch(epoch, training_loss, validation_loss)
        if latest:
            self.groups.keep_best(verdict.keep)
        if verdict.restore.any():
            self.groups.restore_best(verdict.restore)
        seconds = time.perf_counter() - self.began
        event = self.records.event(epoch, self.limit, rows * int(active.sum()), seconds)
        self.records.drop_stopped()
        return event

    def _progress(self, batch: int, cross_fit_logits: CrossFitLogits) -> TrainingProgress:
        """Return the state beside weights and moments, after so many batches of an epoch."""
        records = self.records
        return TrainingProgress(
            seed=self.task.epochs.seed,
            first=self.first,
            batch=batch,
            seconds=time.perf_counter() - self.began,
            sums=self.sums,
            rates=records.rates,
            stopping=tuple(records.stopping),
            cooldowns=tuple(records.cooldowns),
            outcome=tuple(records.outcome),
            training=tuple(map(tuple, records.training)),
            validation=tuple(map(tuple, records.validation)),
            cross_fit_logits=None if self.validator is None else cross_fit_logits,
        )

    def _snapshot(self, done: HostSegment) -> TrainingState:
        """Return the state after a segment, which later ones do not change."""
        states, best, cross_fit_logits = self.groups.gathered(
            lambda group: (group.snapshot, group.best, group.cross_fit_logits)
        )
        return TrainingState(
            members=states,
            epoch=done.epoch + done.ends,
            best=best,
            best_epoch=tuple(state.best_epoch for state in self.records.stopping),
            progress=self._progress(
                0 if done.ends else done.first_batch + done.batches, cross_fit_logits
            ),
        )

    def _result(self, epoch: int, ending: Outcome | None) -> Trained:
        """Return the best checkpoints; refuse if a member has none."""
        # Each group gives up its arrays in turn, so that they are in memory once.
        states, best_layers = self.groups.gathered(lambda group: group.pop_result())
        checkpoints = ensemble.unstacked(best_layers)
        diverged = [
            k
            for k, state in enumerate(self.records.stopping)
            if state.best_epoch == 0
            or not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(checkpoints[k]))
        ]
        if diverged:
            rate = float(self.task.settings.learning_rate_init)
            raise TrainingError.from_divergence(diverged, epoch, rate)
        history = self.records.history(ending)
        logits = self.groups.gathered(lambda group: group.cross_fit_logits)
        progress = self._progress(0, logits)
        state = TrainingState(states, epoch, best_layers, history.best_epoch, progress)
        cross_fit_logits = (
            None if self.validator is None else self.validator.logits_by_member(logits)
        )
        return Trained(checkpoints, state, history, cross_fit_logits)


def _best(group: Group) -> Layers:
    """Return the best checkpoints of a group's members."""
    return group.best


def _current(group: Group) -> Layers:
    """Return the layers of a group's members to evaluate after this epoch."""
    return group.snapshot.eval_layers
