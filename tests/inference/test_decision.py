"""Which class is predicted, and for which rows none is."""

from __future__ import annotations

import numpy as np
import pytest

from epochal.errors import SettingError
from epochal.inference.decision import Decision

SHARES = np.array([[0.5, 0.5], [0.8, 0.2], [0.3, 0.7]])


def test_the_most_probable_class_is_chosen():
    """Of equal ones the first."""
    assert Decision().chosen(SHARES).tolist() == [0, 0, 1]


def test_a_threshold_moves_the_second_class():
    """From the threshold on, itself included, the second class is chosen."""
    assert Decision(threshold=0.2).chosen(SHARES).tolist() == [1, 1, 1]
    assert Decision(threshold=0.5).chosen(SHARES).tolist() == [1, 0, 1]
    assert Decision(threshold=0.71).chosen(SHARES).tolist() == [0, 0, 0]


def test_below_a_probability_no_class_is_chosen():
    """The most probable one must have it, itself included."""
    assert Decision(abstain_below=0.7).chosen(SHARES).tolist() == [-1, 0, 1]


def test_no_rows_have_no_class():
    """An empty table is no special case."""
    for decision in (Decision(), Decision(threshold=0.5), Decision(abstain_below=0.5)):
        assert len(decision.chosen(np.empty((0, 2)))) == 0


def test_a_threshold_is_for_two_classes():
    """With three classes it would say nothing about two of them."""
    Decision(threshold=0.3).check(2)
    Decision(abstain_below=0.3).check(3)
    with pytest.raises(SettingError, match="a model of 3 classes; expected a model of two classes"):
        Decision(threshold=0.3).check(3)
