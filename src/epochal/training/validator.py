"""The validation rows on the device, and the members' losses on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from epochal.preprocessing.byte_scaling import are_bytes
from epochal.tables.rows import bucket
from epochal.training.step import ValidationRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochal.loader.validation_rows import ValidationSet
    from epochal.nn.layers import Layers
    from epochal.preprocessing.byte_scaling import Scaling
    from epochal.training.parallel import Group, Groups
    from epochal.training.step import CrossFitLogits

# Rows per matrix product: wide enough to be fast, small enough to stay in the cache.
VALIDATION_BLOCK = 2048
# Bytes of validation rows above which they are not padded to share a program.
LARGE = 2**24


class Validator:
    """The validation rows on the device."""

    def __init__(self, rows: ValidationSet, scaling: Scaling | None) -> None:
        self.counts = rows.counts
        self.starts = rows.starts
        # Powers of two and buckets, so that tables of similar sizes share a program.
        self.block = min(VALIDATION_BLOCK, 2 ** int(rows.counts.max()).bit_length())
        self.capacity = -(-bucket(int(rows.counts.max())) // self.block) * self.block
        # A copy of many rows would cost more than another compilation.
        padding = 0 if rows.x.nbytes > LARGE else bucket(len(rows.y)) - len(rows.y)
        # The last block may reach beyond its span, to rows that have weight 0 there.
        length = bucket(len(rows.numbers) + self.block) - len(rows.numbers)
        self.rows = ValidationRows(
            # Without a copy on the CPU: the rows are never written to.
            jax.device_put(
                np.pad(rows.x, ((0, padding), (0, 0))) if padding else rows.x, may_alias=True
            ),
            jnp.asarray(np.pad(rows.y, (0, padding)), jnp.int32),
            jnp.asarray(np.pad(rows.weights, (0, padding)), jnp.float32),
            jnp.asarray(np.pad(rows.numbers, (0, length))),
            scaling if are_bytes(rows.x) else None,
        )
        self.totals = np.array(
            [
                rows.weights[rows.of(member)].sum(dtype=np.float64)
                for member in range(len(rows.counts))
            ]
        )

    def losses(
        self, groups: Groups, layers: Callable[[Group], Layers], active: np.ndarray
    ) -> np.ndarray:
        """Return each member's mean loss on its rows; NaN for those not active.

        Args:
            groups: the members.
            layers: which of their layers to evaluate.
            active: which members to evaluate, bool (members,).
        """
        counts = np.where(active, self.counts, 0)

        def summed_losses(group: Group) -> jax.Array:
            """Return the summed losses of a group's members."""
            return group.validation_losses(
                layers(group), self.rows, (self.starts, counts), self.block
            )

        summed = groups.start(summed_losses, "validator")()
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(active, summed / self.totals, np.nan)

    def logits_by_member(self, cross_fit_logits: CrossFitLogits) -> list[np.ndarray]:
        """Return each member's cross-fitted logits of its validation rows, without padding."""
        stack = cross_fit_logits.logits
        return [each[:count] for each, count in zip(stack, self.counts, strict=True)]
