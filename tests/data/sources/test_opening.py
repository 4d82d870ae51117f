"""Failures of libraries as errors of ours."""

from __future__ import annotations

import gzip
import zipfile
import zlib

import pyarrow as pa
import pytest

from epochal.data.sources.opening import is_gzip, missing, open_bytes, reading
from epochal.errors import ColumnError, MissingFileError, SourceError


@pytest.mark.parametrize(
    ("raised", "caught"),
    [
        (pa.ArrowInvalid("torn"), SourceError),
        (OSError("torn"), SourceError),
        (EOFError("torn"), SourceError),
        (zlib.error("torn"), SourceError),
        (zipfile.BadZipFile("torn"), SourceError),
        (MemoryError(), SourceError),
        (PermissionError(), SourceError),
        (FileNotFoundError(), MissingFileError),
        (ColumnError("no column"), ColumnError),
    ],
)
def test_failures_become_errors_that_name_the_file(tmp_path, raised, caught):
    """Whatever a library raises about a file is an error of ours; ours pass through."""
    with pytest.raises(caught) as error, reading(tmp_path / "a.csv", "a CSV file"):
        raise raised
    if caught is not ColumnError:
        assert "a.csv" in str(error.value)


def test_mistakes_of_ours_are_not_hidden(tmp_path):
    """An error that says nothing about the file comes through as it is."""
    with pytest.raises(AttributeError), reading(tmp_path / "a.csv", "a CSV file"):
        raise AttributeError


def test_addresses_are_no_paths(tmp_path):
    """A web address or bucket is refused with the advice to download it."""
    assert missing(type(tmp_path)("s3://bucket/a.csv")).hint == "download it first"


def test_missing_folder_is_named(tmp_path):
    """Where the folder itself is not there, the folder is named."""
    assert "there is no folder" in str(missing(tmp_path / "no" / "a.csv"))


def test_bytes_are_decompressed(tmp_path):
    """A file is decompressed if it is gzip, and given as it is otherwise."""
    plain, packed = tmp_path / "a", tmp_path / "b.gz"
    plain.write_bytes(b"abc")
    packed.write_bytes(gzip.compress(b"abc"))
    for path in (plain, packed):
        with open_bytes(path) as file:
            assert file.read() == b"abc"
    assert (is_gzip(plain), is_gzip(packed)) == (False, True)
