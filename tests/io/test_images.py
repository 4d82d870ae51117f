"""Folders of pictures as arrays, with the folder's name as the label."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from epochal.errors import ColumnError, SourceError
from epochal.io import files, images


def draw(path, shape=(6, 5), **options):
    """Write a picture of random pixels, others for each name; return them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng([*path.name.encode()]).integers(256, size=shape).astype(np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return pixels


@pytest.fixture
def zoo(tmp_path):
    """Return a folder of grey cats and dogs."""
    for name in ("cats/a.png", "cats/b.PNG", "dogs/c.png"):
        draw(tmp_path / name)
    (tmp_path / "dogs" / "notes.txt").write_text("no picture")
    (tmp_path / "dogs" / ".hidden.png").write_text("no picture")
    return tmp_path


def test_a_folder_of_folders_is_rows_with_labels(zoo):
    """In the order of names; bytes stay bytes."""
    found = files.read(str(zoo), None)

    assert found.rows.shape == (3, 6, 5)
    assert found.rows.dtype == np.uint8
    assert found.labels.tolist() == ["cats", "cats", "dogs"]
    np.testing.assert_array_equal(found.rows[2], np.array(Image.open(zoo / "dogs" / "c.png")))


@pytest.mark.parametrize("rows", [1, 2, 10])
def test_streaming_gives_the_same(zoo, rows):
    """So many pictures at a time."""
    pieces = list(files.labelled_batches(str(zoo), rows, None, None))

    assert [len(piece.labels) for piece in pieces] == {1: [1, 1, 1], 2: [2, 1], 10: [3]}[rows]
    np.testing.assert_array_equal(
        np.concatenate([piece.rows for piece in pieces]), files.read(str(zoo), None).rows
    )


@pytest.mark.parametrize(
    ("mode", "shape"),
    [("1", (4, 3)), ("L", (4, 3)), ("LA", (4, 3)), ("P", (4, 3, 3)), ("RGBA", (4, 3, 3))],
)
def test_every_mode_becomes_grey_or_three_colours(tmp_path, mode, shape):
    """Transparency is left away, palettes are looked up."""
    Image.new(mode, (3, 4)).save(tmp_path / "a.png")

    assert images.read(tmp_path / "a.png")[0].shape == (1, *shape)


def test_sixteen_bits_stay(tmp_path):
    """Shades finer than a byte are kept."""
    pixels = np.array([[0, 65535], [300, 1]], np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.png")

    np.testing.assert_array_equal(images.read(tmp_path / "a.png")[0][0], pixels)


def test_a_photograph_is_turned_as_the_camera_was_held(tmp_path):
    """The orientation in its EXIF data is followed."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (8, 4)).save(tmp_path / "a.jpg", exif=exif)

    assert images.read(tmp_path / "a.jpg")[0].shape == (1, 8, 4, 3)


def test_pictures_of_several_sizes_are_refused_by_name(zoo):
    """The one that differs, and the first, are named."""
    draw(zoo / "dogs" / "d.png", (7, 5))
    with pytest.raises(SourceError, match=r"d\.png has the shape \(7, 5\).*a\.png") as caught:
        files.read(str(zoo), None)
    assert "resize" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"x" * 40])
def test_what_is_no_picture_is_refused_by_name(zoo, content):
    """Empty, foreign and broken files."""
    (zoo / "dogs" / "d.png").write_bytes(content)
    with pytest.raises(SourceError, match=r"d\.png"):
        files.read(str(zoo), None)


def test_a_picture_that_was_cut_short_is_refused(zoo):
    """Half of a file is not half of a picture."""
    draw(zoo / "dogs" / "d.jpg", (60, 50, 3))
    whole = (zoo / "dogs" / "d.jpg").read_bytes()
    (zoo / "dogs" / "d.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"d\.jpg"):
        images.read(zoo / "dogs" / "d.jpg")


def test_pictures_have_no_columns(zoo):
    """A target is not needed; only the name label is accepted."""
    assert files.read(str(zoo), "label").labels is not None
    with pytest.raises(ColumnError, match="name of its folder"):
        files.read(str(zoo), "species")


def test_without_pillow_the_extra_is_named(zoo, monkeypatch):
    """The error names the package to install."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(SourceError, match=r"epochal\[images\]"):
        files.read(str(zoo), None)
