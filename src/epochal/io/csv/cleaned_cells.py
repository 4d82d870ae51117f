"""Cleaned cells of text tables: counts of cells that are trimmed, and of cells that mean a missing value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from epochal.io.csv.blocks import EXPECTED, blocks_of
from epochal.io.csv.cells import MARK
from epochal.io.discovery import discover, format_of
from epochal.io.opening import reading

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from epochal.config.csv_options import CsvOptions


@dataclass
class CleanedCells:
    """The counts of a column: trimmed cells, and missing cells by their text."""

    trimmed: int = 0
    missing: Counter[str] = field(default_factory=Counter)


def cleaned_cells(
    path: str, names: Sequence[str], texts: Collection[str], options: CsvOptions
) -> dict[str, CleanedCells]:
    """Return the cleaned cells of columns at a path; an empty dict if the files are no text.

    In columns of `texts`, quoted cells are neither trimmed nor missing. Empty cells are not counted.
    """
    parts = discover(path)
    if format_of(parts[0]) != "text":
        return {}
    counts = {name: CleanedCells() for name in names}
    for part in parts:
        with reading(part, EXPECTED):
            for block in blocks_of(part, options):
                table = block.as_written(names)
                for name, count in counts.items():
                    _count(table.column(name), count, options, keeps=name in texts)
    return counts


def _count(
    column: pa.ChunkedArray, counts: CleanedCells, options: CsvOptions, *, keeps: bool
) -> None:
    """Add the cells of a block to the counts; `keeps`: quoted cells are neither trimmed nor missing."""
    is_marked = pc.starts_with(column, MARK)
    if keeps:
        column = column.filter(pc.invert(is_marked))
    else:
        column = pc.replace_substring(column, MARK, "", max_replacements=1)
    trimmed = pc.utf8_trim_whitespace(column)
    if options.strip:
        counts.trimmed += int(pc.sum(pc.not_equal(trimmed, column), min_count=0).as_py())
    cells = trimmed if options.strip or not keeps else column
    words = cells.filter(pc.is_in(cells, value_set=pa.array(options.words[1:], pa.string())))
    for count in pc.value_counts(words).to_pylist():
        counts.missing[count["values"]] += count["counts"]
