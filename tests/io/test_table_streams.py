"""Tables of several files gone through block by block."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet
import pytest

from epochal.errors import SourceError
from epochal.io import parquet, table_streams
from epochal.io.accumulator import ColumnAccumulator, LabelColumn
from epochal.io.csv.reader import TextFormat
from epochal.io.table_streams import scan

TEXT = TextFormat()


def write(folder, **columns):
    """Return the path of a new Parquet file."""
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


def gathered(target, *beside):
    """Return the columns to be gathered: the labels, and others."""
    found = {target: ColumnAccumulator(target, LabelColumn(target))}
    return found | {name: ColumnAccumulator(name) for name in beside}


def test_parts_have_the_joint_types(tmp_path):
    """Every block has the types of all files, and each file its count of rows."""
    paths = [write(tmp_path, a=[1, 2], y=["p", "q"]), write(tmp_path, a=[0.5], y=[None])]
    found = scan(paths, parquet, ["a", "y"], (), gathered("y", "a"))
    blocks = [block for part in found.table.parts for block in found.table.blocks(part, ["a"])]
    assert [block.column("a").to_pylist() for block in blocks] == [[1.0, 2.0], [0.5]]
    assert (found.table.schema.field("a").type, list(found.counts)) == (pa.float64(), [2, 1])
    assert found.gathered["a"].values().tolist() == [1, 2, 0.5]
    values, codes, has_label = found.gathered["y"].labels()
    assert (values[codes].tolist(), has_label.tolist()) == (["p", "q"], [True, True, False])


def test_the_file_with_the_largest_pages_counts(tmp_path, rng):
    """One file is read at a time; text has no pages."""
    paths = [write(tmp_path, a=rng.normal(size=rows), y=[0] * rows) for rows in (10, 9000, 20)]
    sizes = [parquet.page_bytes(path, ["a"]) for path in paths]
    table = scan(paths, parquet, ["a", "y"], (), gathered("y")).table
    text = tmp_path / "t.csv"
    text.write_text("a,y\n1,2\n")
    of_text = scan([text], TEXT, ["a", "y"], (), gathered("y")).table

    assert sizes[0] < sizes[1] > sizes[2]
    assert table_streams.page_bytes(table.parts, ["a"]) == sizes[1]
    assert table_streams.page_bytes(of_text.parts, ["a"]) == 0


def test_text_in_one_part_is_text_in_all(tmp_path):
    """Labels that are numbers in one file and words in the next are read as written in both."""
    for name, content in (("0.csv", "a,y\n1,007\n"), ("1.csv", "a,y\n2.5,x\n")):
        (tmp_path / name).write_text(content)
    found = scan(sorted(tmp_path.iterdir()), TEXT, ["a", "y"], (), gathered("y", "a"))
    values, codes, _ = found.gathered["y"].labels()
    assert values[codes].tolist() == ["007", "x"]
    assert found.gathered["a"].values().tolist() == [1, 2.5]


def test_blocks_are_bounded(tmp_path, monkeypatch):
    """The more columns are read, the fewer rows a block has."""
    monkeypatch.setattr(table_streams, "_VALUES", 100)
    path = write(tmp_path, a=range(200), b=range(200), y=[0, 1] * 100)
    table = scan([path], parquet, ["a", "b", "y"], (), gathered("y")).table
    assert [len(block) for block in table.blocks(table.parts[0], ["a"])] == [100, 100]
    assert [len(block) for block in table.blocks(table.parts[0], ["a", "b"])] == [50] * 4


def test_dictionaries_have_room_for_all_values(tmp_path):
    """The type of a dictionary does not depend on how many values a file has."""
    few = pa.array(["x"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))
    path = write(tmp_path, a=few, y=[1])
    kind = scan([path], parquet, ["a", "y"], (), gathered("y")).table.schema.field("a").type
    assert kind == pa.dictionary(pa.int32(), pa.string())


def test_values_that_do_not_fit_name_the_part(tmp_path):
    """A number too large for the common type is refused with its file."""
    paths = [
        write(tmp_path, a=pa.array([1], pa.int64()), y=[1]),
        write(tmp_path, a=pa.array([2**64 - 1], pa.uint64()), y=[1]),
    ]
    table = scan(paths, parquet, ["a", "y"], (), gathered("y")).table
    with pytest.raises(SourceError, match="1.parquet cannot be read"):
        list(table.blocks(table.parts[1], ["a"]))
