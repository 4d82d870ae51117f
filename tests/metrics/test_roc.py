"""The area under the ROC curve: exact while scores fit, within its bound when they do not."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from epochal.metrics.roc import Ranking, RocRun, keys_of

ROWS = 3000
POSITIVE = np.random.default_rng(5).random(ROWS) < 0.3
LOGITS = np.random.default_rng(6).normal(0, 2, ROWS) + 2 * POSITIVE


def sigmoid(logits):
    """Return probabilities, never rounded to 1 by the sum of the denominator alone."""
    return 1 / (1 + np.exp(-logits))


# From a smooth model to scores that crowd at one end, or in two narrow places.
SCORES = {
    "smooth": sigmoid(LOGITS),
    "near 0": sigmoid(LOGITS - 12),
    "near 1": sigmoid(LOGITS + 12),
    "at both ends": sigmoid(8 * LOGITS),
    "tiny": np.exp(LOGITS * 40 - 500),
    "narrow": 0.1 + 1e-9 * sigmoid(LOGITS),
    "ties": np.round(sigmoid(LOGITS), 2),
    "0 and 1": np.clip(sigmoid(3 * LOGITS) * 1.2 - 0.1, 0, 1),
}
WEIGHTS = {"rows": np.ones(ROWS), "weights": np.random.default_rng(7).integers(0, 4, ROWS) / 2}


def ranked(scores, positive, weights, capacity, pieces=1):
    """Return the ranking of rows in a number of pieces."""
    parts = np.array_split(np.arange(len(scores)), pieces)
    rankings = [Ranking.of(scores[p], positive[p], weights[p], capacity) for p in parts]
    return reduce(Ranking.merge, rankings, Ranking(capacity))


def run_of(ranking):
    """Return the one run that the runs of a ranking merge to."""
    return reduce(RocRun.merge, ranking.runs).fitted(ranking.capacity)


@pytest.mark.parametrize("pieces", [1, 7, 300])
@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES)
def test_the_area_is_scikit_learns_while_all_scores_fit(scores, weights, pieces):
    """With room for every distinct score the area is exact, ties and rows of weight 0 included."""
    area = ranked(scores, POSITIVE, weights, ROWS, pieces).area()

    assert area.value == pytest.approx(
        roc_auc_score(POSITIVE, scores, sample_weight=weights), rel=1e-12
    )
    assert area.error == 0


@pytest.mark.parametrize("capacity", [2, 30, 500])
@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES)
def test_the_area_is_within_its_error_when_scores_do_not_fit(scores, weights, capacity):
    """For any scores, the exact area is within the reported error."""
    ranking = ranked(scores, POSITIVE, weights, capacity, pieces=11)
    area = ranking.area()
    exact = roc_auc_score(POSITIVE, scores, sample_weight=weights)

    if len(np.unique(scores[weights > 0])) > capacity:
        assert 0 < area.error <= 0.5
        assert area.value != exact
    assert abs(area.value - exact) <= area.error + 1e-12


@pytest.mark.parametrize("name", ["smooth", "near 0", "near 1", "at both ends", "tiny", "narrow"])
def test_the_error_is_small_wherever_scores_crowd(name):
    """With one distinct score to ten rows the error is below half a per cent, at either end."""
    assert 0 < ranked(SCORES[name], POSITIVE, np.ones(ROWS), ROWS // 10).area().error < 5e-3


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_the_error_is_half_of_what_is_tied(weights):
    """The error is ½ Σ_b p_b n_b / (P N), over scores that are equal without their last bits."""
    scores = SCORES["smooth"]
    ranking = ranked(scores, POSITIVE, weights, 100)
    bins = keys_of(scores) >> run_of(ranking).dropped
    tied = (bins[:, None] == bins) & POSITIVE[:, None] & ~POSITIVE
    expected = (weights[:, None] * weights * tied).sum() / 2
    pairs = weights[POSITIVE].sum() * weights[~POSITIVE].sum()

    assert expected > 0
    assert ranking.area().error == pytest.approx(expected / pairs, rel=1e-12)


@pytest.mark.parametrize("name", SCORES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), pieces=st.integers(1, 60), capacity=st.integers(1, ROWS))
def test_neither_order_nor_pieces_change_a_bit(name, seed, pieces, capacity):
    """Rows in another order and in pieces leave the same scores, weights and area, to the bit."""
    scores = SCORES[name]
    order = np.random.default_rng(seed).permutation(ROWS)
    whole = ranked(scores, POSITIVE, np.ones(ROWS), capacity)
    other = ranked(scores[order], POSITIVE[order], np.ones(ROWS), capacity, pieces)

    for field in ("keys", "positive", "negative", "dropped"):
        np.testing.assert_array_equal(
            getattr(run_of(other), field), getattr(run_of(whole), field), strict=True
        )
    assert other.area() == whole.area()


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("capacity", [1, 10, 100])
def test_no_more_bits_are_dropped_than_must_be(name, capacity):
    """With one bit more of every score there would be more scores than fit."""
    keys, dropped = (
        keys_of(SCORES[name]),
        run_of(ranked(SCORES[name], POSITIVE, np.ones(ROWS), capacity)).dropped,
    )

    if dropped:
        assert len(np.unique(keys >> (dropped - 1))) > capacity
    assert len(np.unique(keys >> dropped)) <= capacity


def test_rows_of_weight_zero_take_no_room():
    """Rows of weight 0 take no capacity from the ranking of the others."""
    scores, weights = SCORES["smooth"], np.where(np.arange(ROWS) < 50, 1.0, 0.0)
    ranking = ranked(scores, POSITIVE, weights, 50, pieces=60)

    assert ranked(scores, POSITIVE, np.ones(ROWS), 50).area().error > 0
    assert ranking.area() == ranked(scores[:50], POSITIVE[:50], np.ones(50), 50).area()
    assert ranking.area().error == 0


def test_many_pieces_are_held_in_few_runs():
    """There are never more scores than twice the capacity, nor more runs than halvings."""
    ranking = Ranking(64)
    for row in range(ROWS):
        one = slice(row, row + 1)
        ranking = ranking.merge(
            Ranking.of(SCORES["smooth"][one], POSITIVE[one], np.ones(1), ranking.capacity)
        )
        lengths = [len(run.keys) for run in ranking.runs]

        assert sum(lengths) <= 2 * ranking.capacity
        assert len(lengths) <= 7
    assert max(lengths) > 30


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=50))
def test_keys_are_in_the_order_of_scores(scores):
    """Keys rise exactly where scores rise, also from one float64 to the next one."""
    distinct = np.unique(np.array(scores) + 0.0)
    following = np.nextafter(distinct[distinct < 1], 1)
    both = np.unique(np.concatenate([distinct, following]))

    assert (np.diff(keys_of(both)) > 0).all()


def test_a_zero_with_a_sign_is_zero():
    """Minus zero and zero are the same score."""
    assert np.ptp(keys_of(np.array([-0.0, 0.0]))) == 0


@pytest.mark.parametrize("positive", [True, False])
def test_there_is_no_area_of_one_kind_of_rows(positive):
    """Without a positive row, or without a negative one, that counts, the area is None."""
    weights = np.array([1.0, 0.0])
    ranking = Ranking.of(np.array([0.2, 0.7]), np.array([positive, not positive]), weights, 10)

    assert ranking.area() is None
    assert Ranking(10).area() is None
