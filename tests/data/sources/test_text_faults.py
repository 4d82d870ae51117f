"""Faults of text tables, named by line."""

from __future__ import annotations

from epochal.data.sources.text_faults import fault_in, unclosed_quote


def test_a_sound_file_has_no_fault(tmp_path):
    """Nothing is found in a file that is right, whatever its quotes hold."""
    path = tmp_path / "a.csv"
    path.write_text('a,b\n"1\n2",x\n5" pipe,y\n')
    assert fault_in(path) is None
    assert unclosed_quote(path) is None


def test_an_open_quote_is_told_from_a_short_line(tmp_path):
    """A short line is a fault, but no open quote."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1\n")
    assert unclosed_quote(path) is None
    assert "line 2" in str(fault_in(path))


def test_null_bytes_are_read_as_any_other(tmp_path):
    """A NUL in a value is no fault of the line."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,\x00\n2\n")
    assert "line 3" in str(fault_in(path))


def test_encoding_comes_first(tmp_path):
    """What is not UTF-8 is reported before lines are counted that cannot be read."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1\n2,\xff\n")
    assert "line 3" in str(fault_in(path))
    assert "UTF-8" in str(fault_in(path))
