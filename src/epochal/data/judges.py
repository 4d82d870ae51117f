"""The rows that judge members: whose loss decides which copy is kept and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.data.batches import ArraySource

if TYPE_CHECKING:
    from epochal.data.bags import Bags
    from epochal.data.batches import RowSource

# Rows that are encoded for nothing but to judge take this much memory at the most.
MOST_BYTES = 2**28


class Encoded(NamedTuple):
    """Encoded rows with class numbers and weights."""

    source: RowSource
    labels: np.ndarray  # (rows,) int32
    weight: np.ndarray  # (rows,) float64


@dataclass(frozen=True)
class Judges:
    """Rows, and which of them judge whom: member k `numbers[starts[k]:][:counts[k]]`.

    `left_out` are the numbers that the rows have among those that are trained on;
    None if they are none of them.
    """

    x: np.ndarray  # (rows, features) float32
    y: np.ndarray  # (rows,) int32
    weights: np.ndarray  # (rows,) float32
    numbers: np.ndarray  # int32, one member's after the other's
    starts: np.ndarray  # (members,)
    counts: np.ndarray  # (members,)
    left_out: np.ndarray | None = None

    def of(self, member: int) -> np.ndarray:
        """Return the numbers of the rows that judge a member."""
        numbers: np.ndarray = self.numbers[self.starts[member] :][: self.counts[member]]
        return numbers


def shared(rows: Encoded, members: int) -> Judges:
    """Return judges that are the same rows for every member."""
    number = rows.source.n_rows
    return Judges(
        x=rows.source.take(np.arange(number)),
        y=rows.labels,
        weights=rows.weight.astype(np.float32),
        numbers=np.arange(number, dtype=np.int32),
        starts=np.zeros(members, np.int64),
        counts=np.full(members, number),
    )


def own(rows: Encoded, bags: Bags) -> Judges:
    """Return judges that are, for each member, the rows that it leaves out.

    A member that leaves out none (a bootstrap may draw every row of a tiny
    table) is judged by all rows. Of rows that are encoded only when they are
    taken, as sparse ones are, some judge: as many as may be held encoded.
    """
    source = rows.source
    chosen = np.arange(source.n_rows)
    if not isinstance(source, ArraySource):
        step = max(-(-4 * source.n_rows * source.n_features // MOST_BYTES), 1)
        chosen = chosen[::step]
    place = np.full(source.n_rows, -1, np.int32)
    place[chosen] = np.arange(len(chosen))
    numbers = [place[bags.left_out(member)] for member in range(bags.members)]
    numbers = [part[part >= 0] for part in numbers]
    numbers = [part if len(part) else np.arange(len(chosen), dtype=np.int32) for part in numbers]
    counts = np.array([len(part) for part in numbers])
    return Judges(
        x=source.x if isinstance(source, ArraySource) else source.take(chosen),
        y=rows.labels[chosen],
        weights=rows.weight[chosen].astype(np.float32),
        numbers=np.concatenate(numbers),
        starts=np.cumsum(counts) - counts,
        counts=counts,
        left_out=chosen,
    )
