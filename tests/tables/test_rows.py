"""Some of the rows: by number or by span, whatever holds them."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from epochal.tables.rows import bucket, len_of, span, spans, take

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


@pytest.mark.parametrize("number", [1, 2, 3, 5, 9, 100, 12345])
def test_buckets_are_near_and_few(number):
    """A bucket is at least the number, at most a third more, and is its own bucket."""
    assert number <= bucket(number) <= max(number * 4 / 3, number + 1)
    assert bucket(bucket(number)) == bucket(number)
