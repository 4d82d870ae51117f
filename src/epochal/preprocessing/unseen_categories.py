"""Unknown categories in new rows: how many rows hold one, and whether that is more than expected."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochal.tables.schema import Schema

# A share of unknown categories is surprising if it is this many times the expected share, and if
# the probability of so many in rows like the training rows is at most this small.
RATIO, MAX_PROBABILITY = 2.0, 0.01


@dataclass(frozen=True)
class UnseenExcess:
    """A column with more unknown categories than expected: counts, expected share, an example."""

    column: str
    count: int
    rows: int
    expected: float
    example: str

    def __str__(self) -> str:
        """Return the warning.

        >>> print(UnseenExcess("job", 40, 50, 0.004, "Cook "))
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
class UnseenCounts:
    """The number of rows, of rows with an unknown category in each column, and an example of each."""

    rows: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)

    def with_column(self, name: str, count: int, example: str | None) -> UnseenCounts:
        """Return these counts with those of another column of the same rows."""
        if example is None:
            return self
        counts, examples = {**self.counts, name: count}, {**self.examples, name: example}
        return replace(self, counts=counts, examples=examples)

    def merge(self, other: UnseenCounts) -> UnseenCounts:
        """Return the counts of these rows and others."""
        counts = dict(self.counts)
        for name, count in other.counts.items():
            counts[name] = counts.get(name, 0) + count
        return UnseenCounts(self.rows + other.rows, counts, {**other.examples, **self.examples})

    def excesses(self, schema: Schema) -> list[UnseenExcess]:
        """Return the columns in which unknown categories are much more frequent than expected.

        >>> from epochal.tables.schema import Column, Schema
        >>> schema = Schema((Column("job", "category", ("cook",), unseen=0.01),), True, (1,))
        >>> [len(UnseenCounts(100, {"job": n}, {"job": "x"}).excesses(schema)) for n in (1, 3, 20)]
        [0, 0, 1]
        """
        result = []
        for column in schema.columns:
            count, expected = self.counts.get(column.name, 0), column.unseen
            if count < RATIO * expected * self.rows or not count:
                continue
            if probability_bound(count, self.rows, expected) < MAX_PROBABILITY:
                example = self.examples[column.name]
                result.append(UnseenExcess(column.name, count, self.rows, expected, example))
        return result


def probability_bound(count: int, rows: int, share: float) -> float:
    """Return an upper bound on the probability of `count` or more successes in `rows` trials of `share`.

    exp(-n D), with D = q log(q / p) + (1 - q) log((1 - q) / (1 - p)), q = count / n (Chernoff, 1952).

    >>> probability_bound(1, 1, 0.25), probability_bound(0, 9, 0.25)
    (0.25, 1.0)
    """
    observed = count / rows
    if observed <= share or not 0 < share < 1:
        return 1.0
    distance = observed * math.log(observed / share)
    if observed < 1:
        distance += (1 - observed) * math.log((1 - observed) / (1 - share))
    return math.exp(-rows * distance)
