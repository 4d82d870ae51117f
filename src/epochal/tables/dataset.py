"""Rows with all that is known of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from epochal.config.csv_options import PLAIN
from epochal.tables.labels import Coded
from epochal.tables.origin import NOWHERE, Origin
from epochal.tables.rows import cut, len_of, take
from epochal.tables.streaming import Streamed, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochal.config.csv_options import CsvOptions
    from epochal.tables.rows import Rows


@dataclass(frozen=True)
class Labelled:
    """Rows with their labels, and weights where rows count differently.

    Rows of one of the `groups` are on one side of every split; with `timestamps` the
    latest rows are those that validate. `dropped` rows had no label and are none of these.
    `label_source` names what holds the labels, in messages, and `origin` where rows come from.
    `csv` says how cells of CSV files were read, and are to be.
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

    def pieces(self, size: int) -> Iterator[Labelled]:
        """Yield the rows, `size` at a time (the last piece may have fewer), with labels and weights."""
        for some, piece in cut(self.rows, size):
            weight = None if self.weight is None else self.weight[some]
            origin = self.origin.after(some.start)
            labels, where = self.labels_of(some), self.label_source
            yield Labelled(piece, labels, weight, label_source=where, origin=origin)

    def sampled(self, most: int) -> Labelled:
        """Return rows in memory: as they are if they are there, of files every so-manieth, about `most`."""
        if not isinstance(self.rows, Streamed):
            return self
        step = max(len_of(self.rows) // most, 1)
        some = self.where(np.arange(len_of(self.rows)) % step == 0)
        rows = joined([self.rows.head, *(piece.rows for piece in some.pieces(most))])
        return replace(some, rows=rows, labels=some.labels_of(slice(None)))

    def labels_of(self, some: slice | np.ndarray) -> np.ndarray:
        """Return the labels of a span of the rows, or of those that are chosen."""
        if isinstance(self.labels, Coded):
            return self.labels.values[self.labels.codes[some]]
        return self.labels[some]

    def where(self, chosen: np.ndarray) -> Labelled:
        """Return the rows that are chosen, bool (rows,), with all that is known of them."""
        rows, labels = self.rows, self.labels
        weight, groups, timestamps = (
            None if of_row is None else of_row[chosen]
            for of_row in (self.weight, self.groups, self.timestamps)
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
