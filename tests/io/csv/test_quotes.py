"""Quotes of text tables: the same as Python's strict reader finds, byte by byte."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal.config.csv_options import PLAIN
from epochal.io.csv import quotes
from epochal.io.csv.quotes import QuoteFault, quoting

CONTENT = st.text(st.sampled_from('aN?,"\n\r \u00a0é'), max_size=200)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Look at two words of bytes at a time."""
    monkeypatch.setattr(quotes, "_PIECE", 128)


def cells(content):
    """Yield the place, the bytes and the end of each cell of well-formed rows, and whether it is quoted."""
    at = 0
    while at < len(content):
        start, is_quoted = at, content[at : at + 1] == b'"'
        at += is_quoted
        while is_quoted and content[at : at + 1] + content[at + 1 : at + 2] != b'"':
            if content[at : at + 1] == b'"' and content[at + 1 : at + 2] != b'"':
                break
            at += 2 if content[at : at + 1] == b'"' else 1
        at += is_quoted
        while not is_quoted and at < len(content) and content[at : at + 1] not in b",\r\n":
            at += 1
        yield start, content[start:at], at, is_quoted
        at += 1


@settings(max_examples=400)
@given(CONTENT)
def test_what_is_wrong_is_what_python_refuses(content):
    """Law: a fault or an open quote is found where Python's reader refuses, and nowhere else."""
    found = quoting(content.encode(), ",", PLAIN.words)
    try:
        list(csv.reader(io.StringIO(content, newline=""), strict=True))
    except csv.Error:
        assert found.fault is not None or found.opened is not None
    else:
        assert (found.fault, found.opened) == (None, None)


@settings(max_examples=400)
@given(CONTENT)
def test_rows_and_kept_cells_are_those_of_a_walk(content):
    """Law: row ends, line ends in cells, and cells to keep are those that a walk over bytes finds."""
    content = content.encode()
    found = quoting(content, ",", PLAIN.words)
    if found.fault or found.opened is not None:
        return
    ends, protected, has_breaks = [], [], False
    for start, cell, end, is_quoted in cells(content):
        if end < len(content) and content[end : end + 1] in b"\r\n":
            ends.append(end + 1)
        if is_quoted:
            text = cell[1:-1].replace(b'""', b'"').decode()
            has_breaks |= "\n" in text or "\r" in text
            if text and (text != text.strip() or text in PLAIN.missing_values):
                protected.append(start)
    assert found.protected_before(len(content)).tolist() == protected
    assert found.row_end(0, len(content)) == (ends[-1] if ends else 0)
    assert found.has_breaks(len(content)) == has_breaks


@pytest.mark.parametrize(
    ("content", "fault", "opened"),
    [
        (b'5,""yes"', QuoteFault(2, 3), None),
        (b'1,2\n"yes"x\n', QuoteFault(4, 8), None),
        (b'"5,chair,"good, cheap, red",a"', QuoteFault(0, 9), None),
        (b'1,6" pipe\n2,"a"b\n', QuoteFault(12, 14), None),
        (b'1,"a\nb', None, 2),
        (b'6" pipe,12"\n', None, None),
        (b'"a ""b"" c",""\n', None, None),
        (b'"a","b"', None, None),
    ],
)
def test_places_of_faults(content, fault, opened):
    """A cell with text after its closing quote has both positions, an open quote has its own."""
    found = quoting(content, ",", PLAIN.words)
    assert (found.fault, found.opened) == (fault, opened)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 130])
def test_words_of_any_length(length):
    """A word is found however long it is, and not as a part of a longer value."""
    word = "w" * length
    content = f'"x{word}","{word}","{word}x"\n'.encode()
    assert quoting(content, ",", ["", word]).protected_before(len(content)).tolist() == [length + 4]


def test_a_part_of_the_rows():
    """Row ends, breaks and protected cells are those before a place, if one is given."""
    content = b'1," a"\n2,"b\nc"\n3," d"\n'
    found = quoting(content, ",", [])
    assert [found.row_end(0, stop) for stop in (5, 7, 12, 15)] == [0, 7, 7, 15]
    assert found.row_end(8, 14) == 0
    assert (found.has_breaks(7), found.has_breaks(len(content))) == (True, True)
    assert (quoting(content[:7], ",", []).has_breaks(7), found.protected_before(7).tolist()) == (
        False,
        [2],
    )
    assert quoting(b"1,2\r3", ",", []).row_end(0, 5) == 4
