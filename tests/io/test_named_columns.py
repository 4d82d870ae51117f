"""Columns of a frame that say something of each row."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from epochal.errors import ColumnError, DataError
from epochal.io.columns import Roles
from epochal.io.frames import as_labels
from epochal.io.named_columns import taken_from, with_labels, without
from epochal.tables.dataset import Labelled

COLUMNS = {"age": [31, 45], "job": ["cook", "clerk"], "w": [1.0, 2.0], "day": [2, 1]}
FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}


@pytest.mark.parametrize("name", FRAMES)
def test_columns_are_taken_by_name(name):
    """Names refer to columns of frames of any library; arrays of values stay as they are."""
    frame, groups = FRAMES[name](COLUMNS), np.array([7, 8])
    said = Roles("job", "w", groups, "day")
    values, named = taken_from(frame, said)

    assert as_labels(values.target).tolist() == ["cook", "clerk"]
    assert as_labels(values.weight).tolist() == [1.0, 2.0]
    assert values.group is groups
    assert named == ["target", "weight", "time"]
    assert without(said, named) == ["job", "w"]


@pytest.mark.parametrize("name", FRAMES)
def test_a_column_that_is_not_there_is_refused(name):
    """With the nearest that is."""
    with pytest.raises(ColumnError, match="(?s)no column 'jb'.*did you mean 'job'"):
        taken_from(FRAMES[name](COLUMNS), Roles("jb"))


@pytest.mark.parametrize("rows", [np.ones((2, 2)), [[1], [2]]])
@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Roles("income"), "y is 'income'"),
        (Roles([0, 1], "w"), "sample_weight is 'w'"),
        (Roles([0, 1], None, "g"), "groups is 'g'"),
        (Roles([0, 1], None, None, "t"), "timestamps is 't'"),
    ],
)
def test_arrays_have_no_names(rows, said, words):
    """The argument is named as it is called in Python."""
    with pytest.raises(DataError, match=f"(?s){words}, and X has no named columns.*data frame"):
        taken_from(rows, said)


def test_rows_without_a_label_are_left_out():
    """With all that is known of them; they are counted, and not all rows may be without."""
    labels = np.array(["a", None, "b"], dtype=object)
    read = with_labels(Labelled(np.arange(3.0)[:, None], labels, np.array([1.0, 2, 3])))

    assert (read.labels.tolist(), read.weight.tolist(), read.dropped) == (["a", "b"], [1, 3], 1)
    assert read.rows.tolist() == [[0], [2]]
    whole = Labelled(np.ones((2, 1)), np.array([1, 2]))
    assert with_labels(whole) is whole
    with pytest.raises(DataError, match="no row of the data frame has a label"):
        with_labels(Labelled(np.ones((2, 1)), np.array([None, None])))
