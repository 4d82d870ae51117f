"""What data hold, as `epochal inspect` shows it and `epochal train` warns of it."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from epochal.cli.printing import class_shares, counted, row, shortened
from epochal.cli.reading import class_counts, columns_found
from epochal.data.copies import Seen, kinds_of, row_keys
from epochal.data.label_matching import class_indices
from epochal.data.labels import Coded, encode_labels
from epochal.data.rows import ahead, head_of, pieces, take
from epochal.data.schema import kind_of
from epochal.data.sources.text_counts import cell_counts
from epochal.data.streamed import joined
from epochal.data.survey import Doubt, Found, Survey, copies, survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from epochal.data.labelled import Labelled
    from epochal.data.origin import Origin
    from epochal.data.rows import Rows
    from epochal.data.sources.text_counts import CellCounts

COLUMNS_SHOWN, NAME = 100, 28
# Rows that training looks at for doubts, and doubts that it tells.
LOOKED_AT, TOLD = 20_000, 8
# Rows that are looked at of data that are not in memory.
INSPECTED = 200_000


def described(
    path: str, read: Labelled, cells: Mapping[str, CellCounts]
) -> tuple[dict[str, Any], list[str]]:
    """Return what was found in labelled rows, and what looks wrong: for a machine, and for a person."""
    some, found, doubts = _looked_at(read)
    values = {
        "data": path,
        "rows": len(read.labels),
        "rows_profiled": found.rows,
        "dropped": read.dropped,
        "classes": class_counts(read.labels),
        "columns": [_as_values(one) for one in found.columns],
        "cells": {
            name: {"trimmed": counts.trimmed, "missing": dict(counts.missing)}
            for name, counts in cells.items()
        },
        "warnings": [asdict(one) for one in doubts],
    }
    part = (
        "" if len(some.labels) == len(read.labels) else f", {counted(found.rows, 'row')} looked at"
    )
    lines = [
        f"{counted(len(read.labels), 'row')} of {path}{part}",
        row("inputs", columns_found(read.rows)),
        row("classes", class_shares(class_counts(read.labels))),
    ]
    if read.dropped:
        lines.append(row("left out", f"{counted(read.dropped, 'row')} without a label"))
    lines += _column_lines(found)
    changed = cell_lines(cells)
    if changed:
        lines += ["", "Cells that are not read as they stand", *changed]
    if doubts:
        lines += ["", "To look at", *doubt_lines(doubts)]
    return values, lines


def _as_values(column: Found) -> dict[str, Any]:
    """Return what was found in a column, for a machine."""
    values = asdict(column)
    values["distinct"] = values.pop("different")
    return values


def _column_lines(found: Survey) -> list[str]:
    """Return a line for each column, below a head; nothing if there are none."""
    if not found.columns:
        return []
    head = f"  {'column':<{NAME + 2}}{'kind':<10}{'missing':>8}{'different':>11}  values"
    lines = [
        f"  {shortened(one.name, NAME):<{NAME + 2}}{one.kind:<10}"
        f"{f'{one.missing:.1%}' if one.missing else '':>8}{one.different:>11,}  "
        f"{shortened(one.values, 40)}"
        for one in found.columns[:COLUMNS_SHOWN]
    ]
    more = len(found.columns) - COLUMNS_SHOWN
    return ["", head, *lines, *([f"  … and {more} more"] if more > 0 else [])]


def counted_cells(path: str, read: Labelled, target: str | None) -> dict[str, CellCounts]:
    """Return what becomes of the cells of the columns that were read, and of the target."""
    head = head_of(read.rows)
    if not isinstance(head, pa.Table):
        return {}
    texts = {field.name for field in head.schema if kind_of(field.type, field.name) == "category"}
    of_labels = read.labels.values if isinstance(read.labels, Coded) else read.labels
    names = list(head.column_names)
    if target is not None:
        names.append(target)
        texts |= {target} if of_labels.dtype.kind in "OU" else set()
    return cell_counts(path, names, texts, read.csv)


def cell_lines(cells: Mapping[str, CellCounts]) -> list[str]:
    """Return a line for each column in which cells lose spaces, or are missing for their text."""
    lines = []
    for name, found in cells.items():
        parts = [f"{text!r} is missing in {count:,}" for text, count in found.missing.most_common()]
        if found.trimmed:
            parts.insert(0, f"outer spaces are cut in {found.trimmed:,}")
        if parts:
            lines.append(f"  {shortened(name, NAME):<{NAME + 2}}{', '.join(parts)}")
    more = len(lines) - COLUMNS_SHOWN
    return [*lines[:COLUMNS_SHOWN], f"  … and {more} more"] if more > 0 else lines


def _looked_at(read: Labelled) -> tuple[Labelled, Survey, list[Doubt]]:
    """Return the rows that are looked at, what their columns hold, and what looks wrong."""
    some = read.sampled(INSPECTED)
    with read.origin.naming_rows():
        classes, _ = encode_labels(read.labels, read.label_source)
    numbers = class_indices(classes, some.labels)
    found = survey(some.rows, numbers)
    return some, found, [*found.doubts, *copies(some.rows, numbers)]


def doubt_lines(doubts: list[Doubt]) -> list[str]:
    """Return two lines for each doubt: what was found, and advice."""
    lines = []
    for doubt in doubts:
        subject = "" if doubt.column is None else f"{doubt.column!r} "
        lines.append(f"  {subject}{doubt.sentence}")
        if doubt.hint:
            lines.append(f"      {doubt.hint}")
    return lines


class Look:
    """What going through the data once tells, before training.

    `doubts` are of some of the rows to train on; `in_both` says of rows of another use
    how many have the inputs of a row to train on. Sparse rows are not looked at.
    """

    def __init__(self, read: Labelled, apart: np.ndarray | None, *, compared: bool) -> None:
        """Go through all rows, of which those `apart`, bool (rows,), are to test on.

        Only rows that others are `compared` with have keys.
        """
        self.compared, self.words = compared or apart is not None, read.csv.words
        head, count = head_of(read.rows), len(read.labels)
        self.kinds = kinds_of(head) if isinstance(head, pa.Table) else None
        self.doubts: list[Doubt] = []
        self.in_both: dict[str, int] = {}
        self.train, others, some = Seen(), Seen(), []
        if not isinstance(head, (pa.Table, np.ndarray)):
            return
        chosen = np.zeros(count, bool)
        chosen[:: max(count // LOOKED_AT, 1)] = True
        apart = np.zeros(count, bool) if apart is None else apart
        chosen &= ~apart
        keyed = partial(self._keyed, read.origin)
        for span, piece, keys in ahead(keyed, pieces(read.rows)):
            if self.compared:
                self.train.add(keys[~apart[span]])
                others.add(keys[apart[span]])
            some.append(take(piece, np.flatnonzero(chosen[span])))
        self.in_both["test"] = self.train.copies_in(others)
        _, numbers = np.unique(read.labels_of(chosen), return_inverse=True)
        self.doubts += survey(joined(some), numbers).doubts[:TOLD]

    def compare(self, use: str, others: Iterable[Labelled]) -> None:
        """Go through rows of another use; returns nothing."""
        seen = Seen()
        some = ((piece.origin, piece.rows) for piece in others)
        for keys in ahead(self._keys, some):
            seen.add(keys)
        self.in_both[use] = self.train.copies_in(seen)

    def lines(self) -> list[str]:
        """Return for a person how many rows are on two sides."""
        about = "about " if self.train.halvings else ""
        return [
            row("in both", f"{about}{counted(both, 'row')} to {use} on are copies")
            for use, both in self.in_both.items()
            if both
        ]

    def _keyed(self, origin: Origin, span: slice, piece: Rows) -> tuple[slice, Rows, np.ndarray]:
        """Return a piece with the keys of its rows."""
        return span, piece, self._keys(origin.after(span.start), piece)

    def _keys(self, origin: Origin, piece: Rows) -> np.ndarray:
        """Return the keys of rows: none of rows that lack columns."""
        lacks = isinstance(piece, pa.Table) and not set(self.kinds or ()) <= {*piece.column_names}
        if lacks or not self.compared or not isinstance(piece, (pa.Table, np.ndarray)):
            return np.empty(0, np.uint64)
        with origin.naming_rows():
            return row_keys(piece, self.kinds, missing=self.words)
