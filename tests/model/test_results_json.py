"""Curves and scores to JSON and back."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.errors import ModelError
from epochal.model import results_json
from epochal.model.shape import check
from epochal.records import Calibration, History, OutOfBag


@given(st.floats())
def test_every_figure_comes_back(value: float) -> None:
    """Any double comes back through strict JSON; NaN as NaN."""
    text = json.dumps(results_json.number_to_json(value), allow_nan=False)
    back = results_json.number_from_json(json.loads(text))
    assert math.isnan(back) if math.isnan(value) else back == value


def test_a_history_comes_back() -> None:
    """Curves of different lengths, empty curves and a missing best loss are restored."""
    history = History(
        training_loss=((0.1, math.inf), (0.3,)),
        validation_loss=((0.2, 0.1), ()),
        best_epoch=(2, 0),
        best_loss=(0.1, None),
        outcome=("one", "two"),
    )
    described = results_json.history_to_json(history)
    check(described, results_json.HISTORY, "history")
    assert results_json.history_from_json(json.loads(json.dumps(described))) == history


def test_scores_come_back() -> None:
    """Scores, also missing ones, are restored."""
    scores = OutOfBag(rows=3, accuracy=1.0, log_loss=math.inf, optimistic=False)
    described = results_json.out_of_bag_to_json(scores)
    check(described, results_json.OUT_OF_BAG, "scores")
    assert results_json.out_of_bag_from_json(described) == scores
    assert results_json.out_of_bag_from_json(results_json.out_of_bag_to_json(None)) is None


def test_a_calibration_comes_back() -> None:
    """With and without a prior."""
    for prior in ((), (0.01, 0.02)):
        calibration = Calibration((0.9, 1.1), (0.75, 0.25), 1.25, prior)
        described = json.loads(json.dumps(results_json.calibration_to_json(calibration)))
        assert results_json.calibration_from_json(described) == calibration
        results_json.check_calibration(calibration, 2, 2)


@pytest.mark.parametrize("prior", [(0.01,), (0.6, 0.6), (-0.1, 0.1), (math.nan, 0.1)])
def test_a_prior_that_is_none_is_refused(prior: tuple[float, ...]) -> None:
    """It has a number of at least 0 for each class, which sum to at most 1."""
    calibration = Calibration((1.0,), (1.0,), 1.0, prior)
    with pytest.raises(
        ModelError, match=r"calibration\.prior is .*; expected nothing, or 2 numbers"
    ):
        results_json.check_calibration(calibration, 1, 2)
