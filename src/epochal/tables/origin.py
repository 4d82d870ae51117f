"""The origin of rows, for messages: the file, and the row number in it."""

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
    """The files that rows come from, in order, and the selections made among their rows.

    `parts` are names of files, or origins, each with its number of rows; the last one may have
    more. Each of the `choices` selects among the rows that the previous one selected. Nothing is
    computed until a message needs it.
    """

    parts: tuple[tuple[str | Origin, int], ...] = ()
    choices: tuple[Choice, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[object], counts: Sequence[int]) -> Origin:
        """Return the origin of all rows of files, or of other origins, with their numbers of rows."""
        names = (part if isinstance(part, Origin) else str(part) for part in parts)
        return cls(tuple(zip(names, counts, strict=True)))

    def where(self, chosen: np.ndarray) -> Origin:
        """Return the origin of the rows that a mask, bool (rows,), or row numbers select."""
        return replace(self, choices=(*self.choices, chosen))

    def after(self, rows: int) -> Origin:
        """Return the origin of the rows after the first `rows`."""
        return replace(self, choices=(*self.choices, rows))

    def place(self, row: int) -> tuple[int, str]:
        """Return the number of a row in its file, and the name of the file ("" without a file).

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
        """Return a context in which errors about a row name its file and its number there.

        An error without a file can get one from an outer context.
        """
        try:
            yield
        except CellError as error:
            row, name = self.place(error.row)
            raise error.placed(row, name) from error.__cause__


# The origin of rows that come from no file.
NOWHERE = Origin()


class Piece(NamedTuple):
    """Rows with their origin."""

    rows: Rows
    origin: Origin = NOWHERE
