"""What follows from the losses of an epoch, for each member."""

from __future__ import annotations

import math

import numpy as np
import pytest

from epochal.config.settings import Settings
from epochal.training.early_stopping import Outcome
from epochal.training.member_records import REDUCTION, MemberRecords
from epochal.training.state import TrainingProgress


def records(**settings: object) -> MemberRecords:
    """Return the records of two members that have not trained."""
    given = {"n_iter_no_change": 2, "tol": 0.0, "learning_rate": "constant"} | settings
    return MemberRecords(TrainingProgress.fresh(0, 0, 2), Settings(**given))


def test_every_new_low_is_kept() -> None:
    """A member keeps its layers when its validation loss has a new low, whatever its training loss."""
    ours = records()
    kept = [
        ours.add_epoch(epoch, np.zeros(2), np.array(losses)).keep.tolist()
        for epoch, losses in enumerate([(3.0, 1.0), (2.0, 2.0), (2.5, 0.5)], 1)
    ]
    assert kept == [[True, True], [True, False], [False, True]]
    assert ours.history(None).best_epoch == (2, 3)
    assert ours.history(None).best_loss == (2.0, 0.5)


def test_a_member_stops_alone_and_stays_as_it_was() -> None:
    """After epochs without a new low a member is no longer active, and its curves end."""
    ours = records()
    for epoch in range(1, 5):
        ours.add_epoch(epoch, np.full(2, epoch), np.array([-epoch, epoch]))
        last = ours.event(epoch, 9, 100, 0.5)
        ours.drop_stopped()
    assert ours.active.tolist() == [True, False]
    history = ours.history(Outcome.EPOCH_LIMIT)
    assert history.validation_loss == ((-1.0, -2.0, -3.0, -4.0), (1.0, 2.0, 3.0))
    assert history.outcome == (str(Outcome.EPOCH_LIMIT), str(Outcome.STOPPED))
    assert last.training_loss[0] == 4.0
    assert math.isnan(last.training_loss[1])
    assert last.active == (True, False)


def test_without_a_validation_set_the_last_finite_checkpoint_is_kept() -> None:
    """A member whose training loss is not finite stops, and keeps its layers of the epoch before."""
    ours = records()
    first = ours.add_epoch(1, np.array([1.0, 1.0]), None)
    second = ours.add_epoch(2, np.array([2.0, math.nan]), None)
    assert first.keep.tolist() == [True, True]
    assert second.keep.tolist() == [True, False]
    assert ours.history(None).best_epoch == (2, 1)
    assert ours.outcome == [Outcome.IMPROVING, Outcome.NON_FINITE]


def test_an_adaptive_rate_is_reduced_before_a_member_stops() -> None:
    """The member that would stop returns to its best checkpoint, and learns more slowly."""
    ours = records(learning_rate="adaptive")
    verdicts = [
        ours.add_epoch(epoch, np.zeros(2), np.array([-epoch, epoch])) for epoch in range(1, 4)
    ]
    assert verdicts[-1].restore.tolist() == [False, True]
    assert ours.rates.tolist() == [1.0, REDUCTION]
    assert ours.outcome == [Outcome.IMPROVING, Outcome.IMPROVING]


def test_a_member_on_a_plateau_cools_down_and_stops() -> None:
    """It returns to its best checkpoint once; then its rate falls, whatever its losses, and it stops."""
    ours = records(learning_rate="cooldown")
    rates, restored = [], []
    for epoch in range(1, 9):
        verdict = ours.add_epoch(epoch, np.zeros(2), np.array([-epoch, epoch]))
        ours.drop_stopped()
        rates.append(ours.rates.tolist())
        restored.append(verdict.restore.tolist())
    assert restored == [[False, epoch == 3] for epoch in range(1, 9)]
    assert [of_second for _, of_second in rates[:6]] == [1.0, 1.0, 0.875, 0.625, 0.375, 0.125]
    assert [of_first for of_first, _ in rates] == [1.0] * 8
    assert ours.active.tolist() == [True, False]
    assert len(ours.history(None).validation_loss[1]) == 7
    assert ours.outcome == [Outcome.IMPROVING, Outcome.STOPPED]


def test_checkpoints_of_an_earlier_training_count_if_they_have_a_loss() -> None:
    """What is not better than the checkpoint with which the training began is not kept."""
    ours = records()
    assert not ours.have_checkpoints
    ours.begin_from(np.array([1.0, math.inf]), (4, 5))
    assert not ours.have_checkpoints
    assert ours.add_epoch(6, np.zeros(2), np.array([1.5, 1.5])).keep.tolist() == [False, True]
    assert ours.history(None).best_epoch == (4, 6)
    assert ours.have_checkpoints


@pytest.mark.parametrize("early_stopping", [True, False])
def test_members_stop_only_with_early_stopping(early_stopping: bool) -> None:
    """Without early stopping the validation loss chooses the checkpoint, and nobody stops."""
    ours = records(early_stopping=early_stopping)
    for epoch in range(1, 6):
        ours.add_epoch(epoch, np.zeros(2), np.array([epoch, epoch]))
        ours.drop_stopped()
    assert ours.active.any() == (not early_stopping)
