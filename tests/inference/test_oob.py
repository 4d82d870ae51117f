"""Scores on rows that were left out."""

import numpy as np
import pytest

from epochal.inference.oob import scores
from epochal.nn.objective import OBJECTIVES

OBJECTIVE = OBJECTIVES["cross_entropy"]


def test_scores_are_over_the_rows_with_probabilities():
    """Rows without probabilities or weight do not count, and weights do."""
    p = np.array([[0.9, 0.1], [0.2, 0.8], [np.nan, np.nan], [0.6, 0.4], [0.5, 0.5]])
    y = np.array([0, 1, 0, 1, 0])
    found = scores(p, y, np.array([1.0, 1.0, 1.0, 2.0, 0.0]), OBJECTIVE, optimistic=False)

    assert found.rows == 3
    assert found.accuracy == pytest.approx(0.5)
    assert found.log_loss == pytest.approx(-(np.log(0.9) + np.log(0.8) + 2 * np.log(0.4)) / 4)


def test_without_probabilities_there_are_no_scores():
    """Without out-of-bag rows there is nothing to score."""
    assert (
        scores(np.full((2, 2), np.nan), np.array([0, 1]), np.ones(2), OBJECTIVE, optimistic=True)
        is None
    )
