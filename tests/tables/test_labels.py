"""Labels: classes, and refusals."""

import numpy as np
import pytest

from epochal.errors import DataError
from epochal.tables.labels import Coded, encode_labels

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
        (np.array([0.5, 1.0]), "Unknown label type: continuous; y holds 0.5 in row 0"),
        (np.array([1.0, np.nan]), "Input y contains NaN: the label is missing in row 1"),
        (np.array([1.0, np.inf]), "Input y contains infinity: y, in row 1"),
        (np.array(["a", None], dtype=object), "Input y contains NaN.* row 1"),
        (np.array(["a", "b", float("nan")], dtype=object), "Input y contains NaN.* row 2"),
        (np.array([NAType(), 1], dtype=object), "Input y contains NaN.* row 0"),
        (np.array(["a", 1], dtype=object), "Unknown label type: unknown; .*int, str"),
        (np.array([2**70, 0.5], dtype=object), "continuous; y holds 0.5 in row 1"),
        (np.array([True, 2], dtype=object), "Unknown label type: unknown; y mixes labels"),
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


def test_integers_of_any_length_are_classes():
    """Beyond 64 bits they stay Python's integers, and no two become one."""
    labels = np.array([2**70 + 1, -1, 2**70, -1], dtype=object)

    classes, indices = encode_labels(labels)

    assert classes.tolist() == [-1, 2**70, 2**70 + 1]
    assert classes.dtype == object
    assert indices.tolist() == [2, 0, 1, 0]


def test_texts_are_classes_letter_for_letter():
    """What looks like the same number is not the same class."""
    classes, _ = encode_labels(np.array(["7", "007", "7.0", " 7"], dtype=object))

    assert classes.tolist() == [" 7", "007", "7", "7.0"]


def test_messages_say_what_holds_the_labels():
    """The column and the file, where labels are from one."""
    where = "column 'y' of f.csv"
    one = Coded(np.array(["a"], dtype=object), np.zeros(3, np.uint8))

    with pytest.raises(DataError, match="column 'y' of f.csv has one class only"):
        encode_labels(one, where)
    with pytest.raises(DataError, match=r"column 'y' of f\.csv holds 0\.5 in row 1"):
        encode_labels(np.array([1.0, 0.5]), where)
