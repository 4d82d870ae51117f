"""What data hold, as `epochal inspect` shows it and `epochal train` warns of it."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from epochal.cli.printing import class_shares, counted, row, shortened
from epochal.cli.reading import class_counts, columns_found
from epochal.io.csv.cell_counts import cell_counts
from epochal.profiling.columns import Profile, profile, repeated
from epochal.profiling.duplicates import Seen, kinds_of, row_keys
from epochal.tables.labels import Coded
from epochal.tables.rows import ahead, head_of, pieces, take
from epochal.tables.schema import kind_of
from epochal.tables.streaming import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from epochal.io.csv.cell_counts import CellCounts
    from epochal.profiling.columns import ColumnProfile, DataWarning
    from epochal.tables.dataset import Labelled
    from epochal.tables.origin import Origin
    from epochal.tables.rows import Rows

COLUMNS_SHOWN, NAME = 100, 28
# Columns are searched for what looks wrong in so many rows, where there are more.
LOOKED_AT = 20_000
# Rows that are described of data that are not in memory.
INSPECTED = 200_000


def described(
    path: str, read: Labelled, look: Look, cells: Mapping[str, CellCounts]
) -> tuple[dict[str, Any], list[str]]:
    """Return what was found in labelled rows, and what looks wrong: for a machine, and for a person."""
    found = _profile(read, look)
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
        "warnings": warning_values(look.data_warnings),
    }
    part = "" if found.rows == len(read.labels) else f", {counted(found.rows, 'row')} looked at"
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
    return values, [*lines, *warning_lines(look.data_warnings)]


def _profile(read: Labelled, look: Look) -> Profile:
    """Return what columns hold: in all rows in memory, in some of others."""
    some = read.sampled(INSPECTED)
    count = len(some.labels)
    return look.found if look.found.rows == count else profile(some.rows, np.zeros(count, int))


def _as_values(column: ColumnProfile) -> dict[str, Any]:
    """Return what was found in a column, for a machine."""
    values = asdict(column)
    values["distinct"] = values.pop("distinct")
    return values


def _column_lines(found: Profile) -> list[str]:
    """Return a line for each column, below a head; nothing if there are none."""
    if not found.columns:
        return []
    head = f"  {'column':<{NAME + 2}}{'kind':<10}{'missing':>8}{'distinct':>11}  values"
    lines = [
        f"  {shortened(one.name, NAME):<{NAME + 2}}{one.kind:<10}"
        f"{f'{one.missing:.1%}' if one.missing else '':>8}{one.distinct:>11,}  "
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


def warning_values(data_warnings: Iterable[DataWarning]) -> list[dict[str, Any]]:
    """Return what looks wrong for a machine."""
    return [asdict(data_warning) for data_warning in data_warnings]


def warning_lines(data_warnings: Sequence[DataWarning]) -> list[str]:
    """Return what looks wrong for a person: below a head two lines for each, what was found and advice."""
    lines = []
    for data_warning in data_warnings[:COLUMNS_SHOWN]:
        subject = "" if data_warning.column is None else f"{data_warning.column!r} "
        lines.append(f"  {subject}{data_warning.sentence}")
        if data_warning.hint:
            lines.append(f"      {data_warning.hint}")
    more = len(data_warnings) - COLUMNS_SHOWN
    if more > 0:
        lines.append(f"  … and {more} more")
    return ["", "To look at", *lines] if lines else []


def _sample(count: int) -> np.ndarray:
    """Return which of so many rows are looked at, bool (rows,): all of few, and else a random sample."""
    chosen = np.full(count, count <= LOOKED_AT)
    if count > LOOKED_AT:
        chosen[np.random.default_rng(0).choice(count, LOOKED_AT, replace=False)] = True
    return chosen


class Look:
    """What looks wrong in data, found by going through them once: for `inspect` and for `train`.

    `found` describes the columns of a random sample, the same each time. `data_warnings` is what looks wrong in
    them, and how many of all rows repeat another. `in_both` says of rows of another use how many
    have the inputs of a row to train on.
    """

    def __init__(
        self, read: Labelled, numbers: np.ndarray, apart: np.ndarray | None = None
    ) -> None:
        """Go through all rows.

        Args:
            read: the rows, those to test on among them: what looks wrong does not depend on the split.
            numbers: the class number of each row, shape (rows,).
            apart: which rows are to test on, bool (rows,); None: none.
        """
        self.words = read.csv.words
        head, count = head_of(read.rows), len(read.labels)
        self.kinds = kinds_of(head) if isinstance(head, pa.Table) else None
        self.train, others, some = Seen(), Seen(), []
        chosen = _sample(count)
        apart = np.zeros(count, bool) if apart is None else apart
        keyed = partial(self._keyed, read.origin)
        for span, piece, keys in ahead(keyed, pieces(read.rows)):
            tested, of_class = apart[span], numbers[span]
            self.train.add(keys[~tested], of_class[~tested])
            others.add(keys[tested], of_class[tested])
            some.append(take(piece, np.flatnonzero(chosen[span])))
        self.in_both = {"test": self.train.copies_in(others)}
        self.found = profile(joined(some), numbers[chosen], min(LOOKED_AT / max(count, 1), 1.0))
        self.data_warnings = [*self.found.data_warnings, *repeated(self.train.merge(others))]

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
        if lacks:
            return np.empty(0, np.uint64)
        with origin.naming_rows():
            return row_keys(piece, self.kinds, missing=self.words)
