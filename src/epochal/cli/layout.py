"""Tables of plain text: aligned columns, wrapped to the width of a terminal by rich.

Reports are lists of parts: lines, which stay as they are, and tables. How wide a table may be is
known only where it is written, so that a report can go to a terminal, to a file or through a pipe.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from epochal.errors import readable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from rich.console import Console
    from rich.table import Table

# Blanks in front of each column, the first included.
GAP = 2
# A table that goes to a file is as wide as its cells.
UNLIMITED = 1_000_000
_LONGEST_ESCAPE = len("\\U0010ffff")


@dataclass(frozen=True)
class TextTable:
    """Cells in aligned columns; `numeric` columns, counted from 0, are aligned to the right."""

    rows: Sequence[Sequence[str]]
    numeric: Collection[int] = ()


@dataclass(frozen=True)
class FirstFitting:
    """Tables with the same content: the first that fits into the width is shown, or else the last."""

    tables: Sequence[TextTable]


Part = str | TextTable | FirstFitting


def width_of(stream: TextIO | None) -> int | None:
    """Return the columns of a terminal, or None: what is no terminal has lines of any length.

    The environment variable `COLUMNS` overrides both.
    """
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        # A terminal that does not know its width reports 0.
        return None if stream is None else os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def text_lines(parts: Iterable[Part], width: int | None = None) -> list[str]:
    r"""Return the parts of a report as printable lines; tables are wrapped to the width, if there is one.

    >>> table = TextTable([("class", "rows"), ("red\x1b[31m", "7"), ("no", "1,000")], numeric={1})
    >>> for line in text_lines(["Classes", table]):
    ...     print(line)
    Classes
      class        rows
      red\x1b[31m      7
      no          1,000
    """
    lines: list[str] = []
    for part in parts:
        if isinstance(part, str):
            lines.append(printable(part))
        else:
            tables = part.tables if isinstance(part, FirstFitting) else [part]
            lines += _table_lines(tables, width or UNLIMITED)
    return lines


def printable(line: str) -> str:
    """Return a whole line, with escapes for characters that are not printable: names may hold any."""
    return readable(line, _LONGEST_ESCAPE * len(line))


def rich_table(table: TextTable) -> Table:
    """Return a table as rich draws it: no lines, two blanks in front of each column."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table.grid(padding=(0, 0, 0, GAP), pad_edge=True)
    for k in range(max(map(len, table.rows), default=0)):
        drawn.add_column(justify="right" if k in table.numeric else "left", overflow="fold")
    for cells in table.rows:
        drawn.add_row(*(Text(printable(cell)) for cell in cells))
    return drawn


def _table_lines(tables: Sequence[TextTable], width: int) -> list[str]:
    """Return the lines of the first table that fits into the width, or of the last."""
    unlimited = _plain_console(UNLIMITED)
    drawn = rich_table(tables[0])
    for table in tables[1:]:
        if unlimited.measure(drawn).maximum <= width:
            break
        drawn = rich_table(table)
    if not drawn.row_count:
        return []
    lines = _plain_console(width).render_lines(drawn, pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


def _plain_console(width: int) -> Console:
    """Return a console that has no colours, whatever the environment and the terminal say."""
    from rich.console import Console

    return Console(
        file=io.StringIO(),
        width=width,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        legacy_windows=False,
    )
