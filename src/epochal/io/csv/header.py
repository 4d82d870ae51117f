"""Checks of the header: titles above it, a header of several rows, or no header.

Each finding is a sentence that names the line and the option to use.
"""

from __future__ import annotations

import re
from itertools import pairwise
from math import isfinite, log
from statistics import mode
from typing import TYPE_CHECKING, NamedTuple

from epochal.config.csv_options import MISSING_VALUES
from epochal.tables.numeric import number_of_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NO_HEADER = "if line {} is a row, type --no-header"
# Lines that are searched for the header, and the most rows of a header.
HEAD_LINES, _HEADER_ROWS = 60, 5
_OTHER_SEPARATORS = ";\t|"
_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}([ T]\S+)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d{1,2}:\d{2}(:\d{2})?"
)


class Record(NamedTuple):
    """The cells of a row, or of the header, and the number of its first line."""

    line: int
    cells: list[str]


def kind_of(cell: str) -> str:
    """Return the kind of a cell: "number", "date", "truth", "word", or "" if it is missing.

    >>> [kind_of(cell) for cell in ("-1.5", "2024-05-01", "True", "cook", " NA ")]
    ['number', 'date', 'truth', 'word', '']
    """
    text = cell.strip()
    if not text or text in MISSING_VALUES:
        return ""
    if text.lower() in {"true", "false"}:
        return "truth"
    if _DATE.fullmatch(text):
        return "date"
    try:
        number_of_text(text)
    except ValueError:
        return "word"
    return "number"


def look_like_values(names: Sequence[str]) -> bool:
    """Return whether some column names are numbers or dates, so that the line may be a row."""
    return any(kind_of(name) in {"number", "date"} for name in names)


def findings(header: Record, rows: Sequence[Record]) -> Iterator[str]:
    """Yield what looks wrong in a header, compared with the first rows below it."""
    sentence = _shorter(header, rows)
    if not sentence:
        rows = [
            row for row in rows if len(row.cells) == len(header.cells) and row.cells != header.cells
        ]
        sentence = _title(header, rows) or _several_rows(rows) or _none(header, rows)
    if sentence:
        yield sentence


def in_apostrophes(names: Sequence[str], rows: Sequence[Record]) -> Iterator[str]:
    """Yield a sentence for the first column in which every value is between apostrophes."""
    for column, name in enumerate(names):
        cells = [row.cells[column].strip() for row in rows if len(row.cells) == len(names)]
        filled = [cell for cell in cells if cell]
        if len(filled) > 2 and all(re.fullmatch("'.*'", cell, re.DOTALL) for cell in filled):
            yield (
                f"column {name!r} has apostrophes around its values ({filled[0]}), which are "
                'read as part of them: only double quotes (") are quotes'
            )
            return


def title_hint(header: Record, rows: Iterable[Record]) -> str:
    """Return the option to use if the number of names differs from the number of cells in rows.

    >>> rows = [Record(3, ["age", "job"]), Record(4, ["31", "cook"]), Record(5, ["45", "clerk"])]
    >>> title_hint(Record(1, ["Our people"]), rows)
    'if line 3 has the names of the columns, type --skip-lines 2'
    """
    rows = [header, *rows]
    width = len(rows[-1].cells)
    # All rows below the header have the same length.
    start = len(rows)
    while start and len(rows[start - 1].cells) == width:
        start -= 1
    if start in {0, len(rows)} or width < 2 or len(rows) - start < 2:
        return ""
    kinds = {kind_of(cell) for cell in rows[start].cells}
    return _skip_to(rows[start]) if kinds <= {"word", ""} else ""


def _shorter(header: Record, rows: Sequence[Record]) -> str:
    """Return the finding if the rows below a header have another number of cells, else ""."""
    candidates = [list(rows)]
    if len(header.cells) == 1:
        # A title has no separator, so that of the rows may be any.
        of_one = [row for row in rows if len(row.cells) == 1]
        candidates += [
            [Record(row.line, row.cells[0].split(separator)) for row in of_one]
            for separator in _OTHER_SEPARATORS
        ]
    for candidate in candidates:
        if hint := title_hint(header, candidate):
            columns = f"{len(header.cells)} column{'s' if len(header.cells) > 1 else ''}"
            problem = f"line {header.line} names {columns}, and the rows below have more cells"
            if len(candidate[-1].cells) < len(header.cells):
                problem = f"line {header.line} names {columns}, and the rows below have fewer cells"
            return f"{problem}: is it a title? {hint.capitalize()}"
    return ""


def _title(header: Record, rows: Sequence[Record]) -> str:
    """Return the finding if the header is a title: most names are empty, and a later row holds words."""
    named, columns = _filled(header), len(header.cells)
    # The first column may be the index of a frame, without a name.
    is_named_first = bool(header.cells[0].strip())
    if 2 * named > columns - (not is_named_first) or named == columns or len(rows) < 2:
        return ""
    usual, share = mode(_filled(row) for row in rows), 0.5
    for number, row in enumerate(rows[:-1]):
        words = [cell for cell in row.cells if cell.strip()]
        too_few = 2 * len(words) <= usual or len(words) <= named
        if too_few or {kind_of(cell) for cell in words} != {"word"}:
            continue
        below = rows[number + 1 :]
        is_header = number > 0 or columns - named > 1 or bool(_typed_columns(below))
        if is_header and not _recurs(row, below, least=share):
            problem = f"line {header.line} names {named} of {columns} columns"
            return f"{problem}: is it a title? {_skip_to(row).capitalize()}"
        # Below other rows of words a single value shows that a row is one, too.
        share = 0.0
    return ""


def _several_rows(rows: Sequence[Record]) -> str:
    """Return the finding if the first rows hold words and all rows below numbers or dates."""
    most = min(_HEADER_ROWS, len(rows) // 3)
    typed = _typed_columns(rows[most:])
    count, worded = 0, set()
    for row in rows[:most]:
        kinds = {column: kind_of(row.cells[column]) for column in typed}
        words = {column for column, kind in kinds.items() if kind == "word"}
        if not words or any(kinds[column] == typed[column] for column in kinds):
            break
        worded |= words
        count += 1
    # A single word among numbers may mean a missing value, if its row has other cells.
    is_single_word = len(worded) == 1 and _filled(rows[0]) > 1
    if not count or is_single_word or _recurs(rows[0], rows[1:]):
        return ""
    last = rows[count - 1]
    lines = f"line {last.line} holds" if count == 1 else f"lines {rows[0].line} to {last.line} hold"
    cells = [last.cells[column] for column in sorted(worded)][:3]
    problem = f"{lines} words ({', '.join(cells)}) where the rows below hold numbers or dates"
    hint = f"If line {last.line} has the names of the columns, type --skip-lines {last.line - 1}"
    return f"{problem}: is it a part of the header? {hint}; otherwise remove it"


def _none(header: Record, rows: Sequence[Record]) -> str:
    """Return the finding if the names look like values of their columns."""
    typed = _typed_columns(rows)
    typed = {column: kind for column, kind in typed.items() if kind_of(header.cells[column])}
    if any(kind_of(header.cells[column]) != kind for column, kind in typed.items()):
        return ""
    texts = [column for column in range(len(header.cells)) if column not in typed]
    repeated = [
        column
        for column in texts
        if header.cells[column].strip()
        and header.cells[column] in {row.cells[column] for row in rows}
    ]
    numbers = [number_of_text(header.cells[c].strip()) for c in typed if typed[c] == "number"]
    if not typed:
        are_values = len(repeated) > 1 and 2 * len(repeated) >= len(texts)
    else:
        are_values = bool(repeated) or len(numbers) < len(typed) or not _are_steps(numbers)
    if not are_values:
        return ""
    names = ", ".join(header.cells[:4]) + (", …" if len(header.cells) > 4 else "")
    problem = f"line {header.line} has values for the names of the columns ({names})"
    return f"{problem}: {NO_HEADER.format(header.line)}"


def _typed_columns(rows: Sequence[Record]) -> dict[int, str]:
    """Return the columns in which all cells, at least two, are numbers, dates or booleans."""
    typed = {}
    for column in range(len(rows[0].cells) if rows else 0):
        kinds = [kind for row in rows if (kind := kind_of(row.cells[column]))]
        if len(kinds) > 1 and len(set(kinds)) == 1 and kinds[0] != "word":
            typed[column] = kinds[0]
    return typed


def _recurs(row: Record, others: Sequence[Record], *, least: float = 0.0) -> bool:
    """Return whether words of a row occur in their columns again, as values do and names do not.

    `least` is the share of them that has to, as a name may happen to be a value of its column; 0:
    one is enough. Equal rows are ignored: they may be the header of another table.
    """
    unequal = [other.cells for other in others if other.cells != row.cells]
    words = [column for column, cell in enumerate(row.cells) if kind_of(cell) == "word"]
    recurring = sum(any(cells[c] == row.cells[c] for cells in unequal) for c in words)
    return recurring >= max(least * len(words), 1)


def _are_steps(numbers: Sequence[float]) -> bool:
    """Return whether numbers have regular steps, as column names do: years, pixels, wavelengths.

    >>> _are_steps([2015, 2016, 2017]), _are_steps([1, 10, 100]), _are_steps([39, 77516, 13])
    (True, True, False)
    """
    if len(numbers) < 3:
        return all(number == int(number) for number in numbers if isfinite(number))
    differences = [second - first for first, second in pairwise(numbers)]
    ratios = [log(second / first) for first, second in pairwise(numbers) if first * second > 0]
    return _are_alike(differences) or (len(ratios) == len(differences) and _are_alike(ratios))


def _are_alike(steps: Sequence[float]) -> bool:
    """Return whether all steps have the same sign, and none is more than twice another."""
    sizes = sorted(abs(step) for step in steps)
    same_sign = all(step > 0 for step in steps) or all(step < 0 for step in steps)
    return same_sign and sizes[-1] <= 2 * sizes[0]


def _filled(row: Record) -> int:
    """Return the number of cells in a row that are not empty."""
    return sum(bool(cell.strip()) for cell in row.cells)


def _skip_to(row: Record) -> str:
    """Return the option to use if a row is the header."""
    return f"if line {row.line} has the names of the columns, type --skip-lines {row.line - 1}"
