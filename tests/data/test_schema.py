"""What is inferred of columns, and descriptions that are nonsense."""

import copy
import datetime

import numpy as np
import pyarrow as pa
import pytest

from epochal.data.schema import Column, Schema
from epochal.data.statistics import statistics

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


@pytest.mark.parametrize("rows", [TABLE, np.zeros((4, 2, 3)), np.array([[np.nan], [1.0]])])
def test_a_schema_returns_from_its_description(rows):
    """from_dict undoes to_dict."""
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
    "other shape": lambda d: d | {"shape": [9]},
    "array with categories": lambda d: d | {"named": False},
    "a column twice": lambda d: d | {"columns": d["columns"][:1] * 2, "shape": [2]},
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_nonsensical_schema_is_refused(name):
    """A description with wrong keys, types or sizes is a ValueError."""
    description = statistics(TABLE, max_categories=64).schema.to_dict()
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
