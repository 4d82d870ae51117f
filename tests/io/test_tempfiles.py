"""Files without a name: nothing is left of them, unless they are given one in the end."""

import pytest

from epochal.io.tempfiles import name, unnamed


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
