"""Binary columns are recognised by the first rows, in arrays and in tables alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from epochal.config.presets import PRESETS
from epochal.config.resolution import WIDE
from epochal.preparation import _resolved
from epochal.tables.non_binary_columns import MAX_ROWS, non_binary_columns


def test_numbers_dates_and_categories_are_not_binary():
    """Numbers with two values, constants and booleans are; a missing value is no value."""
    rows = np.arange(400)
    table = pa.table(
        {
            "number": rows,
            "flag": rows % 2,
            "flag with gaps": pa.array(rows % 2, mask=rows % 5 == 0),
            "three": rows % 3,
            "constant": np.ones(400),
            "truth": rows % 2 == 0,
            "day": pa.array(pd.date_range("2024-01-01", periods=400)),
            "category": pa.array(["a", "b"] * 200),
        }
    )
    assert non_binary_columns(table) == 4


def test_an_array_and_a_table_agree(rng):
    """Of the same numbers; only the first rows count, and of few rows all columns do."""
    x = np.column_stack([rng.integers(n, size=2 * MAX_ROWS) for n in (1, 2, 3, 99)]).astype(float)
    x[MAX_ROWS:, 1] = rng.normal(size=MAX_ROWS)
    table = pa.table({f"x{number}": column for number, column in enumerate(x.T)})

    assert non_binary_columns(x) == non_binary_columns(table) == 2
    assert non_binary_columns(x[:100]) == 4


@pytest.mark.parametrize("binary", [True, False])
def test_many_binary_columns_make_no_wide_table(rng, binary):
    """Vectors are for the other columns; images are as wide as they are."""
    x = rng.normal(size=(300, WIDE + 20))
    if binary:
        x[:, 30:] = x[:, 30:] > 0
    settings = _resolved(PRESETS["default"], x, 300)
    image = _resolved(PRESETS["default"], x[:, : 23 * 23].reshape(300, 23, 23), 300)

    assert (settings.embedding_size == 8) == binary
    assert (settings.activation == "relu") == binary
    assert image.embedding_size == 0
