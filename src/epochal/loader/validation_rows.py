"""The validation set: its loss selects the best checkpoint and decides on early stopping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from epochal.loader.batches import ArraySource
from epochal.loader.encode import stride

if TYPE_CHECKING:
    from epochal.loader.encode import Encoded
    from epochal.loader.memory_items import Shares
    from epochal.splitting.bagging import Bags


@dataclass(frozen=True)
class ValidationSet:
    """The validation rows; those of member k are `numbers[starts[k]:][:counts[k]]`.

    `oob_rows` are the numbers of these rows among the training rows; None if they are no training
    rows.
    """

    x: np.ndarray  # (rows, features) float32, or bytes
    y: np.ndarray  # (rows,) class numbers
    weights: np.ndarray  # (rows,) float64
    numbers: np.ndarray  # int32, one member's after the other's
    starts: np.ndarray  # (members,)
    counts: np.ndarray  # (members,)
    oob_rows: np.ndarray | None = None

    def of(self, member: int) -> np.ndarray:
        """Return the numbers of a member's validation rows."""
        numbers: np.ndarray = self.numbers[self.starts[member] :][: self.counts[member]]
        return numbers


def shared_validation_set(rows: Encoded, members: int, shares: Shares) -> ValidationSet:
    """Return a validation set that all members share; `shares` is as in `oob_validation_set`."""
    chosen, x = _in_memory(rows, shares)
    return ValidationSet(
        x=x,
        y=rows.metadata.labels[chosen],
        weights=rows.metadata.weight[chosen],
        numbers=np.arange(len(chosen), dtype=np.int32),
        starts=np.zeros(members, np.int64),
        counts=np.full(members, len(chosen)),
    )


def oob_validation_set(rows: Encoded, bags: Bags, shares: Shares) -> ValidationSet:
    """Return a validation set of each member's out-of-bag rows.

    A member without out-of-bag rows (a bootstrap may draw every row of a tiny table) has all rows as
    validation rows. If the encoded rows are not in memory, a subset of them validates, as many as
    the share of validation rows holds.
    """
    chosen, x = _in_memory(rows, shares)
    step = int(chosen[1]) if len(chosen) > 1 else 1
    oob_rows = (bags.oob_rows(member) for member in range(bags.members))
    numbers = [(rows[rows % step == 0] // step).astype(np.int32) for rows in oob_rows]
    numbers = [part if len(part) else np.arange(len(chosen), dtype=np.int32) for part in numbers]
    counts = np.array([len(part) for part in numbers])
    return ValidationSet(
        x=x,
        y=rows.metadata.labels[chosen],
        weights=rows.metadata.weight[chosen],
        numbers=np.concatenate(numbers),
        starts=np.cumsum(counts) - counts,
        counts=counts,
        oob_rows=chosen,
    )


def _in_memory(rows: Encoded, shares: Shares) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers and features of all rows if they are encoded in memory, else of every n-th."""
    source = rows.source
    if isinstance(source, ArraySource):
        return np.arange(source.n_rows), source.x
    row_bytes = shares.validation_row or 4 * source.n_features
    chosen = np.arange(0, source.n_rows, stride(source.n_rows, row_bytes, shares.validation))
    return chosen, source.take(chosen)
