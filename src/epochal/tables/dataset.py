"""The data set: rows with labels, sample weights, groups and timestamps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from epochal.config.csv_options import PLAIN
from epochal.tables.labels import Coded
from epochal.tables.origin import NOWHERE, Origin
from epochal.tables.read_as import BY_VALUES, ReadAs
from epochal.tables.rows import cut, len_of, take
from epochal.tables.streaming import Streamed, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochal.config.csv_options import CsvOptions
    from epochal.tables.rows import Rows


@dataclass(frozen=True)
class Labelled:
    """Rows with their labels and, optionally, sample weights.

    All rows of a group are on the same side of every split. With `timestamps`, the latest rows
    are the validation rows. `dropped` is the number of rows without a label, which are not among
    these. `label_source` names the source of the labels in messages, `origin` the files and rows.
    `csv` has the options with which CSV files were read and will be read. `read_as`: columns that
    the user reads as names or as texts.
    """

    rows: Rows | Streamed
    labels: np.ndarray | Coded
    weight: np.ndarray | None = None
    groups: np.ndarray | None = None
    timestamps: np.ndarray | None = None
    dropped: int = 0
    label_source: str = "y"
    csv: CsvOptions = PLAIN
    origin: Origin = NOWHERE
    read_as: ReadAs = BY_VALUES

    def pieces(self, size: int) -> Iterator[Labelled]:
        """Yield the rows with labels and weights, `size` at a time; the last piece may be shorter."""
        for span, piece in cut(self.rows, size):
            weight = None if self.weight is None else self.weight[span]
            origin = self.origin.after(span.start)
            labels, where = self.labels_of(span), self.label_source
            yield Labelled(piece, labels, weight, label_source=where, origin=origin)

    def sampled(self, max_rows: int) -> Labelled:
        """Return rows in memory: of streamed ones about `max_rows`, evenly spaced; others unchanged."""
        if not isinstance(self.rows, Streamed):
            return self
        step = max(len_of(self.rows) // max_rows, 1)
        sample = self.where(np.arange(len_of(self.rows)) % step == 0)
        rows = joined([self.rows.head, *(piece.rows for piece in sample.pieces(max_rows))])
        return replace(sample, rows=rows, labels=sample.labels_of(slice(None)))

    def labels_of(self, chosen: slice | np.ndarray) -> np.ndarray:
        """Return the labels of the rows that a slice or a mask selects."""
        if isinstance(self.labels, Coded):
            return self.labels.values[self.labels.codes[chosen]]
        return self.labels[chosen]

    def where(self, chosen: np.ndarray) -> Labelled:
        """Return the rows that a mask selects, bool (rows,), with their labels, weights and so on."""
        rows, labels = self.rows, self.labels
        weight, groups, timestamps = (
            None if per_row is None else per_row[chosen]
            for per_row in (self.weight, self.groups, self.timestamps)
        )
        return replace(
            self,
            rows=rows.where(chosen)
            if isinstance(rows, Streamed)
            else take(rows, np.flatnonzero(chosen)),
            labels=Coded(labels.values, labels.codes[chosen])
            if isinstance(labels, Coded)
            else labels[chosen],
            weight=weight,
            groups=groups,
            timestamps=timestamps,
            origin=self.origin.where(chosen),
        )
