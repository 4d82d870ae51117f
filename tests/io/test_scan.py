"""Files gone through again and again."""

from __future__ import annotations

import gzip
import os
import threading

import numpy as np
import pyarrow as pa
import pytest

from epochal import threads
from epochal.errors import MissingFileError, SourceError
from epochal.io.csv import blocks, stored_blocks
from epochal.io.scan import FileScan, pieces, prefetched, stamped
from epochal.io.streams import stream
from epochal.tables.streaming import regrouped
from epochal.threads import limited


@pytest.fixture
def run(tmp_path):
    """Return a function that makes a run of a file with some blocks."""

    def make(blocks, rows=None, name="a"):
        (tmp_path / name).write_text("content")
        count = sum(map(len, blocks)) if rows is None else rows
        return FileScan([stamped(tmp_path / name)], count, lambda: iter(blocks))

    return make


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_pieces_have_the_size_asked_for(run, size):
    """Blocks of all files are concatenated and cut, tables and arrays, with and without a row mask."""
    blocks = np.split(np.arange(18).reshape(9, 2), [2, 7])
    kept = np.arange(9) % 4 != 1
    for chosen in (None, kept):
        expected = np.arange(18).reshape(9, 2)[slice(None) if chosen is None else chosen]
        runs = [run(blocks[:2], name="a"), run(blocks[2:], name="b")]
        found = list(pieces(runs, chosen, size))
        assert np.array_equal(np.concatenate(found), expected)
        assert {len(piece) for piece in found[:-1]} <= {size}
        tables = [pa.table({"a": block[:, 0], "b": block[:, 1]}) for block in blocks]
        found = list(pieces([run(tables)], chosen, size))
        assert pa.concat_tables(found).column("a").to_pylist() == expected[:, 0].tolist()
        assert {len(piece) for piece in found[:-1]} <= {size}


def test_no_rows_give_no_pieces(run):
    """Nothing that is read gives nothing, and is no error where nothing was."""
    assert list(pieces([run([])], None, 3)) == []
    assert list(regrouped([], 3)) == []


@pytest.mark.parametrize("rows", [3, 5])
def test_other_numbers_of_rows_are_refused(run, rows):
    """More or fewer rows than there were name the file."""
    with pytest.raises(SourceError, match="a has changed while it was read; expected the same"):
        list(run([np.zeros((4, 1))], rows).blocks())


def test_changed_files_are_refused(run, tmp_path):
    """A file of another size or time is refused before it is read, and after; one gone is missing."""
    found = run([np.zeros((4, 1))])
    assert len(list(found.blocks())) == 1
    blocks = found.blocks()
    next(blocks)
    (tmp_path / "a").write_text("other content")
    for read in (lambda: next(blocks), lambda: next(found.blocks())):
        with pytest.raises(SourceError, match="a has changed"):
            read()
    (tmp_path / "a").unlink()
    with pytest.raises(MissingFileError, match="there is no file .*a"):
        next(found.blocks())


@pytest.mark.parametrize("number", [1, 2])
def test_the_next_item_is_made_ahead_by_a_second_thread(number):
    """With one thread, each item is created on request; the items are the same."""
    makers = []

    def items():
        for item in range(3):
            makers.append(threading.current_thread())
            yield item

    with limited(number):
        assert list(prefetched(items())) == [0, 1, 2]

    assert (set(makers) == {threading.main_thread()}) == (number == 1)


def test_the_next_item_is_made_ahead(monkeypatch):
    """While one item is worked on the next is made; its error comes in its place."""
    monkeypatch.setattr(threads, "number", lambda: 2)
    made = [threading.Event() for _ in range(2)]

    def items():
        for number, event in enumerate(made):
            event.set()
            yield number
        raise OSError

    found = prefetched(items())
    assert next(found) == 0
    assert made[1].wait(5)
    assert next(found) == 1
    with pytest.raises(OSError):  # noqa: PT011
        next(found)


@pytest.fixture
def no_space(monkeypatch):
    """Cut text into blocks of a few lines, and have no space to store them."""
    monkeypatch.setattr(blocks, "BLOCK", 64)
    monkeypatch.setattr(stored_blocks, "SHARE", 2**62)


@pytest.mark.usefixtures("no_space")
@pytest.mark.parametrize("rows", [39, 41])
def test_other_rows_of_the_same_size_and_time(tmp_path, rows):
    """Fewer or more rows than before are an error, whatever the file says of its age."""
    path = tmp_path / "data.csv"
    path.write_text("a,y\n" + "1,p\n" * 20 + "1,q\n" * 20)
    before = path.stat()
    found = stream(str(path), "y")
    changed = "a,y\n" + "1,p\n" * (rows - 1)
    last = before.st_size - len(changed) - len(",p\n")
    path.write_text(changed + "1" * last + ",p\n" if last > 0 else changed)
    path.write_text(path.read_text().ljust(before.st_size, "\n"))
    if rows == 41:
        path.write_text("a,y\n" + "1,p\n" * 36 + "1,\n" * 4 + ",\n" * 2)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    with pytest.raises(SourceError, match="data.csv has changed"):
        list(found.rows.read(10))


@pytest.mark.usefixtures("no_space")
def test_a_value_of_another_type_is_an_error(tmp_path):
    """A word where numbers were is an error, whatever the file says of its age."""
    path = tmp_path / "data.csv"
    path.write_text("a,y\n" + "1,p\n2,q\n" * 20)
    before = path.stat()
    found = stream(str(path), "y")
    path.write_text(path.read_text()[:-4] + "x,q\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(SourceError, match="data.csv cannot be read: .*int64.* 'x'"):
        list(found.rows.read(10))


def test_text_is_parsed_once(tmp_path, monkeypatch):
    """Rows are those of the first pass, whatever the file says of its age."""
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(b"a,y\n" + b"1,p\n2,q\n" * 20))
    found = stream(str(path), "y", folder=str(tmp_path))
    seen, cut = [], blocks.cut_blocks
    monkeypatch.setattr(blocks, "cut_blocks", lambda *of: seen.append(of) or cut(*of))

    for _ in range(2):
        assert pa.concat_tables(found.rows.read(7))["a"].to_pylist() == [1, 2] * 20
    assert not seen
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.csv.gz"]
