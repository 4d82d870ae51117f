"""Where rows come from: which file and which row of it, for messages."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from epochal.errors import CellError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from epochal.tables.rows import Rows

# How rows were chosen: the number of the first one, a mask (bool), or row numbers.
Choice: TypeAlias = "int | np.ndarray"


@dataclass(frozen=True, eq=False)
class Origin:
    """The files that hold some rows one after the other, and which of their rows these are.

    `parts` are names of files, or origins, each with its number of rows; the last one may have
    more. `choices` were made one after the other, each among the rows that the one before left.
    Nothing is computed before there is a message.
    """

    parts: tuple[tuple[str | Origin, int], ...] = ()
    choices: tuple[Choice, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[object], counts: Sequence[int]) -> Origin:
        """Return the origin of all rows of some files, or of other origins, which have so many rows each."""
        each = (part if isinstance(part, Origin) else str(part) for part in parts)
        return cls(tuple(zip(each, counts, strict=True)))

    def where(self, chosen: np.ndarray) -> Origin:
        """Return the origin of the rows that are chosen: a mask, bool (rows,), or row numbers."""
        return replace(self, choices=(*self.choices, chosen))

    def after(self, rows: int) -> Origin:
        """Return the origin of the rows that follow the first so many."""
        return replace(self, choices=(*self.choices, rows))

    def place(self, row: int) -> tuple[int, str]:
        """Return the number of a row in its file, and the name of the file; "" if there is none.

        >>> origin = Origin.of(["a.csv", "b.csv"], [3, 3]).where(np.array([1, 1, 0, 0, 1, 1], bool))
        >>> origin.place(1), origin.after(2).place(0), Origin().place(7)
        ((1, 'a.csv'), (1, 'b.csv'), (7, ''))
        """
        for choice in reversed(self.choices):
            if isinstance(choice, int):
                row += choice
            else:
                row = int((np.flatnonzero(choice) if choice.dtype == bool else choice)[row])
        number, last = 0, len(self.parts) - 1
        while number < last and row >= self.parts[number][1]:
            row -= self.parts[number][1]
            number += 1
        part = self.parts[number][0] if self.parts else ""
        return part.place(row) if isinstance(part, Origin) else (row, part)

    @contextmanager
    def naming_rows(self) -> Iterator[None]:
        """Return a context in which errors about a row say where that row is.

        Without a file, they still can be given one by whoever knows more.
        """
        try:
            yield
        except CellError as error:
            row, name = self.place(error.row)
            raise error.placed(row, name) from error.__cause__


# Of rows that come from no file.
NOWHERE = Origin()


class Piece(NamedTuple):
    """Some rows, and where they come from."""

    rows: Rows
    origin: Origin = NOWHERE
