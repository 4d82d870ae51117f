"""Rows of text tables with the numbers of their lines."""

from __future__ import annotations

import csv
import gzip

import pytest

from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.errors import SourceError
from epochal.io.csv.header import Record
from epochal.io.csv.records import lines_of, records_of
from epochal.io.csv.stream import TextStream


def records(path, options=PLAIN):
    """Return the records of a file."""
    with TextStream(path, options) as stream:
        return list(records_of(stream))


def test_records_have_the_lines_with_which_they_begin(tmp_path):
    """Blank lines are none, line ends within quotes are counted, whatever they are and however packed."""
    content = b'\xef\xbb\xbfa,b\r\n\r\n1,"x\ny\r\nz"\n2,w\n'
    expected = [Record(1, ["a", "b"]), Record(3, ["1", "x\ny\r\nz"]), Record(6, ["2", "w"])]
    for name, pack in (("a.csv", bytes), ("b.csv.gz", gzip.compress)):
        (tmp_path / name).write_bytes(pack(content))
        assert records(tmp_path / name) == expected


def test_skipped_lines_are_counted(tmp_path):
    """Records below skipped lines have the lines of the file."""
    (tmp_path / "a.csv").write_text("title\n\na,b\n1,2\n")
    found = records(tmp_path / "a.csv", CsvOptions(skip_lines=2))
    assert found == [Record(3, ["a", "b"]), Record(4, ["1", "2"])]


def test_cells_of_any_length(tmp_path):
    """Cells may be longer than Python's reader takes, whose limit is as before afterwards."""
    limit = csv.field_size_limit()
    (tmp_path / "a.csv").write_text("a,b\n1," + "x" * (limit + 1))
    assert len(records(tmp_path / "a.csv")[1].cells[1]) == limit + 1
    assert csv.field_size_limit() == limit


def test_what_cannot_be_read_is_told_with_its_line(tmp_path):
    """A row that breaks the rules of quotes is an error of ours."""
    (tmp_path / "a.csv").write_text('a,b\n1,"x"y\n')
    with pytest.raises(SourceError, match="line 2 of .* cannot be read"):
        records(tmp_path / "a.csv")


def test_lines_as_bytes(tmp_path):
    """The lines of a file come with their numbers."""
    (tmp_path / "a.csv").write_bytes(b"a\r\nb\xff")
    assert list(lines_of(tmp_path / "a.csv")) == [(1, b"a\r\n"), (2, b"b\xff")]
