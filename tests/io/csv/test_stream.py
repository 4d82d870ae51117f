"""The header of a text table, and the stream of the lines below it."""

from __future__ import annotations

import pytest

from epochal.config.csv_options import CsvOptions
from epochal.errors import DataError, SourceError
from epochal.io.csv.stream import TextStream, separator_of


def test_stream_gives_what_is_below_the_header(tmp_path):
    """Read in small steps, the stream gives every byte below the header."""
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbf"a","b"\n\n1,"x"\n2,y\n')
    with TextStream(path) as stream:
        parts = iter(lambda: stream.read(3), b"")
        assert b"".join(parts) == b'1,"x"\n2,y\n'
        assert (stream.names, stream.is_empty) == (["a", "b"], False)
        assert (stream.header_line, stream.offset) == (1, 12)
    assert stream.closed


@pytest.mark.parametrize(
    ("header", "suffix", "separator"),
    [
        ("a,b;c;d", ".csv", ","),
        ("a;b;c", ".csv", ";"),
        ("a\tb", ".csv", "\t"),
        ("a,b", ".tsv", "\t"),
        ("a,b,c\td", ".txt", "\t"),
        ("a,b,c;d", ".txt", ","),
        ('"a,b";c', ".csv", ";"),
        ("alone", ".csv", ","),
        ("a,b", ".data", ","),
    ],
)
def test_separator(header, suffix, separator):
    """The ending's own separator wins where it occurs outside of quotes, else the commonest."""
    assert separator_of(header, suffix) == separator


def test_lines_are_skipped(tmp_path):
    """Lines at the top are passed over, blank ones too; a byte-order mark belongs to the first of them."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfcaf\xe9, 2024\n\na;b\n1;2\n")
    with TextStream(path, CsvOptions(skip_lines=2)) as stream:
        assert (stream.names, stream.separator, stream.header_line) == (["a", "b"], ";", 3)
        assert stream.read() == b"1;2\n"
    for lines, message in ((4, "nothing below the lines to skip"), (9, "has 4 lines; .* the 9")):
        with pytest.raises(SourceError, match=message):
            TextStream(path, CsvOptions(skip_lines=lines))


@pytest.mark.parametrize(
    ("content", "separator", "names"),
    [
        ("1,2\n3,4\n", ",", ["x0", "x1"]),
        ('1,"a\nb",2\n3,c,4\n', ",", ["x0", "x1", "x2"]),
        ("1,5;2,5;x\n1;2,7;y\n3,2;4;z\n", ";", ["x0", "x1", "x2"]),
        ("1,5;2,5\n1,2;2,7\n", ";", ["x0", "x1"]),
        ("1,2;3\n", ",", ["x0", "x1"]),
        ("a|b\n", "|", ["x0", "x1"]),
        ("alone\nx\n", ",", ["x0"]),
    ],
)
def test_without_a_header(tmp_path, content, separator, names):
    """The first line is a row; the separator is one that all lines have equally often, commas last."""
    path = tmp_path / "a.csv"
    path.write_text(content)
    with TextStream(path, CsvOptions(header=False)) as stream:
        assert (stream.separator, stream.names) == (separator, names)
        assert (stream.header_line, stream.offset) == (1, 0)
        assert stream.read().decode() == content[: content.index("\n", content.rfind('"') + 1) + 1]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ('a,"b"c\n1,2\n', "line 1 of .* has 'c' after the quote that closes the value"),
        ('a,"b\nc"d\n', "line 2 of .* 'd' .* the value that begins in line 1"),
        ('a,"b\n1,2\n3,4\n', "a quote is opened in line 1 of .* never closed"),
        ("1,1,2\n3,4,5\n", r"line 1 of .* 2 columns named '1'.*\n.*--no-header"),
        ("a,a\n3,4\n", "rename or remove one of them"),
    ],
)
def test_faults_of_the_header(tmp_path, header, message):
    """Wrong quotes and repeated names are reported with their line; a header of numbers may be a row."""
    path = tmp_path / "a.csv"
    path.write_text(header)
    with pytest.raises((SourceError, DataError), match=message):
        TextStream(path)


def test_quotes_within_names_are_text(tmp_path):
    """A quote amid a name neither opens nor closes, however many there are."""
    path = tmp_path / "a.csv"
    path.write_text('6" pipe,b\n1,2\n')
    with TextStream(path) as stream:
        assert stream.names == ['6" pipe', "b"]


def test_file_is_closed_when_the_header_is_refused(tmp_path):
    """A refused header leaves no file open (an open one would warn, and fail this test)."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfea\x00")
    with pytest.raises(SourceError, match="UTF-16"):
        TextStream(path)
