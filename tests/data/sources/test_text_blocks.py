"""Text tables cut into blocks of whole rows."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal.data.sources import text, text_blocks
from epochal.data.sources.text_blocks import blocks_of, whole_rows
from epochal.errors import SourceError


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Cut text into blocks of a line or a few."""
    monkeypatch.setattr(text_blocks, "BLOCK", 64)


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (b"1,2", b""),
        (b"1,2\n3", b"1,2\n"),
        (b"1,2\r\n3\r", b"1,2\r\n3\r"),
        (b'"1\n2', b""),
        (b'1,"a\nb"\n2,"c\n', b'1,"a\nb"\n'),
        (b'1,"a""\n"\n2', b'1,"a""\n"\n'),
        (b'1,"a"', b""),
        (b'"a"\n"b"\n', b'"a"\n"b"\n'),
        (b'1,5" pipe\n2,6 pipe\n3', b'1,5" pipe\n2,6 pipe\n'),
        (b'1,5" pipe\n2,"a\nb"\n3,"c\n', b'1,5" pipe\n2,"a\nb"\n'),
        (b'1,"a"b"\n2,"c\n', b'1,"a"b"\n'),
        (b'1,5""\n2,""\n3,"', b'1,5""\n2,""\n'),
    ],
)
def test_rows_end_at_line_ends_outside_of_quotes(content, whole):
    """A quote at the beginning of a value holds line ends; one within a value is a letter."""
    assert content[: whole_rows(content, ",")[0]] == whole


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from('ab,"\n\r'), max_size=40))
def test_cut_where_arrow_sees_a_row_end(content):
    """Law: rows that are cut apart are, one after the other, the rows that Arrow sees in all."""

    def rows(some):
        lines = pa.BufferReader(some.encode())
        parsing = pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=rows_of_odd)
        columns = pyarrow.csv.ReadOptions(column_names=["a", "b"])
        types = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys("ab", pa.string()))
        return pyarrow.csv.read_csv(lines, columns, parsing, types).to_pylist()

    def rows_of_odd(row):
        odd.append(row.text)
        return "skip"

    odd: list[str] = []
    content += '"\n' if content.count('"') % 2 else "\n"
    end, _ = whole_rows(content.encode(), ",")
    together, odd_together = rows(content), odd.copy()
    odd.clear()
    apart = [row for some in (content[:end], content[end:]) if some for row in rows(some)]
    assert (apart, odd) == (together, odd_together)


def test_blocks_hold_all_rows(tmp_path):
    """The blocks of a file are its rows in their order, compressed or not."""
    lines = "".join(f'{n},"x\n{n}"\n' for n in range(99))
    for name, content in (("a.csv", lines.encode()), ("a.csv.gz", gzip.compress(lines.encode()))):
        header = b"n,s\n"
        head = gzip.compress(header) if name.endswith("gz") else header
        (tmp_path / name).write_bytes(head + content)
        blocks = list(blocks_of(tmp_path / name))
        assert len(blocks) > 9
        tables = [block.parsed(["n"], {}) for block in blocks]
        assert pa.concat_tables(tables).column("n").to_pylist() == list(range(99))


def test_a_type_fits_or_does_not(tmp_path):
    """A block tells whether all values of a column are of a type, and may hold hexadecimals."""
    (tmp_path / "a.csv").write_text("n,s\n1,0\n0x1F,1\n")
    (block,) = blocks_of(tmp_path / "a.csv")
    assert block.holds_hexadecimals
    assert block.fits("n", pa.int64())
    assert not block.fits("n", pa.float64())
    assert block.fits("s", pa.bool_())


def test_long_lines(tmp_path, monkeypatch):
    """A line longer than a block is read, up to the limit for lines; then it is refused."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,x\n2," + "y" * 900 + "\n3,z\n")
    values = [
        v for block in blocks_of(path) for v in block.parsed(["a"], {}).column("a").to_pylist()
    ]
    assert values == [1, 2, 3]
    monkeypatch.setattr(text, "LONGEST_LINE", 500)
    with pytest.raises(SourceError, match="a line is longer than 500 bytes"):
        list(blocks_of(path))


@pytest.mark.parametrize("value", ["y" * 50, '"' + "y\n" * 50 + '"'])
def test_a_line_longer_than_a_share(tmp_path, monkeypatch, value):
    """Lines that do not fit into what one processor parses are parsed by one alone."""
    monkeypatch.setattr(text_blocks, "BLOCK", 1000)
    monkeypatch.setattr(text_blocks, "_SHARE", 32)
    path = tmp_path / "a.csv"
    path.write_text(f"a,b\n1,{value}\n2,z\n")
    (block,) = blocks_of(path)
    assert block.parsed(["a"], {}).column("a").to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n" + "1,2\n" * 40 + "3\n", "line 43 of .* has 1 value; expected 2"),
        ('a,b\n1,2\n3,"x\n' + "4,5\n" * 40, "a quote is opened in line 3 of .* never closed"),
    ],
)
def test_faults_are_named_by_line(tmp_path, content, message):
    """What is wrong is named with its line in the file, not in the block."""
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(SourceError, match=message):
        [block.parsed(["a"], {}) for block in blocks_of(tmp_path / "a.csv")]
