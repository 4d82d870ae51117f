"""What is inferred of columns, and descriptions that are nonsense."""

import copy
import datetime

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from epochal.data.schema import Column, Schema, infer, len_of, row_weights, spans
from epochal.errors import DataError

DAY = datetime.date(2024, 1, 1)
TABLE = pa.table(
    {
        "age": [31.0, None, 45.0, 28.0],
        "rooms": [1, 2, 3, 4],
        "empty number": pa.nulls(4, pa.float64()),
        "empty": pa.nulls(4),
        "job": ["cook", "clerk", None, "rare"],
        "code": pa.array([3, 7, 3, 3]).dictionary_encode(),
        "owner": [True, False, None, True],
        "day": [DAY, DAY + datetime.timedelta(8), None, DAY],
        "waited": pa.array([1, 2, 3, 4], pa.duration("s")),
        "stamp": pa.array([DAY, DAY, DAY, DAY]).dictionary_encode(),
    }
)
ALL = np.arange(4)


def test_every_type_has_its_kind():
    """Types decide the kind; the training rows decide categories, gaps and cycles."""
    schema = infer(TABLE, ALL, max_categories=64)

    assert schema.named
    assert schema.shape == (10,)
    assert schema.columns == (
        Column("age", "number", has_missing=True),
        Column("rooms", "number"),
        Column("empty number", "number"),
        Column("empty", "category", has_missing=True),
        Column("job", "category", ("clerk", "cook", "rare"), has_missing=True),
        Column("code", "category", ("3", "7")),
        Column("owner", "boolean", has_missing=True),
        Column("day", "date", has_missing=True, cycles=("week",)),
        Column("waited", "number"),
        Column("stamp", "date"),
    )


def test_only_training_rows_speak():
    """What only other rows hold, and rows of weight 0, does not exist."""
    expected = (
        Column("age", "number"),
        Column("job", "category", ("cook", "rare")),
        Column("day", "date"),
    )
    some = TABLE.select(["age", "job", "day"])

    assert infer(some, np.array([3, 0]), 64).columns == expected
    assert infer(some, ALL, 64, np.array([2.0, 0, 0, 1])).columns == expected
    assert infer(some, ALL, 64).columns != expected


def test_rare_categories_share_one():
    """At most so many categories are kept; that there were more is noted."""
    column = infer(TABLE.select(["job"]), np.array([0, 0, 1, 3]), 1).columns[0]

    assert column == Column("job", "category", ("cook",), other=True)


@pytest.mark.parametrize(
    ("values", "type_"),
    [([[1], [2]], "list"), ([{"a": 1}, {"a": 2}], "struct"), ([b"a", b"b"], "binary")],
)
def test_nested_and_binary_columns_are_refused_by_name(values, type_):
    """What is no column of a table is refused, with its name, its type and a hint."""
    table = pa.table({"age": [1, 2], "odd": values})

    with pytest.raises(DataError, match=f"(?s)column 'odd' holds values of type {type_}.*Hint"):
        infer(table, np.arange(2), 64)


def test_two_columns_of_one_name_are_refused():
    """A name must tell which column is meant."""
    table = pa.table([[1], [2]], names=["a", "a"])

    with pytest.raises(DataError, match="several columns 'a'"):
        infer(table, np.arange(1), 64)


def holders(array):
    """The array as it is, and as sparse matrices."""
    return [array, sparse.csr_matrix(array), sparse.csr_array(array)]


@pytest.mark.parametrize("which", range(3))
def test_arrays_have_numbered_columns(which):
    """Columns of arrays are x0, x1, …; gaps are found in training rows only."""
    array = np.array([[1, 0, np.nan], [np.nan, 0, np.nan], [3, np.nan, np.nan]])

    schema = infer(holders(array)[which], np.array([0, 1]), 64)

    missing = [column.has_missing for column in schema.columns]
    assert schema.names == ["x0", "x1", "x2"]
    assert missing == [True, False, False]
    assert (schema.named, schema.shape) == (False, (3,))


def test_images_keep_their_shape():
    """Rows of images are described by height and width, and by as many columns."""
    schema = infer(np.zeros((5, 2, 3), np.uint8), np.arange(5), 64)

    assert schema.shape == (2, 3)
    assert schema.names == [f"x{index}" for index in range(6)]


def test_infinities_do_not_hide_gaps():
    """A sum of infinities is no gap, and a gap beside them is one."""
    array = np.array([[np.inf, 1, 1], [-np.inf, np.nan, 1]])

    missing = [column.has_missing for column in infer(array, np.arange(2), 64).columns]

    assert missing == [False, True, False]


def test_row_weights_count_repeated_rows():
    """A row that is drawn twice counts twice, times its weight."""
    assert row_weights(4, np.array([3, 1, 3])).tolist() == [0, 1, 0, 2]
    assert row_weights(3, np.array([2, 2]), np.array([5, 5, 0.5])).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "rows",
    [np.empty((100_003, 7)), np.empty((0, 3)), np.empty((3, 0)), np.empty((100, 2**18), bool)],
)
def test_spans_cover_every_row_once(rows):
    """Spans follow one another from the first row to the last, and are bounded."""
    parts = list(spans(rows))

    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(len(rows)))
    assert all((part.stop - part.start) * rows.shape[1] <= 2**24 for part in parts)


def test_spans_of_tables_and_sparse_matrices():
    """Rows are counted in everything that holds rows."""
    for rows in (pa.table({"a": np.arange(40_000)}), sparse.csr_array((40_000, 3))):
        assert len_of(rows) == 40_000
        assert sum(part.stop - part.start for part in spans(rows)) == 40_000


@pytest.mark.parametrize("rows", [TABLE, np.zeros((4, 2, 3)), np.array([[np.nan], [1.0]])])
def test_a_schema_returns_from_its_description(rows):
    """from_dict undoes to_dict."""
    schema = infer(rows, np.arange(2), 64)

    assert Schema.from_dict(copy.deepcopy(schema.to_dict())) == schema


NONSENSE = {
    "no dict": lambda d: [d],
    "key left out": lambda d: {key: d[key] for key in ("columns", "named")},
    "surplus key": lambda d: d | {"more": 1},
    "columns no list": lambda d: d | {"columns": {}},
    "named no truth value": lambda d: d | {"named": 1},
    "shape of truth values": lambda d: d | {"shape": [True] * 10},
    "negative shape": lambda d: d | {"shape": [-2, -5]},
    "other shape": lambda d: d | {"shape": [9]},
    "array with categories": lambda d: d | {"named": False},
    "a column twice": lambda d: d | {"columns": d["columns"][:1] * 2, "shape": [2]},
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_nonsensical_schema_is_refused(name):
    """A description with wrong keys, types or sizes is a ValueError."""
    description = infer(TABLE, ALL, 64).to_dict()
    assert Schema.from_dict(description)

    with pytest.raises(ValueError, match="schema|shape|column"):
        Schema.from_dict(NONSENSE[name](description))


COLUMN = {"name": "a", "kind": "category", "categories": ["x", "y"]}


@pytest.mark.parametrize(
    "column",
    [
        [],
        COLUMN | {"more": 1},
        {"kind": "number"},
        COLUMN | {"name": 3},
        COLUMN | {"kind": "colour"},
        COLUMN | {"kind": ["category"]},
        COLUMN | {"kind": "number"},
        COLUMN | {"categories": "xy"},
        COLUMN | {"categories": ["x", 1]},
        COLUMN | {"categories": ["x", "x"]},
        COLUMN | {"has_missing": 1},
        COLUMN | {"other": None},
        COLUMN | {"cycles": ["day"]},
        {"name": "a", "kind": "number", "other": True},
        {"name": "a", "kind": "date", "cycles": ["moon"]},
    ],
)
def test_a_nonsensical_column_is_refused(column):
    """A description with wrong keys, types or contradictions is a ValueError."""
    assert Column.from_dict(COLUMN)

    with pytest.raises(ValueError, match="column|categories|other"):
        Column.from_dict(column)
