"""Parquet files: whole, in batches, damaged."""

from __future__ import annotations

import struct
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet
import pytest

from epochal.errors import DataError, SourceError
from epochal.io import parquet


@pytest.fixture
def path(tmp_path):
    """Return the path of a file in several row groups, with dots in names."""
    table = pa.table(
        {
            "a": range(10),
            "a.b": ["x", None] * 5,
            "c": pa.array(["p", "q"] * 5).dictionary_encode(),
        }
    )
    path = tmp_path / "data.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=4)
    return path


def test_whole_and_streamed_are_the_same(path):
    """Batches have the requested size across row groups, and together the whole file."""
    names = parquet.column_names(path)
    whole = parquet.read(path, names)
    tables = list(parquet.batches(path, 3, names))
    assert [table.num_rows for table in tables] == [3, 3, 3, 1]
    assert pa.concat_tables(tables).to_pydict() == whole.to_pydict()
    assert pa.types.is_dictionary(whole.schema.field("c").type)
    assert whole.column("a.b").null_count == 5


def test_schema_says_the_types_without_reading(path):
    """The types of columns are those in which they are read."""
    assert parquet.schema(path, ["c", "a"]) == parquet.read(path, ["c", "a"]).schema


def test_columns_by_exact_name(path):
    """A name chooses its own column only, though another begins with it and a dot."""
    assert parquet.read(path, ["a"]).column_names == ["a"]
    assert parquet.read(path, ["c", "a.b"]).column_names == ["c", "a.b"]
    assert next(parquet.batches(path, 5, ["a"])).column_names == ["a"]


def test_index_of_pandas_is_no_column(tmp_path):
    """The index that pandas stores is ignored."""
    pd = pytest.importorskip("pandas")
    path = tmp_path / "p.parquet"
    pd.DataFrame({"a": [1, 2]}, index=["x", "y"]).to_parquet(path)
    assert parquet.column_names(path) == ["a"]


def test_duplicate_names_are_refused(tmp_path):
    """A file with two columns of one name is refused."""
    path = tmp_path / "d.parquet"
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(DataError, match="2 columns named 'a'"):
        parquet.column_names(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"a,b\n1,2\n" * 20])
def test_other_files_are_refused(tmp_path, content):
    """What is no Parquet file is refused as such."""
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="x.parquet cannot be read: .*; expected a Parquet file"):
        parquet.column_names(path)


def test_damage_is_an_error_of_ours(path, read_damaged):
    """A file cut short, or with a byte changed, is read as something or refused; no more."""

    def read(path):
        names = parquet.column_names(path)
        parquet.read(path, names)
        list(parquet.batches(path, 3, names))

    read_damaged(path, 37, read)


def test_a_changed_byte_in_a_page_is_refused(tmp_path):
    """Where pages have checksums, a value that is not the one written is never read."""
    path = tmp_path / "data.parquet"
    values = [1.5, 2.5, 3.5, 4.5]
    options = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    pyarrow.parquet.write_table(pa.table({"a": values}), path, **options)
    content = path.read_bytes()
    place = content.index(struct.pack("<4d", *values))
    path.write_bytes(content[:place] + struct.pack("<d", 99.5) + content[place + 8 :])

    # Without a look at the checksums nothing is wrong.
    assert pyarrow.parquet.read_table(path).column("a").to_pylist() == [99.5, *values[1:]]
    assert parquet.schema(path, ["a"]) == pa.schema([("a", pa.float64())])
    with pytest.raises(SourceError, match="data.parquet cannot be read: .*checksum"):
        parquet.read(path, ["a"])
    with pytest.raises(SourceError, match="data.parquet cannot be read: .*checksum"):
        list(parquet.batches(path, 3, ["a"]))


def test_batches_keep_pages_and_no_row_groups(tmp_path, rng):
    """Of columns with far more than a page in a row group, what is in memory is estimated from above."""
    path = tmp_path / "large.parquet"
    columns = {name: rng.normal(size=600_000) for name in "abc"}
    pyarrow.parquet.write_table(pa.table(columns), path, row_group_size=600_000)
    pool, usual = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        rows = sum(len(table) for table in parquet.batches(path, 1000, ["a", "b"]))
    finally:
        pa.set_memory_pool(usual)

    assert rows == 600_000
    assert parquet.page_bytes(path, ["a", "b"]) / 4 < pool.max_memory()
    assert pool.max_memory() < parquet.page_bytes(path, ["a", "b"]) < 2 * 8 * 600_000


def test_page_bytes_are_those_of_the_columns_that_are_read(path):
    """Small columns have less than a page, and a file without rows has none."""
    each = [parquet.page_bytes(path, [name]) for name in ("a", "a.b", "c")]
    empty = path.with_name("empty.parquet")
    pyarrow.parquet.write_table(pa.table({"a": pa.array([], pa.int64())}), empty, row_group_size=4)

    assert parquet.page_bytes(path, ["a", "a.b", "c"]) == sum(each)
    assert all(0 < size < 2**20 for size in each)
    assert parquet.page_bytes(empty, ["a"]) in range(400_000)


def test_what_is_kept_stands_as_it_is(path, tmp_path):
    """Kept columns have the types and missing values of the file."""
    table = pa.table({"d": pa.array([Decimal("1.50")] * 3), "n": [1.0, float("nan"), None]})
    other = tmp_path / "other.parquet"
    pyarrow.parquet.write_table(table, other)
    pieces = list(parquet.batches_with(other, 2, ["n"], ["n"]))

    assert [rows.column("n").null_count for rows, _ in pieces] == [1, 1]
    assert [kept.column("n").null_count for _, kept in pieces] == [0, 1]
    assert parquet.written_types(other, ["d"]) == pa.schema([("d", pa.decimal128(3, 2))])


def test_an_encrypted_file_is_named_as_such(tmp_path):
    """A footer that is encrypted begins and ends with other letters."""
    path = tmp_path / "secret.parquet"
    path.write_bytes(b"PARE" + b"\0" * 40 + struct.pack("<I", 20) + b"PARE")
    with pytest.raises(SourceError, match="secret.parquet is encrypted; expected a Parquet file"):
        parquet.column_names(path)
