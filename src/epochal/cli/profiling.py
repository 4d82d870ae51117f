"""The data profile: columns, classes and data warnings, for `epochal inspect` and `epochal train`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from epochal.cli.layout import Part, TextTable
from epochal.cli.printing import class_shares, counted, shortened
from epochal.cli.reading import class_counts, columns_found
from epochal.config.settings import SETTINGS
from epochal.io.columns import SHELL
from epochal.io.csv.cleaned_cells import cleaned_cells
from epochal.profiling.columns import ColumnProfile, Profile, duplicate_warnings, profile
from epochal.profiling.duplicates import RowHashes, kinds_of, row_hashes
from epochal.profiling.names import name_uses
from epochal.tables.labels import Coded
from epochal.tables.rows import head_of, parallel_map, pieces, take
from epochal.tables.schema import kind_of
from epochal.tables.streaming import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from epochal.io.csv.cleaned_cells import CleanedCells
    from epochal.profiling.columns import DataWarning
    from epochal.profiling.names import NameUse
    from epochal.tables.dataset import Labelled
    from epochal.tables.origin import Origin
    from epochal.tables.rows import Rows

# What is said of a column without target statistics that may have some.
NOT_INFORMATIVE = "none: not informative about the class"
# Columns, or warnings, that are listed.
LISTED = 100
# Of larger data, a random sample with this many rows is searched for data warnings.
SAMPLE_ROWS = 20_000
# Of data that are not in memory this many rows are profiled.
STREAMED_ROWS = 200_000


class DataProfile:
    """The profile of labelled rows, and their duplicates, from one pass over them.

    `columns` is the profile of a random sample, the same each time. `data_warnings` are those of
    the columns, and one of duplicates among all rows. `duplicates` is the number of rows to test or
    to validate on, by use, that have the inputs of a training row.
    """

    def __init__(
        self, read: Labelled, numbers: np.ndarray, holdout: np.ndarray | None = None
    ) -> None:
        """Read all rows once.

        Args:
            read: the rows, the holdout included: data warnings do not depend on the split.
            numbers: the class number of each row, shape (rows,).
            holdout: the rows to test on, bool (rows,); None: there are none.
        """
        self.missing_values = read.csv.words
        head, count = head_of(read.rows), len(read.labels)
        self.kinds = kinds_of(head) if isinstance(head, pa.Table) else None
        self.train, test = RowHashes(), RowHashes()
        sample, in_sample = [], _sample(count)
        holdout = np.zeros(count, bool) if holdout is None else holdout
        with_hashes = partial(self._with_hashes, read.origin)
        for span, piece, hashes in parallel_map(with_hashes, pieces(read.rows)):
            is_test, labels = holdout[span], numbers[span]
            self.train.add(hashes[~is_test], labels[~is_test])
            test.add(hashes[is_test], labels[is_test])
            sample.append(take(piece, np.flatnonzero(in_sample[span])))
        self.duplicates = {"test": self.train.count_duplicates_in(test)}
        share = min(SAMPLE_ROWS / max(count, 1), 1.0)
        self.sample, self.sample_labels = joined(sample), numbers[in_sample]
        self.columns = profile(self.sample, self.sample_labels, share, read.read_as)
        self.data_warnings = [
            *self.columns.data_warnings,
            *duplicate_warnings(self.train.merge(test)),
        ]

    def count_duplicates(self, use: str, rows: Iterable[Labelled]) -> None:
        """Count rows of another use ("test", "validate") with the inputs of a training row; returns nothing."""
        hashes = RowHashes()
        for part in parallel_map(self._hashes, ((piece.origin, piece.rows) for piece in rows)):
            hashes.add(part)
        self.duplicates[use] = self.train.count_duplicates_in(hashes)

    def duplicate_rows(self) -> list[tuple[str, str]]:
        """Return the counts of duplicates as table rows, one for each use that has any."""
        about = "about " if self.train.halvings else ""
        return [
            (
                "duplicates",
                f"{about}{counted(number, 'row')} to {use} on with inputs of training rows",
            )
            for use, number in self.duplicates.items()
            if number
        ]

    def _with_hashes(
        self, origin: Origin, span: slice, piece: Rows
    ) -> tuple[slice, Rows, np.ndarray]:
        """Return a piece with the hashes of its rows."""
        return span, piece, self._hashes(origin.after(span.start), piece)

    def _hashes(self, origin: Origin, piece: Rows) -> np.ndarray:
        """Return the hashes of rows: none of rows that lack columns."""
        lacks = isinstance(piece, pa.Table) and not set(self.kinds or ()) <= {*piece.column_names}
        if lacks:
            return np.empty(0, np.uint64)
        with origin.naming_rows():
            return row_hashes(piece, self.kinds, missing=self.missing_values)


def _sample(count: int) -> np.ndarray:
    """Return the rows of the sample, bool (rows,): all of few rows, or else a random choice."""
    chosen = np.full(count, count <= SAMPLE_ROWS)
    if count > SAMPLE_ROWS:
        chosen[np.random.default_rng(0).choice(count, SAMPLE_ROWS, replace=False)] = True
    return chosen


def profile_report(
    path: str, read: Labelled, data: DataProfile, cells: Mapping[str, CleanedCells]
) -> tuple[dict[str, Any], list[Part]]:
    """Return the profile of labelled rows: values for a machine, and a report for a person."""
    columns = _column_profiles(read, data)
    classes, warnings = class_counts(read.labels), data.data_warnings
    uses = name_uses(data.sample, data.sample_labels, read_as=read.read_as)
    values = {
        "data": path,
        "rows": len(read.labels),
        "rows_profiled": columns.rows,
        "dropped": read.dropped,
        "classes": classes,
        "columns": [asdict(column) for column in columns.columns],
        "names": [use._asdict() | {"pairs": list(use.pairs)} for use in uses],
        "cells": {
            name: {"trimmed": counts.trimmed, "missing": dict(counts.missing)}
            for name, counts in cells.items()
        },
        "warnings": warning_values(warnings),
    }
    is_whole = columns.rows == len(read.labels)
    part = "" if is_whole else f", columns of {counted(columns.rows, 'row')} profiled"
    summary = [("inputs", columns_found(read.rows)), ("classes", class_shares(classes))]
    if read.dropped:
        summary.append(dropped_row(read))
    head = f"{counted(len(read.labels), 'row')} of {path}{part}"
    report = [head, TextTable(summary), *_column_report(columns)]
    report += name_report(columns.columns, uses)
    return values, [*report, *cell_report(cells), *warning_report(warnings)]


def dropped_row(read: Labelled) -> tuple[str, str]:
    """Return the number of rows without a label as a table row."""
    return "dropped", f"{counted(read.dropped, 'row')} without a label"


def _column_profiles(read: Labelled, data: DataProfile) -> Profile:
    """Return the profile of all rows in memory, or of a part of those on disk."""
    sample = read.sampled(STREAMED_ROWS)
    rows = len(sample.labels)
    is_same = data.columns.rows == rows
    if is_same:
        return data.columns
    return profile(sample.rows, np.zeros(rows, int), read_as=read.read_as)


def _column_report(found: Profile) -> list[Part]:
    """Return a table with a row for each column; nothing if there are none."""
    if not found.columns:
        return []
    head = ("column", "kind", "missing", "distinct", "values")
    rows = [
        (
            shortened(column.name),
            column.kind,
            f"{column.missing:.1%}" if column.missing else "",
            f"{column.distinct:,}",
            shortened(column.values),
        )
        for column in found.columns[:LISTED]
    ]
    return ["", TextTable([head, *rows], numeric={2, 3}), *_rest(found.columns)]


def name_report(columns: Iterable[ColumnProfile], uses: Iterable[NameUse]) -> list[Part]:
    """Return a table of how columns of categories are read, and why; nothing without any.

    Args:
        columns: all profiles.
        uses: which target statistics those with many categories, or with texts, have.
    """
    used = {use.column: statistics_text(*use[1:]) or NOT_INFORMATIVE for use in uses}
    rows = [
        (shortened(column.name), reading_text(column), used.get(column.name, ""))
        for column in columns
        if column.reading
    ]
    if not rows:
        return []
    head = ("column", "read as", "target statistics" if used else "")
    return ["", "Names and texts", TextTable([head, *rows[:LISTED]]), *_rest(rows)]


def reading_text(column: ColumnProfile) -> str:
    """Return how a column is read, and why: by option, by its number of values, or of words.

    >>> from epochal.profiling.names import Reading
    >>> for words, distinct in ((3.21, 500), (1.0, 500), (1.0, 3)):
    ...     reading = Reading("text" if words > 2 else "names", words, by_option=False)
    ...     print(reading_text(ColumnProfile("a", "category", 0.0, distinct, "", reading)))
    text: 3.2 words a value
    names: one word a value
    names: 3 values
    """
    reading = column.reading
    if reading is None:
        return ""
    if reading.by_option:
        return (
            f"{reading.read_as} ({SHELL.text if reading.read_as == 'text' else SHELL.categorical})"
        )
    if column.distinct <= SETTINGS["max_categories"].default:
        return f"{reading.read_as}: {counted(column.distinct, 'value')}"
    words = f"{reading.words_per_value:.1f}"
    return f"{reading.read_as}: {'one word' if words == '1.0' else f'{words} words'} a value"


def statistics_text(names: bool, words: bool, pairs: Sequence[str]) -> str:  # noqa: FBT001
    """Return which target statistics a column has; the empty text without any.

    >>> statistics_text(True, True, ["city", "day"])
    'names, words and pairs with city, day'
    """
    parts = ["names"] * names + ["words"] * words
    parts += [f"pairs with {shortened(', '.join(pairs))}"] if pairs else []
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def cleaned_cells_of(path: str, read: Labelled, target: str | None) -> dict[str, CleanedCells]:
    """Return the counts of trimmed and missing cells of each input, and of the target."""
    head = head_of(read.rows)
    if not isinstance(head, pa.Table):
        return {}
    texts = {field.name for field in head.schema if kind_of(field.type, field.name) == "category"}
    label_values = read.labels.values if isinstance(read.labels, Coded) else read.labels
    names = list(head.column_names)
    if target is not None:
        names.append(target)
        texts |= {target} if label_values.dtype.kind in "OU" else set()
    return cleaned_cells(path, names, texts, read.csv)


def cell_report(cells: Mapping[str, CleanedCells]) -> list[Part]:
    """Return a table of the columns in which cells lose spaces, or are missing for their text."""
    rows = []
    for name, counts in cells.items():
        changes = [f"{text!r} is missing in {n:,}" for text, n in counts.missing.most_common()]
        if counts.trimmed:
            changes.insert(0, f"outer spaces are trimmed in {counts.trimmed:,}")
        if changes:
            rows.append((shortened(name), ", ".join(changes)))
    if not rows:
        return []
    return ["", "Cells that are trimmed or missing", TextTable(rows[:LISTED]), *_rest(rows)]


def warning_values(data_warnings: Iterable[DataWarning]) -> list[dict[str, Any]]:
    """Return data warnings for a machine."""
    return [asdict(data_warning) for data_warning in data_warnings]


def warning_report(data_warnings: Sequence[DataWarning]) -> list[Part]:
    """Return data warnings for a person: each with its hint on a line of its own; nothing without any."""
    if not data_warnings:
        return []
    parts: list[Part] = []
    for warning in data_warnings[:LISTED]:
        subject = "" if warning.column is None else f"{warning.column!r} "
        parts.append(TextTable([(f"{subject}{warning.sentence}",)]))
        if warning.hint:
            parts.append(TextTable([("  ", warning.hint)]))
    return ["", "Data warnings", *parts, *_rest(data_warnings)]


def _rest(entries: Sequence[object]) -> list[Part]:
    """Return a line with the number of entries that are not listed, if there are any."""
    more = len(entries) - LISTED
    return [f"  … and {more} more"] if more > 0 else []
