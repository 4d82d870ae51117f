"""Faults of quotes, told with their lines."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from epochal.io.csv.quote_diagnostics import (
    closed_too_late,
    line_at,
    line_ends_in,
    never_closed,
    not_a_bound,
)
from epochal.io.csv.quotes import quoting


def test_line_ends():
    """Line feeds, carriage returns, and both together are one line end each."""
    assert line_ends_in(b"1\r\n2\n3\r4\r\r\n") == 5


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_line_of_a_byte(tmp_path, monkeypatch, pack):
    """The number of a line is the same wherever the file is read apart, compressed or not."""
    content = b"a,b\r\n1,2\r3,4\n\r\n5,6"
    path = tmp_path / "a.csv"
    path.write_bytes(pack(content))
    lines = ["a,b", "1,2", "3,4", "", "5,6"]
    for size in (1, 2, 3, 100):
        monkeypatch.setattr("epochal.io.csv.quote_diagnostics._CHUNK", size)
        for number, line in enumerate(lines, start=1):
            for letter in line.replace(",", ""):
                assert line_at(path, content.index(letter.encode())) == number


def test_text_behind_a_closing_quote():
    """The message shows the text after the quote, and both lines if they differ."""
    found = quoting(b'1,"a\nb"c,d\n', ",", [])
    error = not_a_bound(Path("a.csv"), found, lambda place: 7 + (place > 4))
    assert (
        "line 8 of a.csv has 'c,d' after the quote that closes the value that begins in line 7"
        in (str(error))
    )
    assert '(""), and put such a value into quotes' in error.hint


def test_open_quotes():
    """A quote that is never closed, or too late, is reported with its line."""
    assert "opened in line 3 of a.csv and never closed" in str(never_closed(Path("a.csv"), 3))
    assert "not closed within 8,000 bytes" in str(closed_too_late(Path("a.csv"), 3, 8000))
