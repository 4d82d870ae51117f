""".npy and .npz files as arrays, without unpickling.

A `.npy` file is one array; the target is one of its columns, by number. A `.npz` file has named
arrays; rows and labels are found by common names.
"""

from __future__ import annotations

import contextlib
import math
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epochal.errors import ColumnError, DataError, SourceError
from epochal.io.opened_data import ending_of
from epochal.io.opening import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EXPECTED = "a .npy or .npz file of numbers"

# Common names of rows and labels, the most common first.
PAIRS = (
    ("X", "y"),
    ("x", "y"),
    ("x_train", "y_train"),
    ("X_train", "y_train"),
    ("train_x", "train_y"),
    ("train_X", "train_y"),
    ("train_images", "train_labels"),
    ("train_data", "train_labels"),
    ("data", "target"),
    ("data", "labels"),
    ("images", "labels"),
    ("features", "labels"),
    ("features", "target"),
    ("x_test", "y_test"),
    ("X_test", "y_test"),
    ("test_x", "test_y"),
    ("test_X", "test_y"),
    ("test_images", "test_labels"),
    ("test_data", "test_labels"),
    ("arr_0", "arr_1"),
)


def read(path: Path, target: str | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return rows and labels; labels are None if the file has none or the target is not given.

    `target` is the name of an array in a `.npz` file, or the number of a column
    ("0" the first, "-1" the last).
    """
    rows, labels = _arrays(path, target)
    if labels is None and target is not None:
        return _without_column(rows, _column_number(target, rows, path))
    return rows, labels


def batches(
    path: Path, rows: int, target: str | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield rows and labels, `rows` at a time, in bounded memory.

    An array of a `.npz` file in Fortran order is read into memory at once.
    """
    with reading(path, EXPECTED), _plain_only(path), _opened(path, target) as content:
        labels, column = content.labels, None
        if labels is None and target is not None:
            column = _column_number(target, content.head, path)
        if labels is not None and len(labels) != content.n_rows:
            problem = f"{path} has {content.n_rows} rows and {len(labels)} labels"
            raise DataError(problem, "one label per row")
        start = 0
        for block in content.blocks(rows):
            stop = start + len(block)
            if column is None:
                yield block, None if labels is None else labels[start:stop]
            else:
                yield _without_column(block, column)
            start = stop


class _Content(NamedTuple):
    """The content of a file: shape and type of the rows, their number, labels, an iterator over rows."""

    head: np.ndarray
    n_rows: int
    labels: np.ndarray | None
    blocks: Callable[[int], Iterator[np.ndarray]]


@contextlib.contextmanager
def _opened(path: Path, target: str | None) -> Iterator[_Content]:
    """Return a context with the content of a file; rows are read when they are iterated over."""
    content: Any
    with path.open("rb") as file:
        with _parsing():
            if ending_of(path) == ".npy":
                content = np.lib.format.open_memmap(path, mode="r")
            else:
                content = np.load(file, allow_pickle=False)
        if isinstance(content, np.ndarray):
            head = _checked_rows(content[:0] if content.ndim else content, str(path))
            yield _Content(head, len(content), None, partial(_slices, content, head))
            return
        with content as archive:
            row_key, label_key = _keys(list(archive.files), target, path)
            head, count, blocks = _member(archive, row_key, path)
            labels = None if label_key is None else _labels(archive, label_key, path)
            yield _Content(head, count, labels, blocks)


def _member(
    archive: Any, key: str, path: Path
) -> tuple[np.ndarray, int, Callable[[int], Iterator[np.ndarray]]]:
    """Return shape and type of an array in a `.npz` file, its length, and an iterator over its rows."""
    name = key if key in archive.zip.namelist() else f"{key}.npy"
    with _parsing(), archive.zip.open(name) as file:
        header = _header(file)
    if header is not None:
        shape, dtype = header
        head = _checked_rows(np.empty((0, *shape[1:]), dtype), f"{key!r} in {path}")
        return head, shape[0], partial(_read_on, archive, name, head)
    array = _checked_rows(_array(archive, key, path), f"{key!r} in {path}")
    head = array[:0]
    return head, len(array), partial(_slices, array, head)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype] | None:
    """Return shape and type of an array in C order; None for any other array."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(file)
    if version not in readers:
        return None
    shape, by_column, dtype = readers[version](file)
    is_plain = len(shape) > 1 and 0 not in shape[1:] and not by_column and not dtype.hasobject
    return (shape, dtype) if is_plain else None


def _read_on(archive: Any, name: str, head: np.ndarray, rows: int) -> Iterator[np.ndarray]:
    """Yield the rows of an array in a `.npz` file, `rows` at a time."""
    with archive.zip.open(name) as file:
        header = _header(file)
        if header is None:
            return
        (count, *shape), dtype = header
        row_bytes = math.prod(shape) * dtype.itemsize
        for start in range(0, count, rows):
            n_read = min(rows, count - start)
            values = np.frombuffer(file.read(n_read * row_bytes), dtype)
            yield values.reshape(n_read, *shape).astype(head.dtype)


def _slices(values: np.ndarray, head: np.ndarray, rows: int) -> Iterator[np.ndarray]:
    """Yield the rows of an array, `rows` at a time, as copies of the type of `head`."""
    for start in range(0, len(values), rows):
        yield np.array(values[start : start + rows], head.dtype)


def _arrays(path: Path, target: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the arrays of rows and of labels of a file."""
    # The file is opened here so that it is closed if NumPy fails.
    with reading(path, EXPECTED), _plain_only(path), path.open("rb") as file:
        with _parsing():
            content = np.load(file, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return _checked_rows(content, str(path)), None
        with content as archive:
            row_key, label_key = _keys(list(archive.files), target, path)
            rows = _checked_rows(_array(archive, row_key, path), f"{row_key!r} in {path}")
            return rows, None if label_key is None else _labels(archive, label_key, path)


def _array(archive: Any, key: str, path: Path) -> np.ndarray:
    """Return an array of a `.npz` file; refuse an entry of another kind, which NumPy returns as bytes."""
    with _parsing():
        array = archive[key]
    if not isinstance(array, np.ndarray):
        raise SourceError(f"{key!r} in {path} is no array", EXPECTED)
    return array


def _labels(archive: Any, key: str, path: Path) -> np.ndarray:
    """Return the labels of a `.npz` file: with a single column as one-dimensional, and bytes as text."""
    labels = _array(archive, key, path)
    if not labels.ndim:
        raise SourceError(f"{key!r} in {path} has 0 dimensions", "1, one label per row")
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8")
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


@contextlib.contextmanager
def _parsing() -> Iterator[None]:
    """Return a context in which whatever NumPy raises for a damaged header is a ValueError."""
    try:
        yield
    except (OverflowError, TypeError, SyntaxError, RecursionError) as error:
        raise ValueError(f"its header is damaged ({error})") from error


@contextlib.contextmanager
def _plain_only(path: Path) -> Iterator[None]:
    """Return a context in which NumPy's refusal to unpickle becomes an error with a hint."""
    try:
        yield
    except ValueError as error:
        if "pickle" not in str(error) and "Python objects" not in str(error):
            raise
        hint = "save it with a plain dtype; epochal never unpickles, since that may run any code"
        problem = f"{path} is no plain array: it holds pickled Python objects, or something else"
        raise SourceError(problem, EXPECTED, hint) from error


def _keys(keys: list[str], target: str | None, path: Path) -> tuple[str, str | None]:
    """Return the names of the arrays of rows and of labels.

    >>> _keys(["x_train", "y_train", "x_test", "y_test"], None, None)
    ('x_train', 'y_train')
    >>> _keys(["x_train", "y_train", "x_test", "y_test"], "y_test", None)
    ('x_test', 'y_test')
    """
    for rows, labels in PAIRS:
        if rows in keys and labels in keys and target in (None, labels):
            return rows, labels
    others = [key for key in keys if key != target]
    usual = [rows for rows, _ in PAIRS if rows in others]
    if not usual and len(others) != 1:
        names = ", ".join(keys) or "none"
        hint = f"save the rows as X and the labels as y; the arrays in it are: {names}"
        raise SourceError(f"it is not clear which array in {path} holds the rows", "", hint)
    return (usual or others)[0], target if target in keys else None


def _checked_rows(rows: np.ndarray, where: str) -> np.ndarray:
    """Return the rows if they are real numbers in two to four dimensions."""
    if rows.dtype.kind not in "biuf":
        hint = "tables of text and numbers belong into CSV or Parquet"
        raise SourceError(f"{where} is of type {rows.dtype}", "numbers", hint)
    if not 2 <= rows.ndim <= 4:
        expected = "2 (rows and columns), or 3 or 4 (images)"
        raise SourceError(f"{where} has {rows.ndim} dimensions", expected)
    return rows if rows.dtype.isnative else rows.astype(rows.dtype.newbyteorder("="))


def _column_number(target: str, rows: np.ndarray, path: Path) -> int:
    """Return the number of the target column, counted from 0."""
    if rows.ndim != 2:
        hint = "save rows and labels together in a .npz file, as X and y"
        raise ColumnError(f"{path} has images, and no column {target!r}", "", hint)
    width = int(rows.shape[1])
    try:
        number = int(target)
    except ValueError:
        number = width
    if not -width <= number < width:
        hint = f"an array has no names: give a number from 0 to {width - 1}, or -1 for the last"
        raise ColumnError(f"{path} has no column {target!r}", "", hint)
    return number % width


def _without_column(rows: np.ndarray, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows without one column, and that column, as integers if all values are whole."""
    labels = rows[:, column]
    if labels.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            integers = labels.astype(np.int64)
        if np.array_equal(integers, labels):
            labels = integers
    return np.delete(rows, column, axis=1), labels
