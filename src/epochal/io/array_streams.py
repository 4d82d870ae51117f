"""Streamed arrays: files read block by block as one array, in one numeric type."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.errors import SourceError
from epochal.io.scan import changed
from epochal.tables.labels import encode_labels, missing_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeAlias

    Labelled: TypeAlias = tuple[np.ndarray, np.ndarray | None]

# Bytes of a block, unless a row is longer.
_BLOCK = 1 << 23


class ArrayPart(NamedTuple):
    """An array file, or image files as one array: `read(n)` yields rows and labels, n at a time."""

    path: Path
    read: Callable[[int], Iterator[Labelled]]

    def blocks(self) -> Iterator[Labelled]:
        """Yield rows and labels, as many at a time as fit into bounded memory."""
        first, _ = next(self.read(1), (None, None))
        return iter(()) if first is None else self.read(max(_BLOCK // max(first.nbytes, 1), 1))

    def blocks_like(self, head: np.ndarray) -> Iterator[np.ndarray]:
        """Yield rows of the shape and type of `head`, as many at a time as fit into bounded memory."""
        for rows, _ in self.blocks():
            if rows.shape[1:] != head.shape[1:]:
                raise changed(self.path)
            yield rows.astype(head.dtype, copy=False)


class ArrayScan(NamedTuple):
    """The result of the first pass over arrays.

    `head` has the shape and type of the rows, `counts` the number of rows in each part. `labels` are
    None, or the unique labels, the code of every labelled row, and the mask of labelled rows.
    """

    head: np.ndarray
    counts: Sequence[int]
    labels: tuple[np.ndarray, np.ndarray, np.ndarray] | None


def scan(parts: Sequence[ArrayPart]) -> ArrayScan:
    """Return the result of one pass over arrays; all rows must have the same shape."""
    first: tuple[Path, Labelled] | None = None
    kinds, counts = [], []
    coded: list[tuple[np.ndarray, np.ndarray]] = []
    for part in parts:
        part_labels = []
        counts.append(0)
        for rows, labels in part.blocks():
            first = first or (part.path, (rows[:0], labels))
            refuse_mismatch(first, (part.path, (rows, labels)))
            kinds.append(rows.dtype)
            counts[-1] += len(rows)
            if labels is not None:
                part_labels.append(_coded(labels))
        coded += _of_one_type(part_labels)
    if first is None:
        return ArrayScan(np.zeros(0), counts, None)
    head = first[1][0].astype(np.result_type(*set(kinds)))
    return ArrayScan(head, counts, _combined(coded) if coded else None)


def refuse_mismatch(first: tuple[Path, Labelled], other: tuple[Path, Labelled]) -> None:
    """Return nothing if two parts have rows of the same shape, and both have labels or none has."""
    (path, (rows, labels)), (other_path, (other_rows, other_labels)) = first, other
    if other_rows.shape[1:] != rows.shape[1:]:
        expected = f"{rows.shape[1:]} as in {path}"
        problem = f"the rows of {other_path} have the shape {other_rows.shape[1:]}"
        raise SourceError(problem, expected)
    if (other_labels is None) != (labels is None):
        unlabelled = other_path if other_labels is None else path
        raise SourceError(f"{unlabelled} has no labels", "labels in every part or in none")


def _coded(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the unique labels, and the code of every row from 1 (0: missing).

    >>> _coded(np.array([2.0, np.nan, 1.0]))
    (array([1., 2.]), array([2, 0, 1], dtype=uint8))
    """
    if labels.ndim != 1:
        encode_labels(labels)
    missing = missing_labels(labels)
    values, inverse = np.unique(labels[~missing], return_inverse=True)
    codes = np.zeros(len(labels), np.min_scalar_type(len(values)))
    codes[~missing] = inverse + 1
    return values, codes


def _of_one_type(
    blocks: Sequence[tuple[np.ndarray, np.ndarray]],
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the labels of blocks in one type: floats, if some blocks hold floats."""
    fractions = [values.dtype for values, _ in blocks if values.dtype.kind == "f"]
    return [(v.astype(fractions[0]) if fractions else v, codes) for v, codes in blocks]


def _combined(
    blocks: Sequence[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sorted unique labels of all blocks, the codes of rows, and the mask of labelled rows."""
    values, numbers = np.unique(
        np.concatenate([values for values, _ in blocks]), return_inverse=True
    )
    # Codes count from 1: 0 means a missing label.
    kind = np.min_scalar_type(len(values))
    all_codes, start = [], 0
    for block_values, codes in blocks:
        block_numbers = numbers[start : start + len(block_values)]
        all_codes.append(np.append(0, block_numbers + 1).astype(kind)[codes])
        start += len(block_values)
    codes = np.concatenate(all_codes)
    has_label = codes > 0
    smallest = np.min_scalar_type(max(len(values) - 1, 0))
    return values, (codes[has_label] - 1).astype(smallest), has_label
