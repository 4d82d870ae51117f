"""Tables of plain text, at the widths of terminals and without any."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

import pytest

from epochal.cli.layout import FirstFitting, TextTable, printable, text_lines, width_of

LONG = "one two three four five six seven eight nine ten"


def set_width(descriptor: int, columns: int) -> None:
    """Give a terminal a number of columns; returns nothing."""
    import fcntl
    import struct
    import termios

    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def test_a_file_gets_lines_of_any_length():
    """Without a width nothing is cut and nothing wrapped."""
    word = "x" * 5000

    assert text_lines([word, TextTable([("a", word)])]) == [word, f"  a  {word}"]


@pytest.mark.parametrize("width", [20, 40, 60])
def test_a_table_is_wrapped_to_the_width_without_loss(width):
    """Long cells take several lines; every word is there, and no line is wider."""
    lines = text_lines([TextTable([("label", LONG), ("more", "x" * 70)])], width)

    assert max(map(len, lines)) <= width
    assert len(lines) >= 3
    assert "".join("".join(lines).split()).count("x") == 70 + 1  # The word six has one, too.
    for word in LONG.split():
        assert word in " ".join(lines)


def test_numbers_end_and_texts_begin_at_one_edge():
    """The columns are as wide as their cells."""
    table = TextTable([("class", "rows"), ("a", "1"), ("long name", "1,000")], numeric={1})

    assert text_lines([table]) == ["  class       rows", "  a              1", "  long name  1,000"]


def test_wide_characters_take_two_columns():
    """Names in Chinese or Japanese do not move the next column."""
    first, second = text_lines([TextTable([("日本", "1"), ("abcd", "2")])])

    assert (first, second) == ("  日本  1", "  abcd  2")


@pytest.mark.parametrize(
    "name", ["red\x1b[31m", "two\nlines", "back\rspace\b", "[bold]x[/bold]", ":smile:", "tab\there"]
)
def test_cells_are_escaped_and_no_markup(name):
    """Control characters become visible, and nothing of a name is interpreted."""
    (line,) = text_lines([TextTable([(name, "1")])])

    assert line == f"  {printable(name)}  1"
    assert line.isprintable()


def test_the_first_table_that_fits_is_shown():
    """The widest form that the width allows; the last where none fits."""
    forms = [TextTable([("x" * length, "1")]) for length in (30, 20, 10)]
    shown = {
        width: text_lines([FirstFitting(forms)], width) for width in (None, 35, 34, 25, 24, 15, 9)
    }

    counts = {width: "".join(lines).count("x") for width, lines in shown.items()}
    assert counts == {None: 30, 35: 30, 34: 20, 25: 20, 24: 10, 15: 10, 9: 10}


def test_a_table_without_rows_has_no_lines():
    """Nothing is printed where nothing is."""
    assert text_lines([TextTable([])]) == []


def test_the_environment_gives_no_colours(monkeypatch):
    """Variables that make rich colour its output change nothing."""
    plain = text_lines([TextTable([("AUC", "0.5")])])
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")

    assert text_lines([TextTable([("AUC", "0.5")])]) == plain == ["  AUC  0.5"]


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
def test_the_width_is_that_of_the_terminal(monkeypatch):
    """Of the stream itself; one that does not know its width has none."""
    monkeypatch.delenv("COLUMNS", raising=False)
    outer, inner = pty.openpty()
    with os.fdopen(outer, "rb"), os.fdopen(inner, "w") as terminal:
        for columns in (60, 140):
            set_width(inner, columns)
            assert width_of(terminal) == columns
        set_width(inner, 0)
        assert width_of(terminal) is None


@pytest.mark.parametrize(("columns", "width"), [("72", 72), ("0", None), ("x", None), ("", None)])
def test_a_file_has_no_width_unless_it_is_given(monkeypatch, tmp_path, columns, width):
    """`COLUMNS` counts if it is a number."""
    monkeypatch.setenv("COLUMNS", columns)
    with Path(tmp_path / "file").open("w", encoding="utf-8") as file:
        assert width_of(file) == width
    assert width_of(file) == width, "closed"
    assert width_of(None) == width
