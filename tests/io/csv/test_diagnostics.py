"""Faults of text tables, named by line."""

from __future__ import annotations

from epochal.config.csv_options import PLAIN, CsvOptions
from epochal.io.csv.diagnostics import fault_in


def test_a_sound_file_has_no_fault(tmp_path):
    """Nothing is found in a file that is right, whatever its quotes hold."""
    path = tmp_path / "a.csv"
    path.write_text('a,b\n"1\n2",x\n5" pipe,y\n')
    assert fault_in(path, PLAIN) is None


def test_null_bytes_are_read_as_any_other(tmp_path):
    """A NUL in a value is no fault of the line."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,\x00\n2\n")
    assert "line 3" in str(fault_in(path, PLAIN))


def test_encoding_comes_first(tmp_path):
    """What is not UTF-8 is reported before lines are counted that cannot be read."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1\n2,\xff\n")
    assert "line 3" in str(fault_in(path, PLAIN))
    assert "UTF-8" in str(fault_in(path, PLAIN))


def test_lines_are_those_of_the_file(tmp_path):
    """Skipped lines are counted, and looked at for nothing; a first row counts as one."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"caf\xe9\n\n1,2\n3,4\n5\n")
    found = fault_in(path, CsvOptions(skip_lines=1, header=False))
    assert "line 5" in str(found)
    assert "expected 2 columns" in str(found)


def test_a_title_is_told_by_the_rows_below(tmp_path):
    """Where the header has another number of names than the first rows, the likely header is named."""
    path = tmp_path / "a.csv"
    path.write_text("Our people\n\nage,job\n31,cook\n45,clerk\n")
    assert "if line 3 has the names of the columns, type --skip-lines 2" in str(
        fault_in(path, PLAIN)
    )
    path.write_text("age,job\n31,cook\n45,clerk\n1\n")
    assert "--skip-lines" not in str(fault_in(path, PLAIN))


def test_values_of_any_length_are_counted(tmp_path):
    """A value longer than Python's reader takes by itself is no fault."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "x" * 200_000 + ",1\n2\n")
    assert "line 3" in str(fault_in(path, PLAIN))
