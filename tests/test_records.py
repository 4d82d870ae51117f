"""Records are plain numbers that survive JSON."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError, replace

import pytest

from epochal.records import ClassFigures, EpochEvent, Evaluation, History, OutOfBag

EVENT = EpochEvent(
    epoch=4,
    max_iter=10,
    training_loss=(0.3, math.nan),
    validation_loss=(0.4, math.nan),
    best_loss=(0.4, 0.5),
    best_epoch=(4, 2),
    active=(True, False),
    rows=200,
    seconds=1.5,
)
HISTORY = History(
    training_loss=((0.5, 0.4), (0.6,)),
    validation_loss=((0.55, 0.45), ()),
    best_epoch=(2, 0),
    best_loss=(0.45, None),
    outcome=("stopped", "epoch_limit"),
)


def test_an_event_knows_whether_a_member_improved() -> None:
    """An epoch improved if it is the best epoch of any member."""
    assert EVENT.improved
    assert not replace(EVENT, best_epoch=(3, 2)).improved


def test_a_history_survives_json() -> None:
    """A history restored from JSON equals the original, tuples and None included."""
    text = json.dumps(HISTORY.to_dict(), allow_nan=False)

    assert History.from_dict(json.loads(text)) == HISTORY


def test_an_evaluation_is_json_ready() -> None:
    """The figures of an evaluation can be written as JSON, an undefined AUC as null."""
    figures = ClassFigures(label="yes", precision=1.0, recall=0.5, f1=2 / 3, support=2)
    evaluation = Evaluation(
        rows=2,
        log_loss=0.5,
        accuracy=0.5,
        balanced_accuracy=0.5,
        auc=None,
        calibration_error=0.1,
        confusion=((1, 0), (1, 0)),
        classes=(figures,),
    )
    values = json.loads(json.dumps(evaluation.to_dict()))

    assert values["auc"] is None
    assert values["confusion"] == [[1, 0], [1, 0]]
    assert values["classes"][0]["support"] == 2


def test_out_of_bag_scores_are_json_ready() -> None:
    """The scores carry along whether they flatter the model."""
    scores = OutOfBag(rows=10, accuracy=0.9, log_loss=0.3, optimistic=True)

    assert json.loads(json.dumps(scores.to_dict()))["optimistic"] is True


def test_records_do_not_change() -> None:
    """An observer cannot change its event."""
    with pytest.raises(FrozenInstanceError):
        EVENT.epoch = 5  # type: ignore[misc]
