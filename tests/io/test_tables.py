"""Plain types, names that differ, and rows cut into batches."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.errors import DataError
from epochal.io.tables import (
    plain,
    plain_column,
    plain_type,
    regrouped,
    without_index,
)


@pytest.mark.parametrize(
    ("array", "kind", "values"),
    [
        (pa.array([1.0, float("nan"), None]), pa.float64(), [1.0, None, None]),
        (pa.array([1, 2], pa.int8()), pa.int8(), [1, 2]),
        (pa.array([1.5], pa.float32()).cast(pa.float16()), pa.float32(), [1.5]),
        (pa.array([Decimal("1.50"), None]), pa.decimal128(3, 2), [Decimal("1.50"), None]),
        (pa.array(["a"], pa.large_string()), pa.string(), ["a"]),
        (pa.array(["a", None], pa.string_view()), pa.string(), ["a", None]),
        (pa.array(["a"], pa.large_string()).dictionary_encode(), None, ["a"]),
        (pa.array([3, None, 3]).dictionary_encode(), None, [3, None, 3]),
        (pa.array([1.5, 2.5]).dictionary_encode(), None, [1.5, 2.5]),
        (pa.RunEndEncodedArray.from_arrays([2, 3], [1.0, None]), pa.float64(), [1.0, 1.0, None]),
        (pa.DictionaryArray.from_arrays([0, 1], ["a", None]), None, ["a", None]),
        (pa.array([b"\0" * 16], pa.binary(16)), pa.binary(16), [b"\0" * 16]),
        (pa.array([[1]]), pa.list_(pa.int64()), [[1]]),
    ],
)
def test_columns_get_plain_types(array, kind, values):
    """Every spelling of a type becomes the plain one; values stay; dictionaries stay."""
    column = plain_column(pa.chunked_array([array]))
    assert column.to_pylist() == values
    if kind is None:
        assert pa.types.is_dictionary(column.type)
        assert not column.chunk(0).dictionary.null_count
    else:
        assert column.type == kind


def test_extension_types_give_their_storage():
    """A registered type (here a UUID) becomes its storage type."""
    storage = pa.array([b"\1" * 16], pa.binary(16))
    column = pa.chunked_array([pa.ExtensionArray.from_storage(pa.uuid(), storage)])
    assert plain_column(column).type == pa.binary(16)


def test_dictionaries_of_chunks_become_one():
    """Chunks with dictionaries of their own share one afterwards."""
    chunks = [pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode()]
    column = plain_column(pa.chunked_array(chunks))
    assert column.to_pylist() == ["a", "b", "c", "a"]
    assert column.chunk(0).dictionary.equals(column.chunk(1).dictionary)


def test_duplicates_are_refused_by_name():
    """A table with a name twice is refused with the name and the place."""
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(DataError, match="the frame has 2 columns named 'a'"):
        plain(table, "the frame")


def test_a_table_without_columns_keeps_its_rows():
    """Without columns there is still a number of rows."""
    assert plain(pa.table({"a": [1, 2]}).select([]), "it").num_rows == 2


@given(st.lists(st.integers(0, 7), max_size=8), st.integers(1, 5))
def test_regrouped_keeps_every_row_in_order(sizes, rows):
    """Law: all rows come once and in order; every table but the last is full."""
    total = sum(sizes)
    values = pa.table({"a": range(total)})
    blocks, start = [], 0
    for size in sizes:
        blocks += values.slice(start, size).to_batches() or [
            pa.record_batch({"a": []}, values.schema)
        ]
        start += size
    tables = list(regrouped(blocks, rows))
    found = [value for table in tables for value in table.column("a").to_pylist()]
    assert found == list(range(total))
    assert all(table.num_rows == rows for table in tables[:-1])
    assert all(table.num_rows for table in tables)


def test_index_of_pandas_is_no_column():
    """The index columns of pandas are ignored; damaged metadata change nothing."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="id"))
    schema = pa.Table.from_pandas(frame).schema
    assert schema.names == ["a", "id"]
    assert without_index(schema, "it") == ["a"]
    assert without_index(schema.with_metadata({"pandas": "no JSON"}), "it") == ["a", "id"]
    assert without_index(schema.with_metadata({"pandas": "[1]"}), "it") == ["a", "id"]


UNION = pa.UnionArray.from_sparse(
    pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]
)
TWO = pa.array([0, 1], pa.int8())


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array([b"a", b"b"], pa.binary_view()), pa.large_binary()),
        (pa.DictionaryArray.from_arrays(TWO, pa.array(["a", "b"], pa.string_view())), None),
        (pa.DictionaryArray.from_arrays(TWO, pa.array([b"a", b"b"], pa.binary_view())), None),
        (pa.DictionaryArray.from_arrays(TWO, pa.array([[1], [2]])), pa.list_(pa.int64())),
        (pa.DictionaryArray.from_arrays(TWO, pa.array([{"a": 1}, {"a": 2}])), None),
        (pa.DictionaryArray.from_arrays(TWO, UNION), UNION.type),
        (pa.RunEndEncodedArray.from_arrays([1, 2], pa.array(["a", "b"], pa.string_view())), None),
        (pa.RunEndEncodedArray.from_arrays([1, 2], [[1], [2]]), pa.list_(pa.int64())),
        (pa.RunEndEncodedArray.from_arrays([1, 2], pa.array(["a", "b"]).dictionary_encode()), None),
        (pa.array([(1, 2, 3), (4, 5, 6)], pa.month_day_nano_interval()), None),
        (UNION, UNION.type),
        (pa.array([[1], [2]], pa.list_view(pa.int8())), pa.list_view(pa.int8())),
    ],
)
def test_types_that_arrow_hardly_knows_pass_with_their_values(array, kind):
    """Views, unions, and dictionaries and runs of them: no function of Arrow's is missing on the way."""
    column = plain_column(pa.chunked_array([array, array]))

    assert column.to_pylist() == array.to_pylist() * 2
    assert column.type == plain_type(array.type)
    assert kind is None or column.type == kind


def test_a_slice_of_runs_has_its_own_values():
    """What was cut off before and behind does not come back."""
    runs = pa.RunEndEncodedArray.from_arrays([2, 5, 6], ["a", None, "b"])

    assert plain_column(pa.chunked_array([runs.slice(1, 4)])).to_pylist() == ["a", None, None, None]


@given(st.lists(st.sampled_from(["a", "b", None]), min_size=1), st.data())
def test_runs_are_their_rows(values, data):
    """Law: a column is the same, whether its runs are written out or not."""
    encoded = pc.run_end_encode(pa.array(values, pa.string()))
    start = data.draw(st.integers(0, len(values)))

    found = plain_column(pa.chunked_array([encoded, encoded.slice(start)]))
    assert found.to_pylist() == values + values[start:]
