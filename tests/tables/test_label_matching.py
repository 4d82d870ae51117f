"""Labels are matched by what they say, whatever type a file gave them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.errors import DataError
from epochal.tables.label_matching import class_indices, matching
from epochal.tables.labels import Coded

VERSIONS = np.array(["2", "2.1", "2.10"], dtype=object)


@pytest.mark.parametrize(
    ("classes", "labels", "expected"),
    [
        (np.array([3, 7]), ["7", "3"], [1, 0]),
        (np.array([3, 7]), [7.0, 3.0], [1, 0]),
        (np.array([0.5, 1.0]), ["1", "0.5"], [1, 0]),
        (np.array([0.1, 1.0], np.float32), np.array([0.1, 1.0]), [0, 1]),
        (np.array([0.1, 1.0]), np.array([0.1, 1.0], np.float32), [0, 1]),
        (np.array([False, True]), ["true", "False", True, "1"], [1, 0, 1, 1]),
        (np.array(["FALSE", "TRUE"], dtype=object), np.array([True, False]), [1, 0]),
        (np.array(["3", "7"], dtype=object), [7, 3.0, "7"], [1, 0, 1]),
        (np.array(["3.0", "7.0"], dtype=object), np.array([7, 3]), [1, 0]),
        (np.array([2**62, 2**62 + 1]), [str(2**62 + 1), 2**62], [1, 0]),
        (np.array([2**70, 2**70 + 1], dtype=object), [str(2**70 + 1), 2**70], [1, 0]),
        (np.array([str(2**70), "x"], dtype=object), np.array([2**70], dtype=object), [0]),
        (np.array(["a", "b"]), np.array(["b", "a"], dtype=object), [1, 0]),
        (np.array(["007", "042", "7"]), ["7", "042", "007", 7], [2, 1, 0, 2]),
        (VERSIONS, ["2.10", "2.1", "2", 2.1, "2.0"], [2, 1, 0, 1, 0]),
        (np.array(["2024-05-01", "x"]), ["2024-05-01 00:00:00"], [0]),
    ],
)
def test_labels_are_matched_by_what_they_say(classes, labels, expected):
    """The same label as text, integer, float or boolean is the same class; letters go first."""
    assert class_indices(classes, labels).tolist() == expected


@pytest.mark.parametrize(
    ("classes", "label"),
    [
        (np.array(["a", "b"]), "c"),
        (np.array([0, 1]), "x"),
        (np.array([0, 1]), "01"),
        (np.array([0, 1]), True),
        (np.array(["0", "1"]), True),
        (np.array([False, True]), "maybe"),
        (np.array(["007", "x"]), 7),
    ],
)
def test_a_label_that_is_no_class_is_refused_by_name(classes, label):
    """The error names the label, what holds it, and the classes that the model knows."""
    with pytest.raises(
        DataError, match=f"column 'y' holds the label .?{label}.* in row 1, which"
    ) as caught:
        class_indices(classes, [classes[0], label], "column 'y'")

    assert "Hint:" in str(caught.value)


def test_a_label_that_may_be_two_classes_is_refused():
    """Of classes spelled 1.50 and 1.500 a number 1.5 may be either."""
    classes = np.array(["1.50", "1.500"])

    assert class_indices(classes, ["1.500", "1.50"]).tolist() == [1, 0]
    with pytest.raises(DataError, match=r"1\.5 may be any of .* '1\.50' and '1\.500'"):
        class_indices(classes, [1.5])


def test_labels_of_many_rows_are_matched_once_each():
    """Codes stay codes, of a type that holds the classes."""
    labels = Coded(np.array(["b", "a"], dtype=object), np.array([0, 1, 0], np.uint8))

    found = class_indices(np.array(["a", "b"]), labels)

    assert found.tolist() == [1, 0, 1]
    assert found.dtype == np.uint8


def test_many_unknown_labels_are_counted():
    """The first ones are named, and how many more there are."""
    labels = np.array([str(k) for k in range(1, 8)], dtype=object)
    coded = Coded(labels, np.array([6, 3, 0], np.uint8))
    with pytest.raises(
        DataError, match="label '1' in row 0, .*; others are '2', '3', '4', '5' and 2 more"
    ):
        class_indices(np.array(["a", "b"]), labels)
    with pytest.raises(
        DataError, match="label '7' in row 0, .*; others are '1', '2', '3', '4' and 2 more"
    ):
        class_indices(np.array(["a", "b"]), coded)


@given(st.lists(st.text() | st.integers().map(str), min_size=2, max_size=9, unique=True))
def test_every_class_is_found_by_its_own_letters(names):
    """Whatever texts are classes, each is matched to itself."""
    classes = np.array(sorted(names), dtype=object)

    assert class_indices(classes, classes).tolist() == list(range(len(names)))


def test_different_labels_are_looked_up():
    """The result has each label once; a label that is no class has no index."""
    assert matching(np.array([1, 2]), ["2", "2", 1, "x"]) == {"2": 1, 1: 0, "x": None}
