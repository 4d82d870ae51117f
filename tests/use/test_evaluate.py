"""Figures against worked values and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from epochal.errors import DataError
from epochal.use.evaluate import calibration_error, evaluate

THREE = np.array(["a", "b", "c"])


def drawn(rows: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities at random, every class present."""
    generator = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(classes), generator.integers(0, classes, rows - classes)])
    return truth, generator.dirichlet(np.ones(classes), rows)


def test_figures_worked_by_hand():
    """Four rows whose figures can be worked out in the head."""
    shares = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.9, 0.1]])
    figures = evaluate(np.array(["no", "yes"]), np.array([0, 0, 1, 1]), shares)

    assert figures.rows == 4
    assert figures.accuracy == 0.75
    assert figures.balanced_accuracy == 0.75
    assert figures.auc == 0.5
    assert figures.confusion == ((2, 0), (1, 1))
    assert figures.log_loss == pytest.approx(-np.log([0.8, 0.6, 0.7, 0.1]).mean())
    assert figures.classes[0].precision == pytest.approx(2 / 3)
    assert figures.classes[1].recall == 0.5
    assert [figure.support for figure in figures.classes] == [2, 2]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_figures_are_scikit_learns(classes, weighted):
    """Every figure that scikit-learn has is the one scikit-learn gives."""
    truth, shares = drawn(200, classes)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, 200) if weighted else None
    figures = evaluate(np.arange(classes), truth, shares, weights)
    winners = shares.argmax(axis=1)

    scores = shares[:, 1] if classes == 2 else shares
    expected_auc = (
        metrics.roc_auc_score(truth, scores, sample_weight=weights)
        if classes == 2
        else np.mean(
            [
                metrics.roc_auc_score(truth == k, shares[:, k], sample_weight=weights)
                for k in range(classes)
            ]
        )
    )
    assert figures.auc == pytest.approx(expected_auc)
    assert figures.log_loss == pytest.approx(metrics.log_loss(truth, shares, sample_weight=weights))
    assert figures.accuracy == pytest.approx(
        metrics.accuracy_score(truth, winners, sample_weight=weights)
    )
    assert figures.balanced_accuracy == pytest.approx(
        metrics.balanced_accuracy_score(truth, winners, sample_weight=weights)
    )


def test_a_row_of_weight_two_is_the_row_twice():
    """A whole weight means as much as that many copies of the row."""
    truth, shares = drawn(60, 3)
    weights = np.random.default_rng(2).integers(1, 4, 60)
    weighted = evaluate(THREE, truth, shares, weights.astype(float))
    repeated = evaluate(THREE, np.repeat(truth, weights), np.repeat(shares, weights, axis=0))

    for name in ("log_loss", "accuracy", "balanced_accuracy", "auc", "calibration_error"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name)), name


def test_auc_is_none_where_a_class_has_no_rows():
    """The area under the curve is not invented for a class that does not occur."""
    figures = evaluate(THREE, np.array([0, 1, 1]), np.full((3, 3), 1 / 3))

    assert figures.auc is None
    assert figures.balanced_accuracy == 0.5


def test_a_certain_mistake_costs_a_finite_loss():
    """A probability of exactly zero for the truth leaves the log-loss finite."""
    figures = evaluate(np.array([0, 1]), np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))

    assert 15 < figures.log_loss < 20


def test_float32_probabilities_are_taken_without_a_warning():
    """Sums that miss one by a float32 rounding are put right, not complained about."""
    truth, shares = drawn(500, 5)

    assert evaluate(np.arange(5), truth, shares.astype(np.float32)).rows == 500


def test_no_rows_are_refused():
    """There are no figures of nothing."""
    with pytest.raises(DataError, match="no rows"):
        evaluate(THREE, np.array([], dtype=int), np.empty((0, 3)))


def test_calibration_error_worked_by_hand():
    """Two bins, half the rows each: 0.9 said and 1.0 true, 0.6 said and 0.5 true."""
    shares = np.array([[0.9, 0.1]] * 2 + [[0.6, 0.4]] * 2)

    assert calibration_error(np.array([0, 0, 0, 1]), shares) == pytest.approx(0.1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 6))
def test_calibration_error_lies_between_the_overall_gap_and_one(seed, classes):
    """Binning can only add to the gap between mean confidence and accuracy (triangle law)."""
    truth, shares = drawn(40, classes, seed)
    gap = abs(shares.max(axis=1).mean() - (shares.argmax(axis=1) == truth).mean())

    assert gap - 1e-12 <= calibration_error(truth, shares) <= 1
