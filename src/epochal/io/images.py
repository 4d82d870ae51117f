"""PNG and JPEG images as arrays of bytes; the folder of an image is its label.

Grey images have the shape (height, width), all others (height, width, 3).
Needs Pillow: `pip install "epochal[images]"`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from epochal.errors import ColumnError, SourceError
from epochal.io.opening import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

EXPECTED = "a PNG or JPEG file"
ENDINGS = (".png", ".jpg", ".jpeg")
# The accepted names of the labels, which have no name.
_TARGETS = ("label", "labels", "target", "y")
# The modes of Pillow for grey images of 8 bits.
_GREY = {"1", "L", "LA", "La"}


def images_in_subfolders(folder: Path) -> list[Path]:
    """Return the images in the subfolders of a folder, sorted by folder and file name."""
    inner = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    return [
        path
        for entry in inner
        if not entry.name.startswith((".", "_"))
        for path in sorted(entry.iterdir())
        if path.suffix.lower() in ENDINGS and not path.name.startswith((".", "_"))
    ]


def read(path: Path, target: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return one image as an array of one row, and the name of its folder."""
    if target is not None and target not in _TARGETS:
        hint = "leave the target out: an image's label is the name of its folder"
        raise ColumnError(f"{path} has no column {target!r}", "", hint)
    return _pixels(path)[None], np.array([path.parent.name], dtype=object)


def together(
    parts: Sequence[Path], rows: int, target: str | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the images of all parts, `rows` at a time; all must have the same shape."""
    first = None
    for start in range(0, len(parts), rows):
        images = [read(part, target) for part in parts[start : start + rows]]
        for (pixels, _), part in zip(images, parts[start:], strict=False):
            first = pixels.shape[1:] if first is None else first
            if pixels.shape[1:] != first:
                problem = f"{part} has the shape {pixels.shape[1:]}"
                hint = "resize all images to one size"
                raise SourceError(problem, f"{first} as {parts[0]} has", hint)
        pixels, labels = zip(*images, strict=True)
        yield np.concatenate(pixels), np.concatenate(labels)


def _pixels(path: Path) -> np.ndarray:
    """Return the pixels of an image, rotated by its EXIF orientation."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        hint = 'install it: pip install "epochal[images]"'
        raise SourceError(f"{path} is an image, and reading it needs Pillow", "", hint) from None
    with reading(path, EXPECTED):
        try:
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                rotated = ImageOps.exif_transpose(image)
                has_wide_pixels = rotated.mode.startswith("I")
                mode = rotated.mode if has_wide_pixels else "L" if rotated.mode in _GREY else "RGB"
                return np.array(rotated if has_wide_pixels else rotated.convert(mode))
        except (Image.DecompressionBombError, SyntaxError) as error:
            # Pillow raises SyntaxError for a damaged PNG.
            raise SourceError(f"{path} cannot be read: {error}", EXPECTED) from error
