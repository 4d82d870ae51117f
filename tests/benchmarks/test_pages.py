"""Tables, and the place where a page has them."""

from __future__ import annotations

import pytest

import pages

BEGIN, END = pages.markers("speed", "bench.py")


def test_every_line_of_a_table_has_as_many_cells():
    """Head, rule and rows have the same number of cells."""
    lines = pages.table(("a", "b", "c"), [("1", "2", "3")]).splitlines()

    assert [line.count("|") for line in lines] == [4, 4, 4]


def test_writing_replaces_what_is_between_the_markers(tmp_path):
    """The words around the markers stay, what was between them goes; writing twice is once."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    pages.write("new", page, "speed", "bench.py")
    once = page.read_text()
    pages.write("new", page, "speed", "bench.py")

    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert page.read_text() == once


def test_a_page_without_markers_is_left_alone(tmp_path):
    """Where the tables belong must be said by the page."""
    page = tmp_path / "page.md"
    page.write_text("words")

    with pytest.raises(ValueError, match="markers"):
        pages.write("new", page, "speed", "bench.py")
    assert page.read_text() == "words"
