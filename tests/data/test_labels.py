"""Labels: classes, refusals, and class weights as scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from epochal.data.labels import class_weights, encode_labels, numbered
from epochal.errors import DataError, SettingError

LABELS = {
    "int64": np.array([3, -1, 3]),
    "uint8": np.array([3, 1, 3], np.uint8),
    "float64": np.array([3.0, -1.0, 3.0]),
    "float32": np.array([3, -1, 3], np.float32),
    "bool": np.array([True, False, True]),
    "text": np.array(["b", "a", "b"]),
    "object": np.array(["b", "a", "b"], dtype=object),
}


@pytest.mark.parametrize("name", LABELS)
def test_classes_are_sorted_and_keep_their_type(name):
    """Classes are the different labels in order, of the labels' own type."""
    y = LABELS[name]

    classes, indices = encode_labels(y)

    assert classes.dtype == y.dtype
    assert classes.tolist() == sorted(set(y.tolist()))
    assert indices.dtype == np.int32
    assert (classes[indices] == y).all()


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [([2, 1], np.int64), ([True, False], bool), ([2, 1.0], np.float64), ([np.str_("b"), "a"], "O")],
)
def test_objects_of_one_plain_type_become_that_type(labels, dtype):
    """Python numbers in an object array are numbers; texts stay objects."""
    classes, indices = encode_labels(np.array(labels, dtype=object))

    assert classes.dtype == np.dtype(dtype)
    assert indices.tolist() == [1, 0]


def test_variable_width_texts_are_texts():
    """NumPy's own text type gives objects."""
    classes, _ = encode_labels(np.array(["b", "a"], dtype=np.dtypes.StringDType()))

    assert classes.tolist() == ["a", "b"]


class NAType:
    """Stands in for pandas' NA, which is known by the name of its type."""


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([[1, 0], [0, 1]]), "Unknown label type: .*shape"),
        (np.array([0.5, 1.0]), "Unknown label type: continuous; the label in row 0 is 0.5"),
        (np.array([1.0, np.nan]), "Input y contains NaN: the label is missing in row 1"),
        (np.array([1.0, np.inf]), "Input y contains infinity .row 1"),
        (np.array(["a", None], dtype=object), "Input y contains NaN.* row 1"),
        (np.array(["a", "b", float("nan")], dtype=object), "Input y contains NaN.* row 2"),
        (np.array([NAType(), 1], dtype=object), "Input y contains NaN.* row 0"),
        (np.array(["a", 1], dtype=object), "Unknown label type: unknown; .*int, str"),
        (np.array([True, 2], dtype=object), "Unknown label type: unknown; .*mixed"),
        (np.array([1j, 2]), "Unknown label type: unknown; .*complex"),
        (np.array([b"a", b"b"]), "Unknown label type: unknown"),
        (np.array(["2024-01-01"], "M8[D]"), "Unknown label type: unknown; .*datetime"),
        (np.array([]), "no labels"),
        (np.array(["a", "a"]), r"one class only \('a'\); expected at least two classes"),
        (np.array([7, 7]), r"one class only \(7\)"),
        (np.array(["a"], dtype=object), r"one class only \('a'\)"),
    ],
)
def test_what_is_no_class_is_refused(labels, message):
    """The error says what was found, in which row, with scikit-learn's opening words."""
    with pytest.raises(DataError, match=message):
        encode_labels(labels)


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
    ],
)
def test_class_weights_that_cannot_be_are_refused(class_weight, message):
    """Unknown words, unknown classes and weights below 0 are setting errors."""
    with pytest.raises(SettingError, match=message):
        class_weights(np.array(["a", "b"]), np.array([0, 1]), class_weight, None)


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_numbered_by_known_classes(name):
    """Known classes give every label the number that encoding them gave."""
    classes, indices = encode_labels(LABELS[name])

    assert numbered(LABELS[name], classes).tolist() == indices.tolist()


def test_an_unknown_label_is_refused_by_row():
    """A label that is no class is named with its row."""
    with pytest.raises(DataError, match="label 'c' in row 1 is not one of the model's classes"):
        numbered(np.array(["a", "c"]), np.array(["a", "b"]))


def test_enormous_class_weights_are_numbers():
    """Only how they compare with each other says anything."""
    weights = class_weights(
        np.arange(2), np.array([0, 1, 1]), {0: 1e308, 1: 0.5e308}, np.full(3, 9.0)
    )

    assert np.isfinite(weights).all()
    assert weights / weights[0] == pytest.approx([1, 0.5, 0.5])
