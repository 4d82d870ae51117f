"""IDX files: images and labels, plain and compressed, damaged."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from epochal.errors import ColumnError, DataError, SourceError
from epochal.io import idx

_IMAGES = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3)
_LABELS = np.array([3, 1, 4, 1, 5], dtype=np.uint8)


def encode(array: np.ndarray, code: int = 0x08) -> bytes:
    """Return the array in the IDX format."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.tobytes()


@pytest.fixture(params=["", ".gz"])
def images(tmp_path, request):
    """Return the path of an images file with its labels beside it."""
    pack = gzip.compress if request.param else bytes
    path = tmp_path / f"train-images-idx3-ubyte{request.param}"
    path.write_bytes(pack(encode(_IMAGES)))
    (tmp_path / f"train-labels-idx1-ubyte{request.param}").write_bytes(pack(encode(_LABELS)))
    return path


def test_images_find_their_labels(images):
    """An images file is read with the labels beside it, whole and in batches."""
    rows, labels = idx.read(images)
    assert np.array_equal(rows, _IMAGES)
    assert np.array_equal(labels, _LABELS)
    parts = list(idx.batches(images, 2, "label"))
    assert [len(block) for block, _ in parts] == [2, 2, 1]
    assert np.array_equal(np.concatenate([block for block, _ in parts]), _IMAGES)
    assert np.array_equal(np.concatenate([label for _, label in parts]), _LABELS)


@pytest.mark.parametrize(
    ("code", "dtype"),
    [(0x08, "u1"), (0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")],
)
def test_every_type_is_read_in_native_order(tmp_path, code, dtype):
    """All types of the format are read, turned into the machine's order of bytes."""
    values = np.array([[1, 2], [3, 100]], dtype=dtype)
    path = tmp_path / "x.idx"
    path.write_bytes(encode(values, code))
    rows, labels = idx.read(path)
    assert rows.dtype.isnative
    assert np.array_equal(rows, values)
    assert labels is None


def test_names_with_dots(tmp_path):
    """The other common spelling of the names, with a dot, finds its labels too."""
    (tmp_path / "t10k-images.idx3-ubyte").write_bytes(encode(_IMAGES))
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(encode(_LABELS))
    assert idx.read(tmp_path / "t10k-images.idx3-ubyte")[1].tolist() == _LABELS.tolist()


def test_labels_may_be_compressed_otherwise(tmp_path):
    """Plain images find compressed labels."""
    (tmp_path / "t-images-idx3-ubyte").write_bytes(encode(_IMAGES))
    (tmp_path / "t-labels-idx1-ubyte.gz").write_bytes(gzip.compress(encode(_LABELS)))
    assert idx.read(tmp_path / "t-images-idx3-ubyte")[1].tolist() == _LABELS.tolist()


def test_without_labels(tmp_path):
    """Images without a labels file have no labels; the error names the missing file."""
    path = tmp_path / "t-images-idx3-ubyte"
    path.write_bytes(encode(_IMAGES))
    assert idx.read(path)[1] is None
    with pytest.raises(SourceError, match="there are no labels beside .*t-labels-idx1-ubyte"):
        idx.read(path, "label")


def test_labels_file_is_no_images_file(images):
    """For a labels file, the error asks for the images file."""
    with pytest.raises(SourceError, match="holds labels; expected images"):
        idx.read(images.with_name(images.name.replace("images-idx3", "labels-idx1")))


def test_unknown_target_is_refused(images):
    """There are no named columns in the file, and none is made up."""
    with pytest.raises(ColumnError, match="no column 'income'"):
        idx.read(images, "income")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\0\0\x08", "begins with the bytes 00 00 08"),
        (b"\x89PNG1234", "begins with the bytes 89 50 4e 47"),
        (b"\0\0\x07\1" + b"\0" * 8, "begins with the bytes 00 00 07 01"),
        (b"\0\0\x08\3" + b"\0" * 8, "ends within its header"),
        (encode(_IMAGES)[:-1], "holds less data than its header says"),
        (encode(_IMAGES) + b"\0", "holds more data than its header says"),
        (b"\0\0\x08\3" + b"\xff" * 12 + b"abc", "holds less data"),
        (encode(np.zeros((0, 2, 2), np.uint8)), "the shape"),
        (encode(np.zeros((1, 1, 1, 1, 1), np.uint8)), "the shape"),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, message):
    """A wrong magic number, a cut header, and too little or too much data are each reported."""
    for name, packed in (("x.idx", content), ("x.idx.gz", gzip.compress(content))):
        path = tmp_path / name
        path.write_bytes(packed)
        with pytest.raises(SourceError, match=message):
            idx.read(path)
        with pytest.raises(SourceError, match=message):
            list(idx.batches(path, 2))


def test_truncated_gzip_is_refused(images):
    """A compressed file that was cut short is refused."""
    content = images.read_bytes()
    images.write_bytes(content[:-3])
    with pytest.raises(SourceError, match="cut short"):
        idx.read(images)


def test_counts_must_agree(images):
    """Fewer labels than images are refused when streamed."""
    labels = images.with_name(images.name.replace("images-idx3", "labels-idx1"))
    labels.write_bytes(encode(_LABELS[:4]))
    if images.suffix == ".gz":
        labels.write_bytes(gzip.compress(encode(_LABELS[:4])))
    with pytest.raises(DataError, match="5 rows and 4 labels"):
        list(idx.batches(images, 2))


def test_labels_of_two_dimensions_are_refused(images):
    """A labels file that holds images is refused."""
    labels = images.with_name(images.name.replace("images-idx3", "labels-idx1"))
    labels.write_bytes(images.read_bytes())
    with pytest.raises(SourceError, match="has 3 dimensions; expected 1"):
        idx.read(images)
