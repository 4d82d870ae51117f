"""Files without a name: nothing is left of them, unless they are given one in the end."""

import os
import subprocess
import sys
import tempfile

import pytest

from epochal.io import tempfiles
from epochal.io.tempfiles import created, hidden, lock, name, temporary_folder, unnamed

LEFT = ".model.epochal.0123456789abcdef.tmp"


def test_a_file_has_no_name_until_it_is_given_one(tmp_path):
    """Before, the folder is empty; after, the file is there, whole, in place of an older one."""
    path = tmp_path / "whole.bin"
    path.write_bytes(b"older")
    with unnamed(tmp_path) as file:
        file.write(b"content")
        assert [entry.name for entry in tmp_path.iterdir()] == ["whole.bin"]
        assert path.read_bytes() == b"older"
        assert name(file, path)

    assert path.read_bytes() == b"content"
    assert [entry.name for entry in tmp_path.iterdir()] == ["whole.bin"]


def test_a_file_that_is_closed_is_gone(tmp_path):
    """Nothing is left of a file that was never given a name."""
    with unnamed(tmp_path) as file:
        file.write(b"content")

    assert not list(tmp_path.iterdir())


def test_a_name_in_no_folder_cannot_be_given(tmp_path):
    """A failure to name the file is reported, and no file is left."""
    with unnamed(tmp_path) as file:
        assert not name(file, tmp_path / "nowhere" / "a")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_has_no_files(tmp_path):
    """The system's own error passes."""
    with pytest.raises(OSError, match="nowhere"):
        unnamed(tmp_path / "nowhere")


@pytest.fixture
def has_locks(tmp_path):
    """Skip where the system has no locks of open files."""
    with (tmp_path / "locked").open("w") as file:
        if not lock(file.fileno()):
            pytest.skip("this system has no locks of open files")
    (tmp_path / "locked").unlink()


@pytest.mark.usefixtures("has_locks")
def test_what_a_killed_process_has_left_is_removed_by_the_next_write(tmp_path):
    """The hidden file of the same target; those of other targets, and with other names, stay."""
    others = [".other.epochal.0123456789abcdef.tmp", ".model.epochal.notes.tmp", "model.epochal"]
    for file in (LEFT, *others):
        (tmp_path / file).touch()

    with hidden(tmp_path / "model.epochal") as temporary:
        assert not temporary.exists()

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


@pytest.mark.usefixtures("has_locks")
def test_a_hidden_file_that_is_still_written_stays(tmp_path):
    """Its lock is held, by this process or by another."""
    with created(tmp_path / LEFT), hidden(tmp_path / "model.epochal"):
        assert (tmp_path / LEFT).exists()
    assert (tmp_path / LEFT).exists()
    with hidden(tmp_path / "model.epochal"):
        assert not (tmp_path / LEFT).exists()


@pytest.mark.usefixtures("has_locks")
def test_a_file_that_was_taken_for_abandoned_is_created_again(tmp_path, monkeypatch):
    """Another process may remove it before it is locked."""
    path, locked = tmp_path / LEFT, []

    def lock_late(descriptor):
        """Lock a file, after another process has removed the first one."""
        if not locked:
            path.unlink()
        locked.append(descriptor)
        return lock(descriptor)

    monkeypatch.setattr(tempfiles, "lock", lock_late)
    with created(path) as file:
        file.write(b"content")

    assert len(locked) == 2
    assert path.read_bytes() == b"content"


def test_the_folder_of_temporary_files_is_pythons():
    """Whatever the environment says; and nothing is written to find it, if files need no name."""
    for environment in ({"TMPDIR": "."}, {"TMPDIR": "/nowhere"}, {}):
        code = (
            "import os, tempfile; from epochal.io.tempfiles import temporary_folder;"
            "found = temporary_folder(); tempfile.tempdir = None;"
            "print(found == os.path.abspath(tempfile.gettempdir()))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": ":".join(sys.path), **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "True\n"


def test_finding_the_folder_of_temporary_files_creates_no_name(tmp_path, monkeypatch):
    """A process that is killed meanwhile leaves no file."""
    file = tempfiles.linkable(tmp_path)
    if file is None:
        pytest.skip("files have names here")
    file.close()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    os.utime(tmp_path, (1e9, 1e9))

    assert temporary_folder() == str(tmp_path)
    # The time changes with every name.
    assert tmp_path.stat().st_mtime == 1e9
