"""Arrow IPC files and streams: whole, in batches, damaged."""

from __future__ import annotations

import struct

import pyarrow as pa
import pytest

from epochal.errors import SourceError
from epochal.io import arrow

_TABLE = pa.table(
    {
        "a": range(10),
        "b": pa.array(["x", None] * 5, pa.large_string()),
        "c": pa.array(["p", "q"] * 5).dictionary_encode(),
    }
)


def write(path, new, compression=None):
    """Return the path, at which the table now lies in blocks of four rows."""
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.OSFile(str(path), "wb") as file, new(file, _TABLE.schema, options=options) as writer:
        writer.write_table(_TABLE, max_chunksize=4)
    return path


@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_whole_and_streamed_are_the_same(tmp_path, new, compression):
    """Both formats, compressed or not, give the table whole and in batches."""
    path = write(tmp_path / "data.arrow", new, compression)
    names = arrow.column_names(path)
    whole = arrow.read(path, names)
    assert whole.to_pydict() == _TABLE.to_pydict()
    assert whole.schema.field("b").type == pa.string()
    tables = list(arrow.batches(path, 3, names))
    assert [table.num_rows for table in tables] == [3, 3, 3, 1]
    assert pa.concat_tables(tables).to_pydict() == _TABLE.to_pydict()
    assert arrow.read(path, ["c", "a"]).column_names == ["c", "a"]


def test_feather_is_read(tmp_path):
    """What pandas and polars write as Feather is an Arrow file."""
    pl = pytest.importorskip("polars")
    path = tmp_path / "data.feather"
    pl.DataFrame({"a": [1, 2], "s": ["x", None]}).write_ipc(path)
    assert arrow.read(path, ["a", "s"]).to_pydict() == {"a": [1, 2], "s": ["x", None]}


def test_old_feather_is_refused_by_name(tmp_path):
    """Feather of version 1 is refused with what to do."""
    path = tmp_path / "old.feather"
    path.write_bytes(b"FEA1" + b"\0" * 40)
    with pytest.raises(SourceError, match="Feather of version 1"):
        arrow.column_names(path)


@pytest.mark.parametrize("content", [b"", b"ARROW1", b"ARROW1\0\0" + b"\0" * 50, b"a,b\n1,2\n" * 9])
def test_other_files_are_refused(tmp_path, content):
    """What is no Arrow file is refused as such."""
    path = tmp_path / "x.arrow"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="x.arrow cannot be read: .*; expected an Arrow IPC file"):
        arrow.column_names(path)


@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
def test_damage_is_an_error_of_ours(tmp_path, new, read_damaged):
    """A file cut short, or with a byte changed, is read as something or refused; no more."""

    def read(path):
        names = arrow.column_names(path)
        arrow.read(path, names)
        list(arrow.batches(path, 3, names))

    path = write(tmp_path / "data.arrow", new)
    read_damaged(path, 41, read)


@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
def test_schema_says_the_types_without_reading(tmp_path, new):
    """The types of columns are those in which they are read."""
    path = write(tmp_path / "data.arrow", new)
    assert arrow.schema(path, ["c", "b"]) == arrow.read(path, ["c", "b"]).schema


def test_pages_are_not_estimated(tmp_path):
    """There are none in these files."""
    assert arrow.page_bytes(tmp_path / "data.arrow", ["a"]) == 0


def test_types_of_odd_columns_are_said_without_reading(tmp_path):
    """Unions and intervals have a type like others, though Arrow makes no empty table of them."""
    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])
    table = pa.table({"u": union, "i": pa.array([(1, 2, 3)], pa.month_day_nano_interval())})
    path = tmp_path / "odd.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)

    assert arrow.schema(path, ["u", "i"]) == table.schema == arrow.written_types(path, ["u", "i"])
    assert arrow.read(path, ["u"]).to_pylist() == [{"u": 1}]


@pytest.mark.parametrize("kind", [pa.string_view(), pa.binary_view()])
def test_damaged_views_of_missing_values_are_not_followed(kind):
    """Arrow checks only those of values; following the others would crash the process."""
    column = pa.array(["a", None, "longer than twelve"], kind)
    validity, views, *data = column.buffers()
    # The length, the beginning, the number of a buffer and the place in it.
    damaged = bytearray(views.to_pybytes())
    damaged[16:32] = struct.pack("<i4sii", 1 << 30, b"long", 1 << 20, 1 << 30)
    buffers = [validity, pa.py_buffer(bytes(damaged)), *data]
    column = pa.Array.from_buffers(kind, 3, buffers, 1)
    block = pa.record_batch({"a": column, "b": [1, 2, 3]})
    assert block["a"].buffers()[1].to_pybytes()[16:32] != bytes(16)

    checked = arrow._checked(block)
    assert checked["a"].buffers()[1].to_pybytes()[16:32] == bytes(16)
    assert checked["a"].cast(pa.large_string()).to_pylist() == ["a", None, "longer than twelve"]
    assert checked["b"].to_pylist() == [1, 2, 3]
