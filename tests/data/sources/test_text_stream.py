"""The header of a text table, and the stream of the lines below it."""

from __future__ import annotations

import pytest

from epochal.data.sources.text_stream import TextStream, separator_of
from epochal.errors import SourceError


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


def test_file_is_closed_when_the_header_is_refused(tmp_path):
    """A refused header leaves no file open (an open one would warn, and fail this test)."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfea\x00")
    with pytest.raises(SourceError, match="UTF-16"):
        TextStream(path)
