"""Text tables read as a whole."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pytest

from epochal.config.csv_options import PLAIN
from epochal.errors import SourceError
from epochal.io.csv import blocks, whole_file
from epochal.io.csv.cells import MARK
from epochal.io.csv.whole_file import read_whole


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Cut text into blocks of a line or a few."""
    monkeypatch.setattr(blocks, "BLOCK", 32)


@pytest.fixture
def parsed(monkeypatch):
    """Return a list of what each pass over a file was asked for: marks, and line ends in values."""
    passes, begin = [], whole_file._BlockFile.__init__

    def noted(self, path, options, *, marked, has_breaks):
        passes.append((marked, has_breaks))
        begin(self, path, options, marked=marked, has_breaks=has_breaks)

    monkeypatch.setattr(whole_file._BlockFile, "__init__", noted)
    return passes


def test_one_pass_where_nothing_is_kept(tmp_path, parsed):
    """Types are those of all blocks; a file without cells to keep is gone through once."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + '1,"x"\n' * 50 + '2.5,""\n')
    table, has_marks = read_whole(path, ["b", "a"], {}, PLAIN)
    assert table.schema == pa.schema({"b": pa.string(), "a": pa.float64()})
    assert table.column("a").to_pylist() == [1.0] * 50 + [2.5]
    assert table.column("b").to_pylist() == ["x"] * 50 + [None]
    assert (has_marks, parsed) == (False, [(True, False)])


def test_text_that_is_kept_takes_no_second_pass(tmp_path, parsed):
    """Marks in columns of words say all; only columns that may be numbers are read without them."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,x\n" * 50 + '2," x"\n')
    table, has_marks = read_whole(path, ["a", "b"], {}, PLAIN)
    assert table.column("b").to_pylist() == ["x"] * 50 + [MARK + " x"]
    assert (has_marks, parsed) == (True, [(True, False)])
    path.write_text("a,b\n" + "1,x\n" * 50 + '" 2","NA"\n')
    table, _ = read_whole(path, ["a", "b"], {}, PLAIN)
    assert table.schema.field("a").type == pa.int64()
    assert table.column("b").to_pylist() == ["x"] * 50 + [MARK + "NA"]
    assert parsed == [(True, False)] * 2 + [(False, False)]


def test_line_ends_in_values_are_told_to_arrow(tmp_path, parsed):
    """The first value with a line end restarts the pass, with line ends allowed in values."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,x\n" * 50 + b'2,"x\ny"\n'))
    table, _ = read_whole(path, ["a", "b"], {}, PLAIN)
    assert table.column("b").to_pylist() == ["x"] * 50 + ["x\ny"]
    assert parsed == [(True, False), (True, True)]


@pytest.mark.parametrize("last", ['"x', '"x"y', "1,2,3"])
def test_faults_close_the_file(tmp_path, last):
    """An error in the last line names it, and leaves no file open (which would warn and fail this test)."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + b"1,x\n" * 500 + last.encode())
    with pytest.raises(SourceError, match="line 502"):
        read_whole(path, ["a", "b"], {}, PLAIN)
