"""Members in groups that train at the same time, each group in a thread of its own.

A product of a small network is too short to be shared out between cores: on
two cores, two groups side by side are 1.7 to 2 times as fast as one after the
other, and wide networks lose nothing (docs/PERFORMANCE.md). JAX runs in turn
what one thread hands over, hence the threads.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from epochal.learn import members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from epochal.learn.network import Layers
    from epochal.learn.training import Fixed, MemberState, Program, Segment


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Group:
    """Some of the members on the device: their constants, states and best copies."""

    def __init__(
        self, numbers: np.ndarray, program: Program, fixed: Fixed, state: MemberState, best: Layers
    ) -> None:
        """Copy the members of these numbers to the device; the arguments hold all members."""
        self.numbers = numbers
        self.program = program
        # Copies, since the programs take their state over.
        self.fixed, self.state, self.best = (
            jax.tree.map(lambda leaf: jnp.array(np.asarray(leaf)[numbers]), tree)
            for tree in (fixed, state, best)
        )

    def train(self, segment: Segment, weights: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Train on a segment; return the summed losses. Arguments are of all members."""
        self.state, loss = members.train_segment(
            self.program,
            self.fixed,
            self.state,
            segment,
            jnp.asarray(weights[self.numbers]),
            jnp.asarray(active[self.numbers]),
        )
        return np.asarray(loss, np.float64)

    def keep(self, keep: np.ndarray) -> None:
        """Renew the best copies of the members that `keep`, of all members, names."""
        mine = keep[self.numbers]
        if mine.any():
            self.best = members.kept(self.best, self.state.layers, jnp.asarray(mine))


class Groups:
    """All members, and the threads that their groups work in."""

    def __init__(self, groups: list[Group], pool: ThreadPoolExecutor) -> None:
        self.groups, self.pool = groups, pool
        self.members = sum(len(group.numbers) for group in groups)

    def start(self, work: Callable[[Group], np.ndarray]) -> Callable[[], np.ndarray]:
        """Begin the work of every group; return what waits for it and gives it by member."""
        begun: list[Future[np.ndarray]] = [self.pool.submit(work, g) for g in self.groups]

        def finished() -> np.ndarray:
            """Return each member's figure."""
            result = np.empty(self.members)
            for group, future in zip(self.groups, begun, strict=True):
                result[group.numbers] = future.result()
            return result

        return finished

    def keep(self, keep: np.ndarray) -> None:
        """Renew the best copies of the members named."""
        for group in self.groups:
            group.keep(keep)

    def gathered(self, part: Callable[[Group], Any]) -> list[Any]:
        """Return a part of every member, as of its group, in their order, in NumPy."""
        result: list[Any] = [None] * self.members
        for group in self.groups:
            own = members.unstacked(part(group))
            for number, member in zip(group.numbers, own, strict=True):
                result[number] = member
        return result


@contextmanager
def grouped(
    program: Program,
    fixed: Fixed,
    state: MemberState,
    best: Layers,
    device: jax.Device | None = None,
) -> Iterator[Groups]:
    """Give all members in as many groups as there are cores; one if they train as one product."""
    number = len(fixed.word)
    count = 1 if program.vectorised else min(cores(), number)
    groups = [
        Group(np.arange(first, number, count), program, fixed, state, best)
        for first in range(count)
    ]
    # The default device is a matter of each thread.
    pool = ThreadPoolExecutor(count, initializer=_use, initargs=(device,))
    try:
        yield Groups(groups, pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _use(device: jax.Device | None) -> None:
    """Make the device this thread's default."""
    jax.default_device(device).__enter__()
