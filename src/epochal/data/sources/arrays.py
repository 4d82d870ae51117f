""".npy and .npz files as arrays. Nothing in them is ever unpickled.

A `.npy` file is one array; the target is one of its columns, by number. A
`.npz` file has named arrays; rows and labels are found by their usual names.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from epochal.data.sources.opening import reading
from epochal.errors import ColumnError, DataError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXPECTED = "a .npy or .npz file of numbers"

# The usual names for rows and for labels, the likeliest first.
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
    """Yield rows and labels, `rows` at a time; `.npy` files are not read into memory whole."""
    everything, labels = _arrays(path, target, mapped=True)
    column = None
    if labels is None and target is not None:
        column = _column_number(target, everything, path)
    if labels is not None and len(labels) != len(everything):
        found = f"{path} has {len(everything)} rows and {len(labels)} labels"
        raise DataError(found, "one label per row")
    for start in range(0, len(everything), rows):
        block = np.array(everything[start : start + rows])
        if column is None:
            yield block, None if labels is None else labels[start : start + rows]
        else:
            yield _without_column(block, column)


def _arrays(
    path: Path, target: str | None, *, mapped: bool = False
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the arrays of rows and of labels as they are in the file."""
    # A file that is opened here is closed here, also when NumPy gives up on it.
    with reading(path, EXPECTED), _plain_only(path), path.open("rb") as file:
        if mapped and path.suffix.lower() == ".npy":
            return _checked_rows(np.lib.format.open_memmap(path, mode="r"), str(path)), None
        content = np.load(file, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return _checked_rows(content, str(path)), None
        with content as archive:
            row_key, label_key = _keys(list(archive.files), target, path)
            rows = _checked_rows(archive[row_key], f"{row_key!r} in {path}")
            return rows, None if label_key is None else _as_labels(archive[label_key])


@contextlib.contextmanager
def _plain_only(path: Path) -> Iterator[None]:
    """Return a context in which a refusal to unpickle becomes an error that says so."""
    try:
        yield
    except ValueError as error:
        if "pickle" not in str(error) and "Python objects" not in str(error):
            raise
        hint = "save it with a plain dtype; epochal never unpickles, since that may run any code"
        found = f"{path} is no plain array: it holds pickled Python objects, or something else"
        raise SourceError(found, EXPECTED, hint) from error


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


def _as_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels in one dimension if they are a column, and bytes as text."""
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8")
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


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
    """Return the rows without one column, and that column; whole numbers in it as integers."""
    labels = rows[:, column]
    if labels.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            whole = labels.astype(np.int64)
        if np.array_equal(whole, labels):
            labels = whole
    return np.delete(rows, column, axis=1), labels
