"""What columns become: names, places and tables of features."""

import numpy as np
import pytest

from epochal.preprocessing.feature_layout import category_table, feature_names, layout
from epochal.preprocessing.vocabulary import Vocabulary
from epochal.tables.schema import Column, Schema

AGE = Column("age", "number", has_missing=True)
JOB = Column("job", "category", ("clerk", "cook"), has_missing=True, other=True)
DAY = Column("day", "date", has_missing=True, cycles=("week",))
SEX = Column("sex", "category", ("f", "m"))
OWNER = Column("owner", "boolean")
SCHEMA = Schema((AGE, JOB, DAY, SEX, OWNER), named=True, shape=(5,))
NAMES = ["age", "age is missing", "job=clerk", "job=cook", "job=(missing)", "job=(other)"]
NAMES += ["day", "day is missing", "day sine of week", "day cosine of week", "sex=m", "owner"]


def test_features_stand_in_the_order_of_their_columns():
    """Names and groups run through the columns; values and indicators are found by place."""
    where = layout(SCHEMA)

    assert list(where.names) == NAMES
    assert where.groups.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 4]
    assert [where.names[i] for i in where.values] == ["age", "day", "owner"]
    assert [where.names[i] for i in where.indicators] == ["age is missing", "day is missing"]
    assert where.indicated.tolist() == [0, 1]
    assert where.categories.tolist() == [2, 10]
    assert [where.names[i] for i in where.waves] == ["day sine of week"]
    assert where.dated.tolist() == [1]


@pytest.mark.parametrize(
    ("column", "rows"),
    [
        (JOB, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
        (SEX, [[-1], [1], [0], [0]]),
        (Column("a", "category", ("x", "y", "z")), [*np.eye(3).tolist(), [0] * 3, [0] * 3]),
        (Column("a", "category", ("x",), has_missing=True), [[-1], [1], [0]]),
        (Column("a", "category", ("x",), other=True), [[-1], [0], [1]]),
        (Column("a", "category", ("x",)), [[0], [0], [0]]),
        (Column("a", "category", (), has_missing=True), [[0], [0]]),
        (Column("a", "category"), [[0], [0]]),
    ],
)
def test_a_category_table_has_a_row_for_every_code(column, rows):
    """Categories are one-hot, two are -1 and 1, one is 0, and an unseen category is 0."""
    table = category_table(column)

    assert table.dtype == np.float32
    assert table.tolist() == rows
    assert table.shape[1] == len(feature_names(column))


def test_a_column_with_nothing_to_say_keeps_its_name():
    """A column without categories has one feature with its name."""
    assert feature_names(Column("a", "category")) == ["a"]


def test_a_schema_without_numbers_has_no_values():
    """Categories alone leave nothing to standardise."""
    where = layout(Schema((SEX,), named=True, shape=(1,)))

    assert where.values.tolist() == where.indicators.tolist() == []


def test_statistics_of_a_pair_come_from_both_columns():
    """Of two classes names have two statistics, words four; all other inputs come from one column."""
    found = [
        Vocabulary(("job",), words=0, names=("a",)),
        Vocabulary(("sex", "job"), words=0, names=("a",)),
        Vocabulary(("sex",), words=1, names=("a",)),
    ]
    columns = layout(SCHEMA, vocabularies=found).inputs(0)

    assert columns[-8:].tolist() == [[1, 1]] * 2 + [[3, 1]] * 2 + [[3, 3]] * 4
    assert (columns[:-8, 0] == columns[:-8, 1]).all()
