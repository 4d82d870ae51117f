"""Labels are matched by what they say, whatever type a file gave them."""

from __future__ import annotations

import numpy as np
import pytest

from epochal.errors import DataError
from epochal.use.classes import class_indices


@pytest.mark.parametrize(
    ("classes", "labels", "expected"),
    [
        (np.array([3, 7]), ["7", "3"], [1, 0]),
        (np.array([3, 7]), [7.0, 3.0], [1, 0]),
        (np.array([0.5, 1.0]), ["1", "0.5"], [1, 0]),
        (np.array([False, True]), ["true", "False", True, "1"], [1, 0, 1, 1]),
        (np.array(["3", "7"], dtype=object), [7, 3.0, "7"], [1, 0, 1]),
        (np.array([2**62, 2**62 + 1]), [str(2**62 + 1), 2**62], [1, 0]),
        (np.array(["a", "b"]), np.array(["b", "a"], dtype=object), [1, 0]),
    ],
)
def test_labels_are_matched_by_what_they_say(classes, labels, expected):
    """The same label as text, whole number, float or truth value is the same class."""
    assert class_indices(classes, labels).tolist() == expected


@pytest.mark.parametrize(
    ("classes", "label"),
    [(np.array(["a", "b"]), "c"), (np.array([0, 1]), "x"), (np.array([False, True]), "maybe")],
)
def test_a_label_that_is_no_class_is_refused_by_name(classes, label):
    """The error names the label that the model has never seen, and the classes it knows."""
    with pytest.raises(DataError, match=label) as caught:
        class_indices(classes, [classes[0], label])

    assert "Hint:" in str(caught.value)
