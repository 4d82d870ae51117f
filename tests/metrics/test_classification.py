"""Figures against worked values and against scikit-learn, of rows as a whole and in pieces."""

from __future__ import annotations

import re
import tracemalloc
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from epochal.errors import DataError
from epochal.metrics.classification import MetricAccumulator, calibration_error, evaluate

THREE = np.array(["a", "b", "c"])
SCORES = ("log_loss", "accuracy", "balanced_accuracy", "auc", "calibration_error")


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


def hard_rows(classes: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return truth, probabilities and weights with all that is awkward.

    Classes are absent or never predicted, probabilities are tied or exactly 0 and 1, weights 0.
    """
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, 80)
    truth[truth == generator.integers(0, 2 * classes)] = 0
    shares = generator.dirichlet(np.full(classes, 0.5), 80)
    shares[:20] = generator.multinomial(4, shares[:20]) / 4
    shares[20:30] = np.eye(classes)[generator.integers(0, classes, 10)]
    return truth, shares, generator.integers(0, 4, 80) / 2


def split(truth, shares, weights, cuts) -> list[tuple[np.ndarray, ...]]:
    """Return the rows in pieces."""
    parts = np.split(np.arange(len(truth)), sorted(cuts))
    return [(truth[p], shares[p], None if weights is None else weights[p]) for p in parts]


def assert_close(actual, expected):
    """Compare two evaluations, figure by figure."""
    assert actual.confusion == expected.confusion
    found, wanted = (
        np.array([getattr(figures, name) for name in SCORES], dtype=float)
        for figures in (actual, expected)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    for ours, theirs in zip(actual.classes, expected.classes, strict=True):
        assert (ours.label, ours.support) == (theirs.label, theirs.support)
        for name in ("precision", "recall", "f1"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-12), name


@settings(max_examples=60, deadline=None)
@given(
    classes=st.sampled_from([2, 5]),
    seed=st.integers(0, 2**31),
    cuts=st.lists(st.integers(0, 80), max_size=6),
    weighted=st.booleans(),
)
def test_the_figures_of_pieces_are_scikit_learns_of_the_whole(classes, seed, cuts, weighted):
    """However rows are cut, every figure is scikit-learn's: absent classes, ties, 0, 1, weights."""
    truth, shares, weights = hard_rows(classes, seed)
    weights = weights if weighted else None
    labels, winners = np.arange(classes), shares.argmax(axis=1)
    accumulator = MetricAccumulator.empty(classes)
    for piece in split(truth, shares, weights, cuts):
        accumulator = accumulator.add(*piece)
    figures = accumulator.figures(labels)

    np.testing.assert_array_equal(
        figures.confusion, metrics.confusion_matrix(truth, winners, labels=labels)
    )
    *of_classes, _ = metrics.precision_recall_fscore_support(
        truth, winners, labels=labels, sample_weight=weights, zero_division=0.0
    )
    found = [
        [getattr(one, name) for one in figures.classes] for name in ("precision", "recall", "f1")
    ]
    np.testing.assert_allclose(found, of_classes, rtol=1e-12)
    support = np.bincount(truth, minlength=classes)
    assert [one.support for one in figures.classes] == support.tolist()
    assert figures.balanced_accuracy == pytest.approx(of_classes[1][support > 0].mean())
    assert figures.accuracy == pytest.approx(np.average(winners == truth, weights=weights))
    assert figures.log_loss == pytest.approx(
        metrics.log_loss(truth, shares, labels=labels, sample_weight=weights), rel=1e-12
    )
    assert figures.calibration_error == pytest.approx(calibration_error(truth, shares, weights))
    if (support == 0).any():
        assert figures.auc is None
    else:
        areas = [
            metrics.roc_auc_score(truth == k, shares[:, k], sample_weight=weights)
            for k in (range(1, 2) if classes == 2 else labels)
        ]
        assert figures.auc == pytest.approx(np.mean(areas), rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    classes=st.sampled_from([2, 5]),
    seed=st.integers(0, 2**31),
    cuts=st.lists(st.integers(0, 80), min_size=1, max_size=6),
    capacity=st.sampled_from([None, 3]),
)
def test_tallies_of_parts_merge_to_the_tally_of_the_whole(classes, seed, cuts, capacity):
    """Merged in either order, the tallies of parts give the figures of the whole."""
    rows = hard_rows(classes, seed)
    nothing = MetricAccumulator.empty(classes, capacity)
    whole = nothing.add(*rows)
    parts = [nothing.add(*piece) for piece in split(*rows, cuts)]

    for merged in (
        reduce(MetricAccumulator.merge, parts),
        reduce(MetricAccumulator.merge, reversed(parts), nothing),
    ):
        assert merged.rows == whole.rows == 80
        assert_close(merged.figures(range(classes)), whole.figures(range(classes)))


def test_a_tally_is_not_changed_by_what_is_added():
    """What was counted before stays counted as it was."""
    accumulator = MetricAccumulator.empty(3).add(*drawn(50, 3))
    before = accumulator.figures(THREE)
    longer = accumulator.add(*drawn(50, 3, seed=1))

    assert longer.rows == 100
    assert longer.figures(THREE).log_loss != before.log_loss
    assert accumulator.figures(THREE) == before


def test_a_large_piece_is_counted_in_slices(monkeypatch):
    """How many probabilities are counted at a time changes no figure."""
    rows = hard_rows(5, 0)
    whole = evaluate(np.arange(5), *rows)
    monkeypatch.setattr("epochal.metrics.classification.SLICE", 35)

    assert_close(evaluate(np.arange(5), *rows), whole)


def test_many_pieces_take_no_more_memory_than_few():
    """What is held does not grow with the rows, and the AUC stays within its error."""
    generator = np.random.default_rng(0)
    accumulator, held, exact = MetricAccumulator.empty(2, 1000), [], []
    tracemalloc.start()
    for _ in range(60):
        truth = generator.integers(0, 2, 500)
        shares = 1 / (1 + np.exp(-generator.normal(4 * truth - 6, 2)))
        accumulator = accumulator.add(truth, np.stack([1 - shares, shares], axis=1))
        exact.append((truth, shares))
        held.append(tracemalloc.get_traced_memory()[0] - sum(t.nbytes + s.nbytes for t, s in exact))
    tracemalloc.stop()
    truth, shares = map(np.concatenate, zip(*exact, strict=True))
    area = accumulator.auc()

    assert accumulator.rows == 30_000
    assert max(held) < 24 * 2 * 1000 + 20_000
    assert 0 < area.error < 1e-3
    assert 0 < abs(area.value - metrics.roc_auc_score(truth, shares)) <= area.error


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
    """An integer weight counts like as many copies of the row."""
    truth, shares = drawn(60, 3)
    weights = np.random.default_rng(2).integers(1, 4, 60)
    weighted = evaluate(THREE, truth, shares, weights.astype(float))
    repeated = evaluate(THREE, np.repeat(truth, weights), np.repeat(shares, weights, axis=0))

    for name in SCORES:
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


def test_auc_of_two_classes_ranks_by_the_second():
    """Probabilities of the second class are distinguished even if those of the first round to 1."""
    shares = np.array([[1.0, 1e-20], [1.0, 1e-19]])

    assert evaluate(np.array(["no", "yes"]), np.array([0, 1]), shares).auc == 1.0


def test_auc_is_none_where_a_class_has_no_weight():
    """Rows that do not count make no curve, though they are rows."""
    truth, shares = drawn(20, 3)
    figures = evaluate(THREE, truth, shares, (truth != 2).astype(float))

    assert evaluate(THREE, truth, shares).auc is not None
    assert figures.auc is None
    assert figures.classes[2].support > 0


RIGHT = np.array([0, 1]), np.array([[0.75, 0.25], [0.5, 0.5]])
WRONG = {
    "fewer labels": (RIGHT[0][:1], RIGHT[1], None, "of shape (2, 2); expected 1 rows"),
    "three classes": (RIGHT[0], np.full((2, 3), 1 / 3), None, "of shape (2, 3); expected 2 rows"),
    "fewer weights": (*RIGHT, np.ones(1), "weights of shape (1,); expected 2 rows"),
    "a label above": (np.array([0, 2]), RIGHT[1], None, "no class; expected class indices"),
    "a label below": (np.array([0, -1]), RIGHT[1], None, "no class; expected class indices"),
    "a weight below 0": (*RIGHT, np.array([1.0, -1.0]), "a weight is negative"),
    "a weight that is none": (*RIGHT, np.array([1.0, np.nan]), "a weight is negative or not fin"),
    "no weight at all": (*RIGHT, np.zeros(2), "the weight of every row to evaluate is 0"),
    "a probability below 0": (RIGHT[0], RIGHT[1] - 0.375, None, "probabilities are negative"),
    "a probability that is none": (RIGHT[0], RIGHT[1] * np.nan, None, "negative or not finite"),
    "an infinite probability": (RIGHT[0], RIGHT[1] * np.inf, None, "negative or not finite"),
    "no probability": (RIGHT[0], RIGHT[1] * 0, None, "negative or not finite"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_evaluated_is_refused(case):
    """Shapes, labels, weights and probabilities that cannot be are errors that say so."""
    *rows, message = WRONG[case]

    assert evaluate(np.array(["no", "yes"]), *RIGHT).rows == 2
    with pytest.raises(DataError, match=re.escape(message)):
        evaluate(np.array(["no", "yes"]), *rows)


def test_calibration_error_worked_by_hand():
    """Two bins with half of the rows each: predicted 0.9 and true 1.0, predicted 0.6 and true 0.5."""
    shares = np.array([[0.9, 0.1]] * 2 + [[0.6, 0.4]] * 2)

    assert calibration_error(np.array([0, 0, 0, 1]), shares) == pytest.approx(0.1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 6))
def test_calibration_error_lies_between_the_overall_gap_and_one(seed, classes):
    """Binning can only add to the gap between mean confidence and accuracy (triangle law)."""
    truth, shares = drawn(40, classes, seed)
    gap = abs(shares.max(axis=1).mean() - (shares.argmax(axis=1) == truth).mean())

    assert gap - 1e-12 <= calibration_error(truth, shares) <= 1


@pytest.mark.parametrize("unit", [1e300, 1.7e308, 1e-300])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_unit_of_weights_does_not_matter(unit, classes):
    """Enormous weights and tiny ones give the figures of plain ones, piece by piece too."""
    random = np.random.default_rng(0)
    truth, p = random.integers(classes, size=400), random.dirichlet(np.ones(classes), 400)
    weight = random.integers(1, 4, 400) / 4
    plain, accumulator = (
        evaluate(np.arange(classes), truth, p, weight),
        MetricAccumulator.empty(classes),
    )
    for some in np.split(np.arange(400), 8):
        accumulator = accumulator.add(truth[some], p[some], weight[some] * unit)
    scaled = accumulator.figures(np.arange(classes))

    for name in ("log_loss", "accuracy", "balanced_accuracy", "auc", "calibration_error"):
        assert getattr(scaled, name) == pytest.approx(getattr(plain, name), rel=1e-12)
    assert scaled.confusion == plain.confusion


def test_weights_that_grow_are_added_in_one_unit():
    """Later rows that weigh far more than the first ones, or far less, count as they do together."""
    truth, p = np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8]])
    weight = np.array([1.0, 1e300, 3e300, 2.0])
    whole, accumulator = evaluate(np.arange(2), truth, p, weight), MetricAccumulator.empty(2)
    for k in range(4):
        accumulator = accumulator.add(truth[k : k + 1], p[k : k + 1], weight[k : k + 1])

    assert accumulator.figures(np.arange(2)).accuracy == pytest.approx(whole.accuracy)
    assert accumulator.figures(np.arange(2)).accuracy == pytest.approx(0.25)
