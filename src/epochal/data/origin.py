"""Where rows come from: which file and which row of it, for messages."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from epochal.errors import CellError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, eq=False)
class Origin:
    """The files that hold some rows one after the other, and which of their rows these are.

    `files` are names, each with its number of rows; the last one may have more. `first` is the
    number of the first row. `kept` are masks over rows, bool, each of those that the one before
    has left. Nothing is computed before there is a message.
    """

    files: tuple[tuple[str, int], ...] = ()
    first: int = 0
    kept: tuple[np.ndarray, ...] = ()

    @classmethod
    def of(cls, name: str, first: int = 0) -> Origin:
        """Return the origin of rows of one file, from this row on."""
        return cls(((name, 0),), first)

    def where(self, chosen: np.ndarray) -> Origin:
        """Return the origin of the rows that are chosen, bool (rows,)."""
        return replace(self, kept=(*self.kept, chosen))

    def after(self, rows: int) -> Origin:
        """Return the origin of the rows that follow so many; only of rows that are all kept."""
        return replace(self, first=self.first + rows)

    def place(self, row: int) -> str:
        """Return how messages name a row; the first is 0.

        >>> origin = Origin((("a.csv", 3), ("b.csv", 3))).where(np.array([1, 1, 0, 0, 1, 1], bool))
        >>> origin.place(1), origin.place(2), Origin().place(7)
        ('row 1 of a.csv', 'row 1 of b.csv', 'row 7')
        """
        for mask in reversed(self.kept):
            row = int(np.flatnonzero(mask)[row])
        row += self.first
        for name, count in self.files[:-1]:
            if row < count:
                return f"row {row} of {name}"
            row -= count
        return f"row {row} of {self.files[-1][0]}" if self.files else f"row {row}"

    @contextmanager
    def naming_rows(self) -> Iterator[None]:
        """Return a context in which errors about a row say where that row is."""
        try:
            yield
        except CellError as error:
            place = self.place(error.row)
            row, _, name = place.partition(" of ")
            # A file that is named already is not named again.
            place = row if name and name in error.before else place
            raise error.placed(place) from error.__cause__
