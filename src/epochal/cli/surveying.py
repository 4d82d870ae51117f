"""What data hold, as `epochal inspect` shows it and `epochal train` warns of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from epochal.cli.printing import class_shares, counted, row, shortened
from epochal.cli.reading import class_counts, columns_found
from epochal.data.copies import kinds_of, row_keys
from epochal.data.labels import encode_labels
from epochal.data.rows import take
from epochal.data.streamed import Streamed
from epochal.data.survey import Doubt, Survey, copies, survey

if TYPE_CHECKING:
    from epochal.data.labelled import Labelled

COLUMNS_SHOWN, NAME = 100, 28
# Rows that training looks at for doubts, and doubts that it tells.
LOOKED_AT, TOLD = 20_000, 8


def data_lines(path: str, read: Labelled) -> list[str]:
    """Return for a person what was found in labelled rows, and what looks wrong."""
    _, found, doubts = _looked_at(read)
    lines = [
        f"{counted(len(read.labels), 'row')} of {path}",
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
    classes, found, doubts = _looked_at(read)
    return {
        "data": path,
        "rows": found.rows,
        "dropped": read.dropped,
        "classes": classes,
        "columns": [asdict(one) for one in found.columns],
        "doubts": [asdict(one) for one in doubts],
    }


def _looked_at(read: Labelled) -> tuple[dict[str, int], Survey, list[Doubt]]:
    """Return the rows of each class, what the columns hold, and what looks wrong in them or the rows."""
    classes, numbers = encode_labels(read.labels)
    counts = np.bincount(numbers, minlength=len(classes)).tolist()
    found = survey(read.rows, numbers)
    doubts = [*found.doubts, *copies(read.rows, numbers)]
    return dict(zip(map(str, classes.tolist()), counts, strict=True)), found, doubts


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
    """Return what looks wrong with rows to train on, from some of them if there are many.

    Nothing of streamed rows: some of them are not to be had without going through all.
    """
    if isinstance(read.rows, Streamed):
        return []
    step = max(len(read.labels) // LOOKED_AT, 1)
    some = np.arange(0, len(read.labels), step)
    _, numbers = encode_labels(read.labels)
    return list(survey(take(read.rows, some), numbers[some]).doubts[:TOLD])


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
