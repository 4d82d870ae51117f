"""Text tables cut into blocks of whole rows."""

from __future__ import annotations

import gzip

import pyarrow as pa
import pytest

from epochal.config.csv_options import PLAIN
from epochal.errors import SourceError
from epochal.io.csv import blocks as csv_blocks
from epochal.io.csv.blocks import blocks_of
from epochal.io.csv.cells import MARK
from epochal.io.csv.whole_file import read_whole


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Cut text into blocks of a line or a few."""
    monkeypatch.setattr(csv_blocks, "BLOCK", 64)


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
    monkeypatch.setattr(csv_blocks, "LONGEST_LINE", 500)
    with pytest.raises(SourceError, match="line 3 of .* is longer than 500 bytes"):
        list(blocks_of(path))


@pytest.mark.parametrize("value", ["y" * 50, '"' + "y\n" * 50 + '"'])
def test_a_line_longer_than_a_share(tmp_path, monkeypatch, value):
    """Lines that do not fit into what one processor parses are parsed by one alone."""
    monkeypatch.setattr(csv_blocks, "BLOCK", 1000)
    monkeypatch.setattr(csv_blocks, "_SHARE", 32)
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


def test_line_ends_in_values(tmp_path, monkeypatch):
    """Line ends within quotes end no row, wherever blocks and shares are cut."""
    monkeypatch.setattr(csv_blocks, "_SHARE", 32)
    path = tmp_path / "a.csv"
    values = ["x", 'y\n"y"', "\r\n", "z,z"] * 30
    lines = [f'{n},"{v.replace(chr(34), 2 * chr(34))}"' for n, v in enumerate(values)]
    path.write_text("n,s\n" + "\n".join(lines) + "\n", newline="")
    expected = [MARK + v if v.strip() != v else v for v in values]
    blocks = list(blocks_of(path))
    assert len(blocks) > 3
    assert {block.has_breaks for block in blocks} == {True}
    found = [v for block in blocks for v in block.parsed(["s"], {}).column("s").to_pylist()]
    assert found == expected
    table, has_marks = read_whole(path, ["n", "s"], {}, PLAIN)
    assert has_marks
    assert table.column("s").to_pylist() == expected
    assert table.column("n").to_pylist() == list(range(120))


def test_an_open_quote_longer_than_a_line_may_be(tmp_path, monkeypatch):
    """A quote that swallows what follows is named by its line, however long the file is."""
    monkeypatch.setattr(csv_blocks, "LONGEST_LINE", 500)
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,2\n3,"x\n' + "4,5\n" * 400)
    with pytest.raises(SourceError, match="a quote is opened in line 3 of .* within 500 bytes"):
        list(blocks_of(path))


def test_the_mark_of_quoted_cells_is_refused_in_a_file(tmp_path):
    """A file that holds the two characters that mark quoted cells is refused by line."""
    path = tmp_path / "a.csv"
    path.write_text(f"a,b\n1,2\n3,{MARK}x\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"line 3 of .* U\+FDD0 and U\+FDD1"):
        list(blocks_of(path))


def test_an_encoding_that_changes_is_named(tmp_path):
    """Lines of UTF-16 behind lines of UTF-8 are named by the first of them."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,2\n" * 9 + "3,x\n4,y\n".encode("utf-16-le") * 20)
    with pytest.raises(SourceError, match="is UTF-16 text from line 19 on"):
        list(blocks_of(path))


def test_cells_as_they_are_written(tmp_path):
    """Texts with their spaces, and words that mean a missing value; marks where cells were quoted."""
    (tmp_path / "a.csv").write_text('a,b\n NA,"NA"\n,""\n')
    (block,) = blocks_of(tmp_path / "a.csv")
    assert block.as_written(["a", "b"]).to_pydict() == {
        "a": [" NA", None],
        "b": [MARK + "NA", None],
    }


class Unsearched(list):
    """A list that is not searched for each of its items, which would take quadratic time."""

    def __contains__(self, name):
        """Fail."""
        pytest.fail(f"the names were searched for {name!r}")


def test_time_is_linear_in_columns(tmp_path):
    """The names are not searched for each column."""
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    (block,) = blocks_of(tmp_path / "a.csv")
    names = Unsearched(["a", "b"])
    _, _, converting = csv_blocks.arrow_options(block.stream, names, {"a": pa.string()})
    assert converting.include_columns == ["a", "b"]
    assert converting.column_types == {"a": pa.string()}
