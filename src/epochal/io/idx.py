"""IDX files (MNIST, Fashion-MNIST) as arrays, plain or compressed by gzip.

The labels of an images file are in a file of the same folder, found by name:
`train-images-idx3-ubyte.gz` and `train-labels-idx1-ubyte.gz`.
"""

from __future__ import annotations

import math
import re
import struct
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from epochal.errors import ColumnError, DataError, SourceError
from epochal.io.opening import open_bytes, reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EXPECTED = "an IDX file, plain or compressed by gzip"
NAME = re.compile(r"(images|labels)[-.]idx(\d)-(ubyte|byte|short|int|float|double)(\.gz)?$")

# The accepted names of the labels, which have no name in the file.
_TARGETS = ("label", "labels", "target", "y")
_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
# Bytes read at a time: a damaged header may claim more than the file, or the memory, holds.
_STEP = 1 << 26
_DAMAGED = "the file is damaged or was cut short: copy or download it again"


class _Header(NamedTuple):
    """The header of an IDX file."""

    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """The number of bytes that one row takes."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


def read(path: Path, target: str | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return all rows of an images file, and its labels if a labels file exists."""
    labels = _labels_of(path, target)
    return _read_all(path), labels


def batches(
    path: Path, rows: int, target: str | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield rows of an images file with their labels, `rows` at a time, in bounded memory."""
    labels = _labels_of(path, target)
    start = 0
    for block in _blocks(path, rows):
        stop = start + len(block)
        yield block, None if labels is None else labels[start:stop]
        start = stop
    if labels is not None and len(labels) != start:
        raise DataError(f"{path} has {start} rows and {len(labels)} labels", "one label per row")


def images_in(paths: Sequence[Path]) -> list[Path]:
    """Return the images files among the paths; if one is of the training set, only that.

    >>> from pathlib import PurePath as P
    >>> names = ["t10k-images-idx3-ubyte", "train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
    >>> [str(path) for path in images_in([P(name) for name in names])]
    ['train-images-idx3-ubyte']
    """
    images = [path for path in paths if (match := NAME.search(path.name)) and match[1] == "images"]
    return [path for path in images if "train" in path.name] or images


def _labels_of(path: Path, target: str | None) -> np.ndarray | None:
    """Return the labels of an images file from its labels file; None if there is no such file."""
    if target is not None and target not in _TARGETS:
        hint = "leave the target out: the labels come from the file of labels"
        raise ColumnError(f"{path} has no column {target!r}", "", hint)
    match = NAME.search(path.name)
    if match is not None and match[1] == "labels":
        hint = "give the images file; its labels are found beside it"
        raise SourceError(f"{path} holds labels", "images", hint)
    path_of_labels = labels_file(path)
    if path_of_labels is not None:
        labels = _read_all(path_of_labels)
        if labels.ndim != 1:
            raise SourceError(
                f"{path_of_labels} has {labels.ndim} dimensions", "1, one label per row"
            )
        return labels
    if target is not None and match is not None:
        message = f"there are no labels beside {path}"
        raise SourceError(message, f"a file {_labels_name(match, path)} or .gz")
    return None


def labels_file(path: Path) -> Path | None:
    """Return the labels file of an images file, in the same folder; None if there is none."""
    match = NAME.search(path.name)
    if match is None or match[1] != "images":
        return None
    candidate = path.with_name(_labels_name(match, path))
    return next((p for p in (candidate, Path(f"{candidate}.gz")) if p.exists()), None)


def _labels_name(match: re.Match[str], path: Path) -> str:
    """Return the name of the labels file of an images file."""
    return f"{path.name[: match.start()]}labels{path.name[match.end(1)]}idx1-ubyte"


def _read_all(path: Path) -> np.ndarray:
    """Return the content of an IDX file in native byte order."""
    with reading(path, EXPECTED), _opened(path) as (file, header):
        size = header.shape[0] * header.row_bytes
        # One byte more than expected, to detect surplus bytes.
        content = _read_bytes(file, size + 1)
        _check_size(path, len(content), size)
        return _native(content, header).reshape(header.shape)


def _blocks(path: Path, rows: int) -> Iterator[np.ndarray]:
    """Yield the content of an IDX file, `rows` rows at a time."""
    with reading(path, EXPECTED), _opened(path) as (file, header):
        for start in range(0, header.shape[0], rows):
            count = min(rows, header.shape[0] - start)
            content = _read_bytes(file, count * header.row_bytes)
            _check_size(path, len(content), count * header.row_bytes)
            yield _native(content, header).reshape(count, *header.shape[1:])
        _check_size(path, len(file.read(1)), 0)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, _Header]]:
    """Return a context with the file, read up to the end of its header, and the header."""
    with open_bytes(path) as file:
        yield file, _header(file, path)


def _header(file: BinaryIO, path: Path) -> _Header:
    """Return the header: two zero bytes, the type, the number of dimensions, their sizes."""
    mark = file.read(4)
    if len(mark) < 4 or mark[:2] != b"\0\0" or mark[2] not in _DTYPES or mark[3] == 0:
        problem = f"{path} begins with the bytes {mark.hex(' ')}" if mark else f"{path} is empty"
        raise SourceError(problem, "the header of an IDX file, like 00 00 08 03", _DAMAGED)
    sizes = file.read(4 * mark[3])
    if len(sizes) < 4 * mark[3]:
        raise SourceError(f"{path} ends within its header", "a whole IDX file", _DAMAGED)
    shape = struct.unpack(f">{mark[3]}I", sizes)
    if mark[3] > 4 or 0 in shape:
        raise SourceError(f"the shape of {path} is {shape}", "rows of 1 to 3 dimensions", _DAMAGED)
    return _Header(np.dtype(_DTYPES[mark[2]]), shape)


def _read_bytes(file: BinaryIO, size: int) -> bytes:
    """Return the next `size` bytes, or the rest of the file; memory grows with the bytes read."""
    parts = []
    while size > 0 and (part := file.read(min(size, _STEP))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _check_size(path: Path, size: int, expected: int) -> None:
    """Refuse content whose size is not that of the header; return nothing."""
    if size != expected:
        relation = "more" if size > expected else "less"
        raise SourceError(f"{path} holds {relation} data than its header says", "", _DAMAGED)


def _native(content: bytes, header: _Header) -> np.ndarray:
    """Return the bytes as a flat, writable array in native byte order."""
    values = np.frombuffer(content, dtype=header.dtype)
    return values.astype(header.dtype.newbyteorder("="))
