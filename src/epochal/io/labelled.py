"""Rows with their labels; rows without a label are dropped and counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from epochal.errors import ColumnError, DataError, suggestion
from epochal.io.typed_labels import labels_of
from epochal.tables.labels import missing_labels
from epochal.tables.origin import NOWHERE, Origin
from epochal.tables.streaming import chosen_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.tables.rows import Rows


@dataclass(frozen=True)
class LabelledRows:
    """Rows and their labels (None if they are not requested, or do not exist).

    `source` names the data, `origin` the files; `dropped` is the number of rows without a label, which
    are not among these.
    """

    rows: Rows
    labels: np.ndarray | None
    source: str
    dropped: int = 0
    origin: Origin = NOWHERE


def from_table(
    table: pa.Table,
    target: str | None,
    source: str,
    as_text: bool = False,  # noqa: FBT001, FBT002
    origin: Origin = NOWHERE,
) -> LabelledRows:
    """Return the table without its target column, and that column as labels.

    `as_text`: labels that are numbers become texts. `origin`: of the rows.

    >>> table = pa.table({"age": [31, 45], "job": ["cook", None]})
    >>> found = from_table(table, "job", "people.csv")
    >>> found.rows.num_rows, found.labels, found.dropped
    (1, array(['cook'], dtype=object), 1)
    """
    if target is None:
        return LabelledRows(table, None, source, origin=origin)
    if target not in table.column_names:
        raise ColumnError.from_missing([target], table.column_names, source)
    labels = labels_of(table.column(target), target_of(target, source), as_text)
    return without_missing(table.drop_columns([target]), labels, source, origin)


def target_of(target: str, source: str) -> str:
    """Return how messages name the column with the labels."""
    return f"column {target!r} of {source}"


def without_missing(
    rows: Rows,
    labels: np.ndarray | None,
    source: str,
    origin: Origin = NOWHERE,
) -> LabelledRows:
    """Return the labelled rows; the numbers of rows and labels must be equal."""
    if labels is None:
        return LabelledRows(rows, None, source, origin=origin)
    count = rows.num_rows if isinstance(rows, pa.Table) else rows.shape[0]
    if count != len(labels):
        raise DataError(f"{source} has {count} rows and {len(labels)} labels", "one label per row")
    # Labels of more than one dimension are refused later.
    missing = missing_labels(labels) if labels.ndim == 1 else np.zeros(count, dtype=bool)
    dropped = int(missing.sum())
    if dropped:
        has_label = ~missing
        rows = chosen_of(rows, has_label) if isinstance(rows, pa.Table) else rows[has_label]
        labels, origin = labels[has_label], origin.where(has_label)
    return LabelledRows(rows, labels, source, dropped, origin)


def no_labels(source: str, names: Sequence[str] | None) -> DataError:
    """Return the error for data without labels; `names` are the columns that may be the target."""
    hint = "name the array of labels, or its column number, with --target"
    if names is not None:
        hint = f"name the column to predict with --target; {suggestion('', names)}"
    return DataError(f"{source} has no labels of its own", "", hint)


def no_columns(source: str, option: str) -> DataError:
    """Return the error for an option with a column name if the data have no named columns."""
    return DataError(f"{source} has no named columns", "", f"omit {option}")
