"""What is known of rows in memory: one value each, as an array."""

import numpy as np
import pandas as pd
import pytest

from epochal.errors import DataError
from epochal.given import checked_labels, of_rows

ROWS = np.zeros((3, 2))


def test_labels_and_weights_become_arrays():
    """Lists and series alike; without weights there are none."""
    labels, weight = checked_labels(ROWS, ["a", "b", "a"], pd.Series([1, 2, 0]))

    assert labels.tolist() == ["a", "b", "a"]
    assert weight.dtype == np.float64
    assert weight.tolist() == [1, 2, 0]
    assert checked_labels(ROWS, [0, 1, 0], None)[1] is None


@pytest.mark.parametrize(
    ("y", "weight", "words"),
    [
        ([0, 1], None, r"numbers of samples: \[3, 2\]"),
        ([0, 1, 0], [1.0], "sample_weight.shape"),
        ([0, 1, 0], [1.0, -1.0, 1.0], "[Nn]egative"),
    ],
)
def test_labels_and_weights_that_cannot_be_are_refused(y, weight, words):
    """Of another length, or weights below 0: in scikit-learn's words."""
    with pytest.raises(ValueError, match=words):
        checked_labels(ROWS, y, weight)


def test_groups_and_times_have_one_value_for_each_row():
    """None stays None."""
    assert of_rows(ROWS, [7, 7, 8], "groups").tolist() == [7, 7, 8]
    assert of_rows(ROWS, None, "groups") is None
    with pytest.raises(DataError, match="times has 2 values for 3 rows"):
        of_rows(ROWS, [1, 2], "times")
