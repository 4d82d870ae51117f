"""Weights of classes are scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from epochal.errors import SettingError
from epochal.tables.class_weights import class_weights


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0, 1: 0.5, 2: 1}, {1: 3.0}])
@settings(deadline=None)
@given(
    indices=st.lists(st.integers(0, 2), min_size=3, max_size=30),
    weights=st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=33, max_size=33),
)
def test_class_weights_are_those_of_scikit_learn(class_weight, indices, weights):
    """Every row weighs its own weight times scikit-learn's weight of its class."""
    y = np.array([0, 1, 2, *indices])
    expected = compute_sample_weight(class_weight, y)

    actual = class_weights(np.arange(3), y, class_weight, None)

    np.testing.assert_allclose(actual, expected, rtol=1e-14)
    own = np.array(weights[: len(y)])
    if class_weight != "balanced":
        both = class_weights(np.arange(3), y, class_weight, own)
        np.testing.assert_allclose(both, expected * own, rtol=1e-14)


def test_balanced_classes_weigh_the_same():
    """With weights of rows, too: each class that occurs gets the same share of the whole."""
    y = np.array([0, 0, 0, 1, 1, 3])
    weights = np.array([1, 2, 3, 0.5, 0.5, 4])

    balanced = class_weights(np.arange(4), y, "balanced", weights)

    np.testing.assert_allclose(np.bincount(y, balanced), [11 / 3, 11 / 3, 0, 11 / 3])


def test_a_weight_of_two_balances_like_the_row_twice():
    """Weights of rows and repeated rows give the same total per class."""
    classes = np.arange(2)
    once = class_weights(classes, np.array([0, 0, 1]), "balanced", np.array([1.0, 2, 1]))
    twice = class_weights(classes, np.array([0, 0, 0, 1]), "balanced", None)

    np.testing.assert_allclose(once, [twice[0], 2 * twice[0], twice[3]])


def test_the_weights_given_are_left_as_they_are():
    """Class weights do not write into the caller's weights."""
    own = np.ones(2)

    class_weights(np.arange(2), np.array([0, 1]), {0: 5.0, 1: 1.0}, own)

    assert own.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("even", "must be a dict of weights by class, 'balanced' or None. Got 'even'"),
        ([1, 2], "must be a dict"),
        ({"a": 1, "c": 2}, "are not in class_weight"),
        ({"a": -1.0}, "at least 0"),
        ({"a": float("nan")}, "at least 0"),
        ({"a": "heavy"}, "at least 0"),
    ],
)
def test_class_weights_that_cannot_be_are_refused(class_weight, message):
    """Unknown words, unknown classes and weights below 0 are setting errors."""
    with pytest.raises(SettingError, match=message):
        class_weights(np.array(["a", "b"]), np.array([0, 1]), class_weight, None)


@pytest.mark.parametrize(
    ("classes", "named"),
    [
        (np.array(["0", "1"], dtype=object), {0: 2.0, 1: 5.0}),
        (np.array([0, 1]), {"0": 2.0, "1": 5.0}),
        (np.array([False, True]), {False: 2.0, True: 5.0}),
        (np.array(["FALSE", "TRUE"]), {False: 2.0, True: 5.0}),
    ],
)
def test_classes_are_named_by_what_they_say(classes, named):
    """A class that a text file spells is named by the number that it spells, too."""
    weights = class_weights(classes, np.array([0, 1, 1]), named, None)

    assert weights.tolist() == [2, 5, 5]


def test_enormous_class_weights_are_numbers():
    """Only the ratios of class weights matter."""
    weights = class_weights(
        np.arange(2), np.array([0, 1, 1]), {0: 1e308, 1: 0.5e308}, np.full(3, 9.0)
    )

    assert np.isfinite(weights).all()
    assert weights / weights[0] == pytest.approx([1, 0.5, 0.5])
