"""Text tables gone through block by block."""

from __future__ import annotations

import pyarrow as pa
import pytest

from epochal.config.csv_options import CsvOptions
from epochal.errors import SourceError
from epochal.io.accumulator import ColumnAccumulator, LabelColumn
from epochal.io.csv import blocks, reader
from epochal.io.csv.type_inference import AS_WRITTEN, MISSING, Conversion
from epochal.io.csv.typing_pass import scanned


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Cut text into blocks of a few lines."""
    monkeypatch.setattr(blocks, "BLOCK", 32)


def test_blocks_are_those_of_the_whole(tmp_path):
    """Every block has the types of the whole, and all blocks its values."""
    path = tmp_path / "a.csv"
    path.write_text("a,b,c\n" + "1,1,07\n" * 20 + "2.5, ?,x\n")
    part = scanned(path, ["a", "b", "c"], (), {})
    tables = list(part.blocks(["c", "b", "a"]))
    assert len(tables) > 3
    assert {str(table.schema.field("a").type) for table in tables} == {"double"}
    assert pa.concat_tables(tables).equals(reader.read(path, ["c", "b", "a"]))
    assert part.schema == pa.schema({"a": pa.float64(), "b": pa.int64(), "c": pa.string()})


def test_the_file_is_gone_through_again_only_where_types_are_not_certain(tmp_path, monkeypatch):
    """Numbers of two kinds, and numbers among words, are certain; truths among numbers are not."""
    seen = []
    cut = blocks.cut_blocks
    monkeypatch.setattr(
        blocks, "cut_blocks", lambda path, options: seen.append(path) or cut(path, options)
    )
    path = tmp_path / "a.csv"
    path.write_text("a,b,c\n" + "1,1,1\n" * 20 + "2.5,x,true\n")
    scanned(path, ["a", "b"], (), {})
    assert len(seen) == 1
    assert scanned(path, ["a", "b", "c"], (), {}).conversions["c"] == Conversion(
        pa.bool_(), pa.bool_()
    )
    assert len(seen) == 3


def test_columns_are_gathered_in_passing(tmp_path):
    """A column with one type in every block is collected in one pass; a mixed one is reported."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1, x\n" * 20 + "2.5, ?\n")
    gathered = {name: ColumnAccumulator(name, LabelColumn("y")) for name in "ab"}
    scanned(path, ["a", "b"], (), gathered)
    assert (gathered["a"].is_mixed, gathered["a"].rows) == (True, 21)
    values, codes, has_label = gathered["b"].labels()
    assert (values.tolist(), len(codes), has_label.tolist()[-1]) == (["x"], 20, False)


@pytest.mark.filterwarnings("ignore:.*line:UserWarning")
@pytest.mark.parametrize(
    "options",
    [
        CsvOptions(skip_lines=2),
        CsvOptions(header=False),
        CsvOptions(missing_values=("x", "-999", "2024-01-01")),
        CsvOptions(missing_values=("1",), strip=False),
    ],
)
def test_options_hold_in_every_block(tmp_path, options):
    """Skipped lines, no header, other words and kept spaces: the same types and values as in the whole."""
    rows = ["1,2024-01-01, p", '" 2",2024-01-02,q', '"NA",,"x"', "-999,NA, x"] * 9
    head = [] if not options.header else ["a,b,c"]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["a title"] * options.skip_lines + head + rows))
    names = reader.column_names(path, options)
    part = scanned(path, names, (), {}, options)
    tables = list(part.blocks(names))
    assert len(tables) > 3
    assert pa.concat_tables(tables).equals(reader.read(path, names, (), options))


def test_as_written(tmp_path):
    """Columns that are requested as text, at first or later, keep their spelling."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n007,008\n")
    part = scanned(path, ["a", "b"], ["a"], {})
    assert part.conversions["a"] == AS_WRITTEN
    (table,) = part.as_written(["b"]).blocks(["a", "b"])
    assert table.to_pylist() == [{"a": "007", "b": "008"}]


def test_without_rows(tmp_path):
    """A header alone has columns of no type, and no blocks."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n\n")
    part = scanned(path, ["a", "b"], ["b"], {})
    assert (set(part.conversions.values()), list(part.blocks(["a"]))) == ({MISSING}, [])


def test_bytes_that_are_no_text(tmp_path):
    """Bytes that are not UTF-8 are refused by line."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + b"1,x\n" * 20 + b"1,\xe9\n")
    with pytest.raises(SourceError, match="line 22 of .* is not UTF-8 text"):
        scanned(path, ["a", "b"], (), {})
