"""Categories of new rows that a model does not know: how many rows hold some, and whether that is surprising."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochal.tables.schema import Schema

# A share of unknown categories is surprising if it is so many times what training lets expect,
# and if rows like those of the training have so many with at most this chance.
TIMES, CHANCE = 2.0, 0.01


@dataclass(frozen=True)
class Surprise:
    """A column with more unknown categories than expected: rows, shares, and one of the categories."""

    column: str
    count: int
    rows: int
    expected: float
    example: str

    def __str__(self) -> str:
        """Return the warning.

        >>> print(Surprise("job", 40, 50, 0.004, "Cook "))
        column 'job' holds a category unknown to the model in 80.0 % of the rows (40 of 50), such as
        'Cook '; of rows like the training rows 0.4 % would: is it spelled as in training?
        """
        share, expected = (100 * part for part in (self.count / self.rows, self.expected))
        return (
            f"column {self.column!r} holds a category unknown to the model in {share:.1f} % of the "
            f"rows ({self.count:,} of {self.rows:,}), such as {self.example[:60]!r}; of rows "
            f"like the training rows {expected:.1f} % would: is it spelled as in training?"
        )


@dataclass(frozen=True)
class Unseen:
    """How many rows there are, how many of them hold an unknown category in each column, and examples."""

    rows: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)

    def with_column(self, name: str, count: int, example: str | None) -> Unseen:
        """Return the same with what a column of these rows holds."""
        if example is None:
            return self
        counts, examples = {**self.counts, name: count}, {**self.examples, name: example}
        return replace(self, counts=counts, examples=examples)

    def merge(self, other: Unseen) -> Unseen:
        """Return what these rows and others hold."""
        counts = dict(self.counts)
        for name, count in other.counts.items():
            counts[name] = counts.get(name, 0) + count
        return Unseen(self.rows + other.rows, counts, {**other.examples, **self.examples})

    def surprises(self, schema: Schema) -> list[Surprise]:
        """Return the columns in which unknown categories are much more frequent than in training.

        >>> from epochal.tables.schema import Column, Schema
        >>> schema = Schema((Column("job", "category", ("cook",), unseen=0.01),), True, (1,))
        >>> [len(Unseen(100, {"job": n}, {"job": "x"}).surprises(schema)) for n in (1, 3, 20)]
        [0, 0, 1]
        """
        found = []
        for column in schema.columns:
            count, expected = self.counts.get(column.name, 0), column.unseen
            if count < TIMES * expected * self.rows or not count:
                continue
            if chance_of(count, self.rows, expected) < CHANCE:
                example = self.examples[column.name]
                found.append(Surprise(column.name, count, self.rows, expected, example))
        return found


def chance_of(count: int, rows: int, share: float) -> float:
    """Return a bound on the chance of so many rows or more, if each is one with this chance.

    exp(-n D), with D = q log(q / p) + (1 - q) log((1 - q) / (1 - p)), q = count / n (Chernoff, 1952).

    >>> chance_of(1, 1, 0.25), chance_of(0, 9, 0.25)
    (0.25, 1.0)
    """
    observed = count / rows
    if observed <= share or not 0 < share < 1:
        return 1.0
    distance = observed * math.log(observed / share)
    if observed < 1:
        distance += (1 - observed) * math.log((1 - observed) / (1 - share))
    return math.exp(-rows * distance)
