"""Memory planning: an itemised estimate of a fit's peak memory, and where encoded rows are kept.

A fit has five phases: reading (statistics of the columns), encoding of the rows, training,
gathering (the members leave the training), and calibration (out-of-bag probabilities). The estimate
is the sum of the items of the largest phase.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from epochal.errors import SettingError
from epochal.loader.memory_items import (
    MB,
    SEGMENT_BYTES,
    Shares,
    Storage,
    phases_of,
    validation_row,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochal.loader.memory import Memory
    from epochal.loader.memory_items import Item, NetworkSize, RowSize

# With less than this for rows, blocks on disk would be too small to shuffle well.
LEAST = 64 * MB
# One part in so many of a limit stays free: what is measured differs from the estimate.
MARGIN = 20
# Items that the error names.
NAMED = 3


@dataclass(frozen=True)
class MemoryPlan:
    """The limit, where rows are and in what shares, and the estimate by phase; sizes are in bytes.

    Without a limit all rows stay in memory.
    """

    limit: int | None = None
    folder: str | None = None
    shares: Shares = Shares()  # noqa: RUF009  (a tuple)
    phases: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)

    @property
    def estimate(self) -> int:
        """The estimated peak above start-up: the sum of the largest phase."""
        return max(map(total, self.phases.values()), default=0)

    @property
    def largest_phase(self) -> str:
        """The phase with the estimated peak."""
        return max(self.phases, key=lambda phase: total(self.phases[phase]))

    @property
    def in_memory(self) -> MemoryPlan:
        """The same plan for further rows, which stay in memory."""
        return replace(self, shares=self.shares._replace(place=Storage.MEMORY))


# Without a limit, and without an estimate.
NO_LIMIT = MemoryPlan()


def total(items: tuple[Item, ...]) -> int:
    """Return the sum of some items, in bytes.

    >>> from epochal.loader.memory_items import Item
    >>> total((Item("networks", 3), Item("rows", 4)))
    7
    """
    return sum(item.size for item in items)


def plan_for(network: NetworkSize, rows: RowSize, memory: Memory) -> MemoryPlan:
    """Return the plan of a fit: rows in memory if all fits, packed if all fits then, or on disk.

    Raises:
        SettingError: if the limit is too small for any of these.
    """
    if memory.limit is None:
        return MemoryPlan(None, memory.folder, Shares(), phases_of(network, rows, Shares()))
    usable = memory.limit - memory.limit // MARGIN
    shares = [*_resident(rows), _on_disk(network, rows, usable)]
    for each in shares:
        if each is not None:
            plan = MemoryPlan(memory.limit, memory.folder, each, phases_of(network, rows, each))
            if plan.estimate <= usable:
                return plan
    raise _refusal(network, rows, memory.limit)


def _resident(rows: RowSize) -> list[Shares]:
    """Return the shares with all rows in memory, and packed in memory, if packing is worth it."""
    each = validation_row(rows)
    whole = Shares(Storage.MEMORY, validation=max(rows.holdout, 1) * each, validation_row=each)
    if rows.packed_bytes is None:
        return [whole]
    # Validation rows are unpacked: some of those that members leave out, if all would take much.
    share = max(rows.rows * rows.packed_bytes // 4, LEAST // 8, whole.validation)
    return [whole, whole._replace(place=Storage.PACKED, validation=share)]


def _on_disk(network: NetworkSize, rows: RowSize, usable: int) -> Shares | None:
    """Return the shares with rows on disk; None if less than `LEAST` of what is usable is left for rows."""
    free = usable - _without_rows(network, rows)
    if free < LEAST:
        return None
    return Shares(
        Storage.DISK,
        buffer=3 * free // 8,
        validation=free // 8,
        validation_row=validation_row(rows),
        segment=min(free // 16, SEGMENT_BYTES),
    )


def _without_rows(network: NetworkSize, rows: RowSize) -> int:
    """Return the estimate of all but encoded rows."""
    bare = rows._replace(rows=0, holdout=0)
    return MemoryPlan(phases=phases_of(network, bare, Shares(Storage.DISK))).estimate


def _refusal(network: NetworkSize, rows: RowSize, limit: int) -> SettingError:
    """Return the error for a limit that is too small: what is needed, and the largest items."""
    plans = [MemoryPlan(phases=phases_of(network, rows, each)) for each in _resident(rows)]
    least = _without_rows(network, rows) + LEAST
    on_disk = _on_disk(network, rows, least)
    if on_disk is not None:
        plans.append(MemoryPlan(least, phases=phases_of(network, rows, on_disk)))
    plan = min(plans, key=lambda plan: max(plan.limit or 0, plan.estimate))
    smallest = max(plan.limit or 0, plan.estimate) * MARGIN // (MARGIN - 1) + 1
    needed = -(-smallest // (10 * MB)) * 10
    items = sorted(plan.phases[plan.largest_phase], key=lambda item: -item.size)[:NAMED]
    largest = ", ".join(f"{item.name} {item.size / MB:,.0f} MB" for item in items)
    return SettingError(
        f"memory_limit (--memory) is {limit / MB:g} MB",
        f"at least {needed:,} MB (the most while {plan.largest_phase}: {largest})",
        "fewer members, fewer bins or the preset classic need less",
    )
