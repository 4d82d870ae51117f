"""Rows with their labels; rows without a label left out and counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from epochal.data.sources.conversion import is_gap
from epochal.data.sources.frames import as_labels
from epochal.errors import ColumnError, DataError, suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.data.rows import Rows


@dataclass(frozen=True)
class LabelledRows:
    """Rows and their labels (None where nobody asked for them, or there are none).

    `source` is what they were read from; `dropped` rows had no label and were
    left out.
    """

    rows: Rows
    labels: np.ndarray | None
    source: str
    dropped: int = 0


def missing_labels(labels: np.ndarray) -> np.ndarray:
    """Return for every label whether it is None, NaN or NaT.

    >>> print(missing_labels(np.array(["a", None, float("nan")], dtype=object)))
    [False  True  True]
    """
    if labels.dtype.kind in "fcmM":
        missing: np.ndarray = np.isnat(labels) if labels.dtype.kind in "mM" else np.isnan(labels)
        return missing
    if labels.dtype != object:
        return np.zeros(labels.shape, dtype=bool)
    kinds = set(map(type, labels.flat))
    if kinds <= {str, type(None)}:
        # Most often, and in a tenth of the time.
        return np.equal(labels, np.array(None, dtype=object)).astype(bool)
    flags = map(is_gap, labels.flat)
    return np.fromiter(flags, dtype=bool, count=labels.size).reshape(labels.shape)


def from_table(table: pa.Table, target: str | None, source: str) -> LabelledRows:
    """Return the table without its target column, and that column as labels.

    >>> table = pa.table({"age": [31, 45], "job": ["cook", None]})
    >>> found = from_table(table, "job", "people.csv")
    >>> found.rows.num_rows, found.labels, found.dropped
    (1, array(['cook'], dtype=object), 1)
    """
    if target is None:
        return LabelledRows(table, None, source)
    if target not in table.column_names:
        raise ColumnError.from_missing([target], table.column_names, source)
    labels = as_labels(table.column(target))
    return without_missing(table.drop_columns([target]), labels, source)


def without_missing(rows: Rows, labels: np.ndarray | None, source: str) -> LabelledRows:
    """Return the rows that have a label; the counts of rows and labels must agree."""
    if labels is None:
        return LabelledRows(rows, None, source)
    count = rows.num_rows if isinstance(rows, pa.Table) else rows.shape[0]
    if count != len(labels):
        raise DataError(f"{source} has {count} rows and {len(labels)} labels", "one label per row")
    # Labels of more than one dimension are refused by name later on.
    missing = missing_labels(labels) if labels.ndim == 1 else np.zeros(count, dtype=bool)
    dropped = int(missing.sum())
    if dropped:
        kept = ~missing
        rows = rows.filter(pa.array(kept)) if isinstance(rows, pa.Table) else rows[kept]
        labels = labels[kept]
    return LabelledRows(rows, labels, source, dropped)


def no_labels(source: str, names: Sequence[str] | None) -> DataError:
    """Return the error for data without labels, with the hint to name a target; arrays have no names."""
    hint = "name the array of labels, or its column number, with --target"
    if names is not None:
        hint = f"name the column to predict with --target; {suggestion('', names)}"
    return DataError(f"{source} has no labels of its own", "", hint)


def no_columns(source: str, option: str) -> DataError:
    """Return the error for an option that names a column of data that have no names."""
    return DataError(f"{source} has no named columns", "", f"leave {option} away")
