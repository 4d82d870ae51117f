"""What data hold, as `epochal inspect` shows it and `epochal train` warns of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from epochal.cli.printing import class_shares, counted, row, shortened
from epochal.cli.reading import class_counts, columns_found
from epochal.data.copies import kinds_of, row_keys
from epochal.data.labels import encode_labels, numbered
from epochal.data.streamed import Streamed
from epochal.data.survey import Doubt, Survey, copies, survey

if TYPE_CHECKING:
    from epochal.data.labelled import Labelled

COLUMNS_SHOWN, NAME = 100, 28
# Rows that training looks at for doubts, and doubts that it tells.
LOOKED_AT, TOLD = 20_000, 8
# Rows that are looked at of data that are not in memory.
INSPECTED = 200_000


def data_lines(path: str, read: Labelled) -> list[str]:
    """Return for a person what was found in labelled rows, and what looks wrong."""
    some, found, doubts = _looked_at(read)
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
    if found.columns:
        head = f"  {'column':<{NAME + 2}}{'kind':<10}{'missing':>8}{'different':>11}  values"
        lines += ["", head]
    lines += [
        f"  {shortened(one.name, NAME):<{NAME + 2}}{one.kind:<10}"
        f"{f'{one.missing:.1%}' if one.missing else '':>8}{one.different:>11,}  "
        f"{shortened(one.values, 40)}"
        for one in found.columns[:COLUMNS_SHOWN]
    ]
    if len(found.columns) > COLUMNS_SHOWN:
        lines.append(f"  … and {len(found.columns) - COLUMNS_SHOWN} more")
    if doubts:
        lines += ["", "To look at", *doubt_lines(doubts)]
    return lines


def data_described(path: str, read: Labelled) -> dict[str, Any]:
    """Return for a machine what was found."""
    _, found, doubts = _looked_at(read)
    return {
        "data": path,
        "rows": len(read.labels),
        "looked_at": found.rows,
        "dropped": read.dropped,
        "classes": class_counts(read.labels),
        "columns": [asdict(one) for one in found.columns],
        "doubts": [asdict(one) for one in doubts],
    }


def _looked_at(read: Labelled) -> tuple[Labelled, Survey, list[Doubt]]:
    """Return the rows that are looked at, what their columns hold, and what looks wrong."""
    some = read.sampled(INSPECTED) if isinstance(read.rows, Streamed) else read
    classes, _ = encode_labels(read.labels)
    numbers = numbered(some.labels, classes)
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


def doubts_of(read: Labelled) -> list[Doubt]:
    """Return what looks wrong with rows to train on, from some of them if there are many."""
    some = read.sampled(LOOKED_AT)
    classes, _ = encode_labels(read.labels)
    return list(survey(some.rows, numbered(some.labels, classes)).doubts[:TOLD])


def in_both(train: Labelled, other: Labelled) -> int:
    """Return how many rows of another part have the inputs of a row to train on."""
    rows, others, kinds = train.rows, other.rows, None
    if isinstance(rows, pa.Table) and isinstance(others, pa.Table):
        kinds = kinds_of(rows)
        if not set(kinds) <= set(others.column_names):
            return 0
    elif not (isinstance(rows, np.ndarray) and isinstance(others, np.ndarray)):
        return 0
    return int(np.isin(row_keys(others, kinds), row_keys(rows, kinds)).sum())
