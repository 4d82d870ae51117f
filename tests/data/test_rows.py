"""Some of the rows: by number or by span, whatever holds them."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from epochal.data.rows import span, take

DENSE = np.arange(12.0).reshape(6, 2)
KINDS = {
    "array": DENSE,
    "sparse": sparse.csr_array(DENSE),
    "table": pa.table({"a": DENSE[:, 0], "b": DENSE[:, 1]}),
}


def values(rows):
    """Return the values of rows of any kind as an array."""
    if isinstance(rows, pa.Table):
        return np.column_stack([column.to_numpy() for column in rows.columns])
    return rows.toarray() if sparse.issparse(rows) else rows


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_taken_in_the_order_asked(kind):
    """Rows come in the order of the numbers, repeated ones repeated."""
    np.testing.assert_array_equal(values(take(KINDS[kind], np.array([4, 0, 4]))), DENSE[[4, 0, 4]])


@pytest.mark.parametrize("kind", KINDS)
def test_a_span_is_its_rows(kind):
    """A span goes from one number up to, and without, another."""
    np.testing.assert_array_equal(values(span(KINDS[kind], 2, 5)), DENSE[2:5])
