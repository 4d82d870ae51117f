"""Rows with labels; rows without are dropped and counted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from epochal.errors import ColumnError, DataError
from epochal.io.labelled import from_table, without_missing
from epochal.tables.labels import missing_labels


@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        (np.array([1, 2]), [False, False]),
        (np.array([1.0, np.nan]), [False, True]),
        (np.array(["a", ""]), [False, False]),
        (np.array([True, None], dtype=object), [False, True]),
        (np.array(["a", float("nan")], dtype=object), [False, True]),
        (np.array(["2020", "NaT"], dtype="M8[D]"), [False, True]),
    ],
)
def test_missing_labels(labels, missing):
    """None, NaN and NaT are missing; empty text is not."""
    assert missing_labels(labels).tolist() == missing


def test_target_leaves_the_table():
    """The target is a column no more, and rows without it are dropped and counted."""
    table = pa.table({"a": [1, 2, 3], "y": [1.0, None, float("nan")]})
    found = from_table(table, "y", "it")
    assert found.rows.to_pydict() == {"a": [1]}
    assert (found.labels.tolist(), found.dropped, found.source) == ([1.0], 2, "it")


def test_unknown_target_names_the_nearest():
    """A target that is not there is refused with the nearest name."""
    with pytest.raises(ColumnError, match="it has no column 'incme'") as caught:
        from_table(pa.table({"income": [1]}), "incme", "it")
    assert caught.value.hint == "did you mean 'income'?"


def test_arrays_lose_rows_without_label():
    """Rows of arrays without a label are dropped too."""
    found = without_missing(np.arange(6).reshape(3, 2), np.array([1, np.nan, 2]), "it")
    assert found.rows.tolist() == [[0, 1], [4, 5]]
    assert found.dropped == 1


def test_counts_must_agree():
    """More labels than rows are refused."""
    with pytest.raises(DataError, match="it has 2 rows and 3 labels"):
        without_missing(np.zeros((2, 2)), np.zeros(3), "it")


def test_nothing_is_copied_without_need():
    """Where every row has a label, the rows are the very same."""
    rows = np.zeros((2, 2))
    assert without_missing(rows, np.zeros(2), "it").rows is rows
