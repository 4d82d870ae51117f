"""Failures of libraries as errors of ours."""

from __future__ import annotations

import gzip
import zipfile
import zlib

import pyarrow as pa
import pytest

from epochal.errors import ColumnError, MissingFileError, SourceError
from epochal.io.opening import is_gzip, missing, open_bytes, reading


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
    """An unrelated error is passed through unchanged."""
    with pytest.raises(AttributeError), reading(tmp_path / "a.csv", "a CSV file"):
        raise AttributeError


def test_addresses_are_no_paths(tmp_path):
    """A web address or bucket is refused with the advice to download it."""
    assert missing(type(tmp_path)("s3://bucket/a.csv")).hint == "download it first"


def test_missing_folder_is_named(tmp_path):
    """Where the folder itself is not there, the folder is named."""
    assert "there is no folder" in str(missing(tmp_path / "no" / "a.csv"))


def test_bytes_are_decompressed(tmp_path):
    """A gzip file is decompressed, and any other file is returned unchanged."""
    plain, packed = tmp_path / "a", tmp_path / "b.gz"
    plain.write_bytes(b"abc")
    packed.write_bytes(gzip.compress(b"abc"))
    for path in (plain, packed):
        with open_bytes(path) as file:
            assert file.read() == b"abc"
    assert (is_gzip(plain), is_gzip(packed)) == (False, True)


@pytest.mark.parametrize(
    ("raised", "found", "hint"),
    [
        (
            pa.ArrowInvalid("Invalid flatbuffers message."),
            "Arrow reports damage (",
            "cut short",
        ),
        (OSError("Couldn't deserialize thrift"), "Arrow reports damage (", "in another format"),
        (
            pa.ArrowNotImplementedError("sparse_union"),
            "it holds something that Arrow does not support (sparse_union)",
            "in another format",
        ),
        (
            pa.ArrowNotImplementedError(
                "Unsupported cast from dictionary<values=list<item: int8>>"
            ),
            "it holds something that Arrow does not support (",
            "cut short",
        ),
        (OSError("no decryption found in reader's properties"), "is encrypted", "keys"),
        (OSError(5, "Input/output error"), "cannot be read: input/output error", "disk"),
        (OSError(36, "File name too long", "a" * 300), "cannot be read: file name too long", ""),
        (UnicodeDecodeError("utf-8", b"a\x9b", 1, 2, "x"), "holds the byte 0x9b", "cut short"),
        (KeyError(), "cannot be read: KeyError", "cut short"),
    ],
)
def test_bare_words_of_libraries_are_explained(tmp_path, raised, found, hint):
    """A library's message follows ours, and a hint names a possible cause."""
    with pytest.raises(SourceError) as error, reading(tmp_path / "a.arrow", "an Arrow IPC file"):
        raise raised

    assert found in error.value.found
    assert "a.arrow" in error.value.found
    assert hint in error.value.hint


def test_links_that_lead_nowhere_are_told(tmp_path):
    """To a file that is gone, and to themselves."""
    gone, loop = tmp_path / "gone.csv", tmp_path / "loop.csv"
    gone.symlink_to(tmp_path / "nowhere.csv")
    loop.symlink_to(loop)
    for link in (gone, loop):
        with (
            pytest.raises(MissingFileError, match="is a link that leads nowhere"),
            reading(link, "a"),
        ):
            link.read_bytes()
