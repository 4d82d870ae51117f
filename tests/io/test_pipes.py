"""Data that can be read only once: copied whole, refused where there is no end, never waited for in silence."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from epochal.errors import SourceError, WriteError
from epochal.io import pipes
from epochal.io.csv import reader
from epochal.io.discovery import discover
from epochal.io.files import batches, read
from epochal.io.pipes import ignore_waiting, is_piped, piped, standard_input

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")

TABLE = "a,b\n1,x\n2,y\n"


@pytest.fixture
def fifo(tmp_path) -> Path:
    """Return the path of a FIFO."""
    path = tmp_path / "people.csv"
    os.mkfifo(path)
    return path


def writing(path: Path, content: bytes) -> threading.Thread:
    """Return a thread that writes to a FIFO as soon as it has a reader."""

    def write() -> None:
        """Write everything."""
        with path.open("wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def open_descriptors() -> int:
    """Return how many files this process has open, where the system says so."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_what_comes_out_of_a_pipe_can_be_read_again_and_again(fifo):
    """The copy is whole, also beyond what a pipe holds at a time, and has the name of the pipe."""
    content = os.urandom(3_000_000)
    thread = writing(fifo, content)
    copy = piped(fifo, ".csv", ignore_waiting)
    thread.join()

    assert str(copy) == str(fifo)
    assert copy.read_bytes() == copy.read_bytes() == content


def test_nothing_is_left_of_the_copy(fifo, tmp_path, monkeypatch):
    """The copy has no name in the temporary folder, and is closed with its last reader."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(pipes.tempfile, "tempdir", str(folder))
    # What other tests have left is closed before it is counted.
    gc.collect()
    before = open_descriptors()
    thread = writing(fifo, b"a\n")
    copy = piped(fifo, ".csv", ignore_waiting)
    thread.join()
    assert not list(folder.iterdir())
    assert copy.read_bytes() == b"a\n"

    del copy
    gc.collect()
    assert open_descriptors() == before


def test_without_proc_the_copy_has_a_name_until_it_is_closed(fifo, tmp_path, monkeypatch):
    """On other systems it can be opened by its name only."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(pipes.tempfile, "tempdir", str(folder))
    monkeypatch.setattr(pipes, "_DESCRIPTORS", str(tmp_path / "nowhere"))
    thread = writing(fifo, b"a\n")
    copy = piped(fifo, ".csv", ignore_waiting)
    thread.join()
    assert copy.read_bytes() == copy.read_bytes() == b"a\n"
    assert len(list(folder.iterdir())) == 1

    del copy
    gc.collect()
    assert not list(folder.iterdir())


def test_a_pipe_stands_wherever_a_path_stands(fifo):
    """From Python too: the header and the rows are read one after the other, and nothing hangs."""
    thread = writing(fifo, TABLE.encode())
    found = read(str(fifo), "b")
    thread.join()
    assert found.labels.tolist() == ["x", "y"]

    thread = writing(fifo, TABLE.encode())
    tables = [piece.rows for piece in batches(str(fifo), 1)]
    thread.join()
    assert [table.num_rows for table in tables] == [1, 1]


def test_a_pipe_without_an_ending_is_csv_unless_said_otherwise(tmp_path):
    """A pipe of the shell, such as /dev/fd/63, has no format in its name."""
    path = tmp_path / "63"
    os.mkfifo(path)
    for ending, found in (("", ["a,b"]), (".tsv", ["a,b"])):
        thread = writing(path, b'"a,b"\n1\n2\n')
        (copy,) = discover(str(path), ending)
        thread.join()
        assert copy.ending == (ending or ".csv")
        assert next(batches_of(copy)).column_names == found


def batches_of(copy):
    """Yield the rows of a file that has been found."""
    return reader.batches(copy, 10, reader.column_names(copy))


def test_who_waits_is_told_after_a_moment(fifo, monkeypatch):
    """Without a writer, the wait is reported once, and the data are read when they arrive."""
    monkeypatch.setattr(pipes, "PATIENCE", 0.01)
    told: list[str] = []
    started: list[threading.Thread] = []

    def waiting(name: str) -> None:
        """Take notice, and begin to write."""
        told.append(name)
        started.append(writing(fifo, TABLE.encode()))

    copy = piped(fifo, ".csv", waiting)
    started[0].join()

    assert told == [str(fifo)]
    assert copy.read_text() == TABLE


def test_what_comes_at_once_is_not_waited_for(fifo):
    """No wait is reported if data are available."""
    thread = writing(fifo, TABLE.encode())
    piped(fifo, ".csv", pytest.fail)
    thread.join()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero")
def test_devices_are_refused_but_for_the_empty_one():
    """/dev/zero has no end; /dev/null has nothing."""
    with pytest.raises(SourceError, match="/dev/zero is a device; expected a file"):
        piped(Path("/dev/zero"), ".csv", ignore_waiting)

    assert piped(Path("/dev/null"), ".csv", ignore_waiting).read_bytes() == b""


@pytest.mark.parametrize(
    ("start", "kind"), [(b"PAR1", "parquet"), (b"ARROW1\0\0", "arrow"), (b"\x93NUMPY", "npy")]
)
def test_another_kind_of_file_is_named_with_the_option(fifo, start, kind):
    """Another format is recognised by its first bytes, and the hint names the option."""
    thread = writing(fifo, start + b"\0" * 100)
    with pytest.raises(SourceError, match=f"begins like a file of the format {kind}") as caught:
        piped(fifo, ".csv", ignore_waiting)
    thread.join()

    assert f"--format {kind}" in caught.value.hint


def test_a_copy_for_which_there_is_no_room_is_told(fifo, monkeypatch):
    """The error names the pipe and the folder, and another folder is the hint."""
    monkeypatch.setattr(pipes.tempfile, "tempdir", "/nowhere")
    thread = writing(fifo, TABLE.encode())
    with pytest.raises(
        WriteError, match="cannot write a copy of .*people.csv to /nowhere"
    ) as caught:
        piped(fifo, ".csv", ignore_waiting)
    thread.join()

    assert "TMPDIR" in caught.value.hint


def test_files_and_folders_are_no_pipes(fifo, tmp_path):
    """They can be read again."""
    assert is_piped(fifo)
    assert not is_piped(tmp_path)
    assert not is_piped(Path(__file__))
    assert not is_piped(tmp_path / "nowhere")


READER = """
import sys
from pathlib import Path
from epochal.io.pipes import piped, standard_input
read = standard_input(".csv", print) if sys.argv[1] == "-" else piped(Path(sys.argv[1]), ".csv", print)
sys.stdout.buffer.write(read.read_bytes() + read.read_bytes())
"""


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_is_read_twice(tmp_path, name):
    """From a pipe, and from a file of which a part has been read before."""
    command = [sys.executable, "-c", READER, name]
    ended = subprocess.run(command, input=b"abc\n", capture_output=True, check=True)
    assert ended.stdout == b"abc\nabc\n"

    path = tmp_path / "data"
    path.write_bytes(b"abc\n")
    with path.open("rb", buffering=0) as file:
        assert (
            subprocess.run(command, stdin=file, capture_output=True, check=True).stdout
            == b"abc\nabc\n"
        )
    with path.open("rb", buffering=0) as file:
        file.read(2)
        assert (
            subprocess.run(command, stdin=file, capture_output=True, check=True).stdout == b"c\nc\n"
        )


def test_a_closed_standard_input_is_told(monkeypatch):
    """Without data the hint says where data can come from."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SourceError, match="standard input is closed"):
        standard_input(".csv", ignore_waiting)
