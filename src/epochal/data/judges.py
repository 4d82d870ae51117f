"""The rows that judge members: whose loss decides which copy is kept and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from epochal.data.bags import Bags
    from epochal.data.batches import RowSource


class Encoded(NamedTuple):
    """Encoded rows with class numbers and weights."""

    source: RowSource
    labels: np.ndarray  # (rows,) int32
    weight: np.ndarray  # (rows,) float64


@dataclass(frozen=True)
class Judges:
    """Rows in one block; member k is judged by `counts[k]` of them from `starts[k]` on."""

    x: np.ndarray  # (rows, features) float32
    y: np.ndarray  # (rows,) int32
    weights: np.ndarray  # (rows,) float32
    starts: np.ndarray  # (members,)
    counts: np.ndarray  # (members,)
    own: bool = False  # whether they are the rows that each member leaves out


def shared(rows: Encoded, members: int) -> Judges:
    """Return judges that are the same rows for every member."""
    number = rows.source.n_rows
    return Judges(
        x=rows.source.take(np.arange(number)),
        y=rows.labels,
        weights=rows.weight.astype(np.float32),
        starts=np.zeros(members, np.int64),
        counts=np.full(members, number),
    )


def own(rows: Encoded, bags: Bags) -> Judges:
    """Return judges that are, for each member, the rows that it leaves out.

    A member that leaves out none (a bootstrap may draw every row of a tiny
    table) is judged by all rows.
    """
    everything = np.arange(rows.source.n_rows)
    numbers = [bags.left_out(member) for member in range(bags.members)]
    numbers = [part if len(part) else everything for part in numbers]
    counts = np.array([len(part) for part in numbers])
    joined = np.concatenate(numbers)
    return Judges(
        x=rows.source.take(joined),
        y=rows.labels[joined],
        weights=rows.weight[joined].astype(np.float32),
        starts=np.cumsum(counts) - counts,
        counts=counts,
        own=True,
    )
