"""Blocks of text tables, stored as they were parsed."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pyarrow as pa
import pytest

from epochal.config.csv_options import CsvOptions
from epochal.io.csv import blocks, reader, stored_blocks
from epochal.io.csv.stored_blocks import BlockFile
from epochal.io.csv.typing_pass import scanned


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Cut text into blocks of a few lines."""
    monkeypatch.setattr(blocks, "BLOCK", 32)


@pytest.fixture
def passes(monkeypatch):
    """Return a list with an entry for each pass over the text of a file."""
    seen, cut = [], blocks.cut_blocks
    monkeypatch.setattr(blocks, "cut_blocks", lambda *of: seen.append(of) or cut(*of))
    return seen


@pytest.fixture
def table(tmp_path):
    """Return the path of a text table whose blocks are parsed in three types."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,x\n" * 20 + ",\n" * 20 + "2.5,y\n" * 20)
    return path


def read(part, names):
    """Return all rows of a part as one table."""
    return pa.concat_tables(list(part.blocks(names)))


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (["1,,a"] * 20 + ["2.5,x,"] * 20, CsvOptions()),
        ([' 7,"NA",2024-01-01', '8," b",'] * 20, CsvOptions()),
        (['"1,000",true,-1e3', '"20",false,NA'] * 20, CsvOptions()),
        (["-999,1,x", ',2,"y"\n'] * 20, CsvOptions(missing_values=("-999", "x"))),
        ([" a,é,1", 'NA," z\n",3'] * 20, CsvOptions(strip=False)),
    ],
)
def test_stored_blocks_are_those_of_the_text(tmp_path, passes, rows, options):
    """Whole numbers among others, missing values, quotes, groups of digits: the same types and values."""
    path, names = tmp_path / "a.csv", ["c", "a", "b"]
    path.write_text("a,b,c\n" + "\n".join(rows) + "\n")
    part = scanned(path, names, (), {}, options, BlockFile())

    assert len(part.stored) > 3
    assert read(part, names).equals(reader.read(path, names, (), options))
    assert read(part, ["b"]).equals(reader.read(path, ["b"], (), options))
    assert len(passes) == 1


@pytest.mark.parametrize(("number", "is_stored"), [("0", True), ("-0", False), ("-00", False)])
def test_the_sign_of_zero_is_kept(tmp_path, number, is_stored):
    """Of a float: whole numbers have no such sign."""
    path = tmp_path / "a.csv"
    path.write_text("a,b-0\n" + f"{number},b-0\n1,2000-01-01\n" + "1,\n" * 40 + "-0.5,c\n")
    part = scanned(path, ["a", "b-0"], (), {}, file=BlockFile())

    assert (part.stored is not None) == is_stored
    assert str(read(part, ["a"])["a"][0].as_py()) == f"{float(number)}"


@pytest.mark.parametrize("last", ["x,1", "true,1", "10:30:00,1"])
def test_blocks_of_other_types_than_the_whole_are_parsed_again(tmp_path, passes, last):
    """What was parsed as numbers may have lost its text, as 007 has."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "007,1\n" * 20 + f"{last}\n")
    part = scanned(path, ["a", "b"], (), {}, file=BlockFile())

    assert part.stored is None
    before = len(passes)
    assert read(part, ["a"])["a"].to_pylist() == ["007"] * 20 + [last[:-2]]
    assert len(passes) == before + 1


def test_columns_that_become_texts_are_parsed_again(table, passes):
    """The texts of numbers are in the file only."""
    part = scanned(table, ["a", "b"], (), {}, file=BlockFile()).as_written(["a"])

    assert read(part, ["a"])["a"].to_pylist() == ["1"] * 20 + [None] * 20 + ["2.5"] * 20
    assert len(passes) == 2


def test_several_files_of_a_table_share_one_file(tmp_path, passes):
    """A table of very many files has one file open, in the folder that is named, without a name."""
    folder = tmp_path / "folder"
    folder.mkdir()
    file, parts = BlockFile(str(folder)), []
    for number in range(3):
        path = tmp_path / f"{number}.csv"
        path.write_text("a\n" + f"{number}\n" * 40)
        parts.append(scanned(path, ["a"], (), {}, file=file))

    assert [read(part, ["a"])["a"].unique().to_pylist() for part in parts] == [[0], [1], [2]]
    assert {block.file for part in parts for block in part.stored} == {file}
    assert not list(folder.iterdir())
    assert len(passes) == 3


def no_space(monkeypatch, _):
    """Have no space on the disk."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))


def little_space(monkeypatch, _):
    """Have space for the first blocks."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4 * 1000))


def full_disk(monkeypatch, file):
    """Fail when a block is written."""

    def write(_):
        """Raise the error of a full disk."""
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file, "write", write)


@pytest.mark.parametrize("lack", [no_space, little_space, full_disk])
def test_without_space_the_text_is_parsed_again(table, passes, monkeypatch, lack):
    """Space for none, for some, or none in spite of what the system says: no error, the same rows."""
    if lack is not full_disk:
        lack(monkeypatch, None)
    file = BlockFile()
    if lack is full_disk:
        lack(monkeypatch, file)
    part = scanned(table, ["a", "b"], (), {}, file=file)

    assert part.stored is None
    assert file.end <= 1000
    assert read(part, ["a", "b"]).equals(reader.read(table, ["a", "b"]))
    assert len(passes) == 2


def test_without_a_folder_the_text_is_parsed_again(tmp_path, table):
    """A folder that does not exist is no error here: rows on disk will name it."""
    part = scanned(table, ["a"], (), {}, file=BlockFile(str(tmp_path / "nowhere")))

    assert part.stored is None


def test_a_quarter_of_the_free_space_is_used_at_the_most(monkeypatch):
    """The rest is for encoded rows."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=400))

    assert BlockFile().most == 400 // stored_blocks.SHARE == 100
