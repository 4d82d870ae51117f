"""Warnings of lines that are no rows."""

from __future__ import annotations

import warnings

import pyarrow as pa
import pytest

from epochal.config.csv_options import CsvOptions
from epochal.io.csv import blocks, reader
from epochal.io.csv.blocks import Note
from epochal.io.csv.header_warnings import warn_of_head, warn_of_names_among, warn_of_notes
from epochal.io.csv.stream import TextStream


@pytest.fixture
def stream_of(tmp_path):
    """Return a function that writes a file and gives its stream."""

    def opened(content, **options):
        path = tmp_path / "a.csv"
        path.write_text(content)
        with TextStream(path, CsvOptions(**options)) as stream:
            return stream

    return opened


def test_heads_are_warned_of_once_with_the_file(stream_of):
    """Findings in the first lines are reported with the name of the file."""
    with pytest.warns(UserWarning, match=r"a.csv: line 1 has values for the names") as told:
        warn_of_head(stream_of("5.1,3.5,x\n4.9,3,y\n4.7,3.2,x\n"))
    assert len(told) == 1


def test_sound_heads_and_faulty_ones_are_not_warned_of(stream_of):
    """A valid header causes no warning, nor does a file that is refused anyway."""
    warn_of_head(stream_of("a,b\n1,2\n3,4\n5,6\n"))
    warn_of_head(stream_of('a,b\n1,"x"y\n'))
    warn_of_head(stream_of("a,b\n"))
    warn_of_head(stream_of("5.1,3.5\n4.9,3\n4.7,3.2\n", header=False))


def test_apostrophes_are_told_without_a_header_too(stream_of):
    """A column of values in apostrophes is named, also as x1."""
    with pytest.warns(UserWarning, match="column 'x1' has apostrophes"):
        warn_of_head(stream_of("1,'a'\n2,'b'\n3,'c'\n", header=False))


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"a": ["1", "a", "2"], "b": ["x", "b", "y"]}, "line 3"),
        ({"a": ["1", "a", "2"], "b": ["x", "y", "b"]}, None),
        ({"a": [1, 2, 3], "b": ["x", "b", "y"]}, None),
        ({"a": ["a"]}, None),
        ({"a": [None, "a"], "b": [None, None]}, None),
    ],
)
def test_names_among_the_rows(stream_of, recwarn, table, line):
    """A row that repeats all names is reported with its line; one that repeats some is not."""
    stream, table = stream_of("a,b\n1,x\n a , b \n2,y\n"), pa.table(table)
    warn_of_names_among(table.schema, table.column, stream)
    told = [str(warning.message) for warning in recwarn]
    assert [line in message for message in told] == ([True] if line else [])


def test_names_are_numbers(stream_of):
    """Names that are numbers are found in columns of numbers."""
    table = pa.table({"1": [5, 1], "2": [6, 2]})
    with pytest.warns(UserWarning, match="line 3 repeats"):
        warn_of_names_among(table.schema, table.column, stream_of("1,2\n5,6\n1,2\n"))


def test_notes_are_told_with_their_lines(stream_of):
    """A finding at a byte of the file is reported with the line of the byte."""
    with pytest.warns(UserWarning, match="a.csv: line 3 looks odd"):
        warn_of_notes(stream_of("a,b\n1,2\n3,4\n"), [Note(8, "looks odd")])


def test_a_kind_of_note_is_told_once(tmp_path, monkeypatch, recwarn):
    """However many rows look odd, in however many blocks, each way tells the first one only."""
    monkeypatch.setattr(blocks, "BLOCK", 64)
    warnings.simplefilter("always")
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + '1"x, y"\n' * 50, encoding="utf-8")
    reader.read(path, ["a", "b"])
    assert [str(warning.message).split(":")[1][:7] for warning in recwarn] == [" line 2"]
    list(reader.batches(path, 9, ["a", "b"]))
    assert len(recwarn) == 2
