"""The columns of the table that is written to be large."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

import big_table_columns as columns

PLAN = columns.planned(100)


def _table(plan, rows=500, seed=0):
    """Return rows of the first chunk."""
    return columns.as_table(plan, columns.drawn(plan, seed, 0, rows), slice(None))


def test_a_hundred_columns_are_of_all_kinds():
    """Numbers make up the rest after names, flags, dates, and columns that say nothing new."""
    kinds = Counter(column.kind for column in PLAN)
    levels = [column.levels for column in PLAN if column.kind == "category"]

    assert len(PLAN) == kinds.total() == 100
    assert kinds["number"] + kinds["whole"] == 60
    assert [kinds[kind] for kind in ("whole", "category", "id", "flag", "date")] == [5, 25, 2, 5, 5]
    assert (min(levels), max(levels)) == (3, 200)


@pytest.mark.parametrize("number", [8, 17, 250])
def test_there_are_as_many_columns_as_asked_for(number):
    """Each has a name of its own, and the target comes last."""
    names = _table(columns.planned(number), rows=5).column_names

    assert len(set(names)) == number + 1
    assert names[-1] == columns.TARGET


def test_types_are_those_of_a_database():
    """Numbers, whole numbers, text, flags, days and times have a type each."""
    schema = _table(PLAN).schema
    types = [schema.field(name).type for name in ("number_01", "number_11", "category_05", "id_02")]
    of_time = [schema.field(name).type for name in ("flag_01", "date_01", "date_02")]

    assert types == [pa.float64(), pa.int64(), pa.string(), pa.string()]
    assert of_time == [pa.bool_(), pa.date32(), pa.timestamp("ms")]


def test_some_values_are_missing_some_hardly_change_and_some_are_copies():
    """Gaps are where they are planned, and nowhere else; labels have none."""
    table = _table(PLAN)
    gaps = {name for name in table.column_names if table[name].null_count}
    planned = {column.name for column in PLAN if column.missing > 0.01}

    assert planned <= gaps <= {column.name for column in PLAN if column.missing}
    assert len(table["nearly_constant_01"].unique()) <= 2
    assert table["same_as_number_02"].equals(table["number_01"])
    assert table["same_as_category_03"].equals(table["category_01"])
    assert len(table["id_01"].unique()) > 490


def test_the_classes_can_be_learnt():
    """Who knows the odds is right far more often than by guessing, and as often as promised."""
    some = columns.drawn(PLAN, 0, 0, 20_000)
    logits = columns._logits(PLAN, some.values)

    accuracy = np.mean(logits.argmax(axis=1) == some.classes)
    assert accuracy > np.bincount(some.classes).max() / 20_000 + 0.2
    assert accuracy == pytest.approx(some.surest.mean(), abs=0.01)


def test_rows_depend_on_seed_and_chunk():
    """The same seed and chunk are the same rows; another seed or chunk is others."""
    first = _table(PLAN)

    assert _table(PLAN).equals(first)
    assert not _table(PLAN, seed=1).equals(first)
    assert not columns.as_table(PLAN, columns.drawn(PLAN, 0, 1, 500), slice(None)).equals(first)
