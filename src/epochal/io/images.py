"""PNG and JPEG files as arrays of bytes; the folder that a picture lies in is its label.

Grey pictures are of shape (height, width), all others (height, width, 3).
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
# The words by which one may ask for the labels, which have no name.
_TARGETS = ("label", "labels", "target", "y")
# Modes of Pillow that hold shades of grey only, in 8 bits.
_GREY = {"1", "L", "LA", "La"}


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures in the folders within a folder, by the names of folder and file."""
    inner = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    return [
        path
        for entry in inner
        if not entry.name.startswith((".", "_"))
        for path in sorted(entry.iterdir())
        if path.suffix.lower() in ENDINGS and not path.name.startswith((".", "_"))
    ]


def read(path: Path, target: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return one picture as an array of one row, and the name of its folder."""
    if target is not None and target not in _TARGETS:
        hint = "leave the target out: a picture's label is the name of its folder"
        raise ColumnError(f"{path} has no column {target!r}", "", hint)
    return _pixels(path)[None], np.array([path.parent.name], dtype=object)


def together(
    parts: Sequence[Path], rows: int, target: str | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the pictures of all parts, so many at a time; all must be of one shape."""
    first = None
    for start in range(0, len(parts), rows):
        some = [read(part, target) for part in parts[start : start + rows]]
        for (pixels, _), part in zip(some, parts[start:], strict=False):
            first = pixels.shape[1:] if first is None else first
            if pixels.shape[1:] != first:
                problem = f"{part} has the shape {pixels.shape[1:]}"
                hint = "resize all pictures to one size"
                raise SourceError(problem, f"{first} as {parts[0]} has", hint)
        pixels, labels = zip(*some, strict=True)
        yield np.concatenate(pixels), np.concatenate(labels)


def _pixels(path: Path) -> np.ndarray:
    """Return the pixels of a picture, turned as its camera was held."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        hint = 'install it: pip install "epochal[images]"'
        raise SourceError(f"{path} is a picture, and reading it needs Pillow", "", hint) from None
    with reading(path, EXPECTED):
        try:
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                upright = ImageOps.exif_transpose(picture)
                wide = upright.mode.startswith("I")
                mode = upright.mode if wide else "L" if upright.mode in _GREY else "RGB"
                return np.array(upright if wide else upright.convert(mode))
        except (Image.DecompressionBombError, SyntaxError) as error:
            # Pillow calls what is broken inside of a PNG a syntax error.
            raise SourceError(f"{path} cannot be read: {error}", EXPECTED) from error
