"""A table with columns of every kind."""

import datetime

import pyarrow as pa
import pytest

DAY = datetime.date(2024, 1, 1)


@pytest.fixture
def every_kind():
    """Return four rows with numbers, texts, categories, truth values, dates and gaps."""
    return pa.table(
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
