"""What is inferred of columns, and descriptions that are nonsense."""

import copy

import numpy as np
import pyarrow as pa
import pytest

from epochal.config.csv_options import CsvOptions
from epochal.errors import DataError
from epochal.preprocessing.statistics import statistics
from epochal.tables.schema import Column, Schema, refuse_unusable


def test_a_schema_returns_from_its_description(every_kind):
    """from_dict undoes to_dict."""
    for rows in (every_kind, np.zeros((4, 2, 3)), np.array([[np.nan], [1.0]])):
        schema = statistics(rows, max_categories=64).schema

        assert Schema.from_dict(copy.deepcopy(schema.to_dict())) == schema


NONSENSE = {
    "no dict": lambda d: [d],
    "key left out": lambda d: {key: d[key] for key in ("columns", "named")},
    "surplus key": lambda d: d | {"more": 1},
    "columns no list": lambda d: d | {"columns": {}},
    "named no truth value": lambda d: d | {"named": 1},
    "shape of truth values": lambda d: d | {"shape": [True] * 10},
    "negative shape": lambda d: d | {"shape": [-2, -5]},
    "shape of many numbers": lambda d: d | {"shape": [10, 1, 1, 1]},
    "shape of a huge number": lambda d: d | {"shape": [2**63, 0]},
    "other shape": lambda d: d | {"shape": [9]},
    "array with categories": lambda d: d | {"named": False},
    "missing values no list": lambda d: d | {"missing_values": "NA"},
    "missing values no texts": lambda d: d | {"missing_values": ["NA", 1]},
    "a missing value twice": lambda d: d | {"missing_values": ["NA", "NA"]},
    "strip no truth value": lambda d: d | {"strip": 1},
    "a column twice": lambda d: d | {"columns": d["columns"][:1] * 2, "shape": [2]},
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_nonsensical_schema_is_refused(name, every_kind):
    """A description with wrong keys, types or sizes is a ValueError."""
    description = statistics(every_kind, max_categories=64).schema.to_dict()
    assert Schema.from_dict(description)

    with pytest.raises(ValueError, match="schema|shape|column"):
        Schema.from_dict(NONSENSE[name](description))


def test_a_schema_says_how_cells_are_read(every_kind):
    """Missing values and spaces are stored; what no cell can be is refused."""
    options = CsvOptions(missing_values=("-999", "not known"), strip=False)
    schema = statistics(every_kind, max_categories=64).schema.read_as(options)

    assert schema.csv == options
    assert schema.words == ("", "-999", "not known")
    assert Schema.from_dict(copy.deepcopy(schema.to_dict())) == schema
    with pytest.raises(ValueError, match="has a quote"):
        Schema.from_dict(schema.to_dict() | {"missing_values": ['"']})


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


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.int8()),
        pa.binary(),
        pa.large_binary(),
        pa.struct([("a", pa.int8())]),
        pa.map_(pa.string(), pa.int8()),
        pa.month_day_nano_interval(),
        pa.sparse_union([pa.field("a", pa.int8())]),
    ],
)
def test_types_that_are_no_columns_are_refused_by_name(kind):
    """The first of them is named, with what to do."""
    refuse_unusable(pa.schema([("a", pa.int8()), ("b", pa.timestamp("s", "Mars/Phobos"))]))
    with pytest.raises(DataError, match="column 'odd' holds values of type") as caught:
        refuse_unusable(pa.schema([("a", pa.int8()), ("odd", kind)]))
    assert "leave column 'odd' out" in caught.value.hint
