"""Groups of members that train in parallel, each in its own thread.

The matrix products of a small network are too short to divide between cores. On two cores, two
groups side by side are about twice as fast as one after the other, and wide networks lose nothing
(docs/PERFORMANCE.md). JAX executes the calls of one thread in order, hence a thread per group.
Coarse and fine members are in separate groups, since a step of fine members reads larger tables.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from epochal import threads
from epochal.kernels.library import warn_if_slower
from epochal.nn.embedding import resized
from epochal.nn.layers import embedding_of, with_target_table
from epochal.training import ensemble
from epochal.training.compile_lock import CompileLock
from epochal.training.device import out_of_memory
from epochal.training.step import no_logits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

    from epochal.nn.layers import Layers
    from epochal.training.step import (
        CrossFitLogits,
        MemberConfig,
        MemberState,
        Program,
        Segment,
        ValidationRows,
    )


# With at most this many bins in all columns, the bins of fine members do not slow down coarse ones:
# one program serves both, and is compiled in half the time.
FEW_BINS = 2_048


class Group:
    """Some of the members on the device: their constants, states and best checkpoints."""

    def __init__(
        self,
        spec: GroupSpec,
        program: Program,
        fixed: MemberConfig,
        state: MemberState,
        best: Layers,
    ) -> None:
        """Copy the group's members; the arguments hold all members."""
        self.numbers, self.intervals = spec
        self.program = program

        def part_of_group(tree: Any) -> Any:
            """Return a copy of the group's part, in NumPy."""
            leaves, structure = jax.tree.flatten(tree)
            parts = (
                np.asarray(leaf)[_place(self.numbers, shape)]
                for leaf, shape in zip(leaves, _member_shapes(tree, self.intervals), strict=True)
            )
            return jax.tree.unflatten(structure, parts)

        self.fixed = jax.tree.map(lambda leaf: np.asarray(leaf)[self.numbers], fixed)
        tables = self.fixed.target_tables
        if tables is not None:
            self.fixed = self.fixed._replace(target_tables=jax.device_put(tables))
        # Validation rows are new rows: no member trains on them.
        self.new_row_tables = None if tables is None else jax.device_put(tables[:, -1])
        # On the device, programs write to donated arrays. They copy donated NumPy arrays, and the
        # memory of the originals is free only later.
        self.state = jax.device_put(part_of_group(state), may_alias=False)
        # In NumPy: copying needs no compiled program.
        self.best: Layers = part_of_group(best)
        self.snapshots: list[MemberState] = []
        self.takes_snapshots = False  # then no state is donated to a program
        self.reset_logits(no_logits(0, 0))

    def train(self, segment: Segment, weights: np.ndarray, rates: np.ndarray) -> jax.Array:
        """Train on a segment; return its batches' losses. The arguments are those of all members."""
        train = (
            ensemble.train_segment_without_donation
            if self.takes_snapshots
            else ensemble.train_segment
        )
        # The program would only copy the average, with a kernel for each array.
        average = self.state.average
        state, losses = train(
            self.program,
            self.fixed,
            self.state._replace(average=()),
            segment,
            weights[self.numbers],
            rates[self.numbers].astype(np.float32),
        )
        self.state = state._replace(average=average)
        return losses

    @property
    def snapshot(self) -> MemberState:
        """The state to evaluate: the oldest snapshot, or the current state."""
        return self.snapshots[0] if self.snapshots else self.state

    def push_snapshot(self) -> None:
        """Store the current state, to be evaluated while the next epochs train."""
        self.snapshots.append(self.state)
        self.takes_snapshots = True

    def drop_snapshot(self) -> None:
        """Drop the oldest snapshot, after the losses of its successor are known."""
        del self.snapshots[0]

    def restore_snapshot(self) -> None:
        """Return to the oldest snapshot, and drop all."""
        self.state = self.snapshot
        self.snapshots = []

    def pop_result(self) -> tuple[MemberState, Layers]:
        """Return the final state and the best checkpoints; the group no longer refers to them."""
        result = self.snapshot, self.best
        del self.state, self.snapshots, self.best
        return result

    def reset_logits(self, cross_fit_logits: CrossFitLogits) -> None:
        """Reset the cross-fitted logits of every member to `cross_fit_logits`, those of one member."""
        self.cross_fit_logits: CrossFitLogits = ensemble.stacked(
            [cross_fit_logits] * len(self.numbers)
        )

    def load_logits(self, stack: CrossFitLogits) -> None:
        """Continue from earlier cross-fitted logits; `stack` holds those of all members."""
        self.cross_fit_logits = jax.tree.map(lambda leaf: leaf[self.numbers], stack)

    def validation_losses(
        self, layers: Layers, rows: ValidationRows, spans: tuple[np.ndarray, np.ndarray], block: int
    ) -> jax.Array:
        """Return the members' summed losses with these layers; update the cross-fitted logits.

        Args:
            layers: of the group's members.
            rows: the validation rows, on the device.
            spans: of all members the first of their validation row numbers, and their count.
            block: rows per matrix product.
        """
        starts, counts = (part[self.numbers].astype(np.int32) for part in spans)
        summed, self.cross_fit_logits = ensemble.validation_losses(
            self.program,
            with_target_table(layers, self.new_row_tables),
            rows,
            (starts, counts),
            self.cross_fit_logits,
            block=block,
        )
        return summed

    def keep_best(self, keep: np.ndarray) -> None:
        """Update the best checkpoints of the members in `keep`, bool (all members,)."""
        _copy_members(self.snapshot.eval_layers, self.best, keep[self.numbers])

    def restore_best(self, restore: np.ndarray) -> None:
        """Restore the best checkpoints of the members in `restore`, bool (all members,); moments stay."""
        of_group = restore[self.numbers]
        if of_group.any():
            layers, average = jax.tree.map(np.array, (self.state.layers, self.state.average))
            for restored in filter(None, (layers, average)):
                _copy_members(self.best, restored, of_group)
            layers, average = jax.device_put((layers, average), may_alias=False)
            self.state = self.state._replace(layers=layers, average=average)

    def update_ema(self, decay: np.ndarray) -> None:
        """Update the moving averages of the weights; `decay`, (all members,), is the share of the old ones."""
        if self.state.average:
            share = decay[self.numbers].astype(np.float32)
            average = ensemble.ema_updated(self.state.average, self.state.layers, share)
            self.state = self.state._replace(average=average)


class Groups:
    """All members, in groups, and the threads of the groups."""

    def __init__(
        self,
        groups: list[Group],
        pool: ThreadPoolExecutor,
        intervals: int,
        compile_lock: CompileLock,
    ) -> None:
        self.groups, self.pool, self.intervals, self.compile_lock = (
            groups,
            pool,
            intervals,
            compile_lock,
        )
        self.members = sum(len(group.numbers) for group in groups)

    @property
    def pipeline_depth(self) -> int:
        """How many segments may start before the losses of the first are awaited.

        JAX executes the calls of one thread in order; calls of several threads could overtake.
        """
        return 2 if len(self.groups) == 1 else 1

    def start(
        self, work: Callable[[Group], jax.Array], program: str = ""
    ) -> Callable[[], np.ndarray]:
        """Start the work of every group; return a function that awaits the results, in member order.

        Args:
            work: returns values of a group's members.
            program: the name of the program that the work calls, if it may have to be compiled.
        """
        if len(self.groups) == 1:
            # JAX executes asynchronously, and a small epoch takes less time than starting a thread.
            with out_of_memory():
                figures = work(self.groups[0])

            def awaited() -> np.ndarray:
                """Await and return the values."""
                with out_of_memory():
                    return np.asarray(figures, np.float64)

            return awaited

        def done(group: Group) -> np.ndarray:
            """Return the values of a group's members, awaited in its thread."""
            with out_of_memory():
                with self.compile_lock.first((program, group.intervals)):
                    figures = work(group)
                return np.asarray(figures, np.float64)

        begun: list[Future[np.ndarray]] = [self.pool.submit(done, g) for g in self.groups]

        def finished() -> np.ndarray:
            """Return the values of each member."""
            parts = [future.result() for future in begun]
            result = np.empty((self.members, *parts[0].shape[1:]))
            for group, part in zip(self.groups, parts, strict=True):
                result[group.numbers] = part
            return result

        return finished

    def push_snapshot(self) -> None:
        """Store the current states of all members."""
        for group in self.groups:
            group.push_snapshot()

    def drop_snapshot(self) -> None:
        """Drop the oldest snapshots."""
        for group in self.groups:
            group.drop_snapshot()

    def restore_snapshot(self) -> None:
        """Return all members to the oldest snapshots."""
        for group in self.groups:
            group.restore_snapshot()

    def keep_best(self, keep: np.ndarray) -> None:
        """Update the best checkpoints of these members."""
        for group in self.groups:
            group.keep_best(keep)

    def restore_best(self, restore: np.ndarray) -> None:
        """Restore the best checkpoints of these members."""
        for group in self.groups:
            group.restore_best(restore)

    def reset_logits(self, cross_fit_logits: CrossFitLogits) -> None:
        """Reset the cross-fitted logits of all members, before the first validation."""
        for group in self.groups:
            group.reset_logits(cross_fit_logits)

    def load_logits(self, stack: CrossFitLogits) -> None:
        """Continue from earlier cross-fitted logits of all members, stacked."""
        for group in self.groups:
            group.load_logits(stack)

    def update_ema(self, decay: np.ndarray) -> None:
        """Update the moving averages of all members."""
        for group in self.groups:
            group.update_ema(decay)

    def gathered(self, part: Callable[[Group], Any]) -> Any:
        """Return a part of every group, stacked in the order of the members, in NumPy.

        The parts are copied array by array. An array that its group no longer holds is freed as soon
        as it is copied.
        """
        trees = [part(group) for group in self.groups]
        structure, shapes = jax.tree.structure(trees[0]), _member_shapes(trees[0], self.intervals)
        leaves_by_group = [jax.tree.leaves(tree) for tree in trees]
        del trees
        stacked = []
        for number, shape in enumerate(shapes):
            # A group with fewer intervals has zeros behind them.
            target = np.zeros((self.members, *shape), leaves_by_group[0][number].dtype)
            for group, leaves in zip(self.groups, leaves_by_group, strict=True):
                leaf, leaves[number] = np.asarray(leaves[number]), None
                target[_place(group.numbers, leaf.shape[1:])] = leaf
                del leaf
            stacked.append(target)
        return jax.tree.unflatten(structure, stacked)


def _copy_members(source: Layers, target: Layers, which: np.ndarray) -> None:
    """Copy the members in `which`, bool (members,), to stacked layers in NumPy."""
    if which.any():
        for leaf, copy in zip(jax.tree.leaves(source), jax.tree.leaves(target), strict=True):
            copy[which] = np.asarray(leaf)[which]


def _member_shapes(tree: Any, intervals: int) -> list[tuple[int, ...]]:
    """Return the shapes of one member's leaves of a stacked tree, with room for so many intervals."""
    one = resized(jax.tree.map(lambda leaf: np.asarray(leaf)[:1], tree), intervals)
    return [leaf.shape[1:] for leaf in jax.tree.leaves(one)]


def _place(numbers: np.ndarray, shape: tuple[int, ...]) -> Any:
    """Return the index of members with leaves of this shape in a stacked leaf, which may be larger."""
    return (numbers, *map(slice, shape))


class GroupSpec(NamedTuple):
    """The members of a group, and the number of bins of their embedding."""

    numbers: np.ndarray
    intervals: int


@contextmanager
def grouped(
    program: Program,
    fixed: MemberConfig,
    state: MemberState,
    best: Layers,
    device: jax.Device | None = None,
    trim_heap: Callable[[], Any] | None = None,
) -> Iterator[Groups]:
    """Provide all members in groups: for each variant as many groups as there are threads.

    There is one group if members train as one product. `trim_heap` is given if memory is limited.
    """
    if not program.vectorised:
        warn_if_slower()
    number = len(fixed.seed_word)
    embedding = embedding_of(state.layers)
    most = 0 if embedding is None else embedding.numeric.intervals
    count = 1 if program.vectorised else min(threads.number(), number)
    variants = _variants(program, state, number, most)
    alone = not program.vectorised and count * len(variants) == 1 and threads.kernels_may_share()
    program = replace(program, alone=alone)
    # Groups of both variants alternate, so that their programs are compiled side by side.
    groups = [
        Group(
            GroupSpec(variant.numbers[first::count], variant.intervals), program, fixed, state, best
        )
        for first in range(count)
        for variant in variants
        if first < len(variant.numbers)
    ]
    # Each thread has its own default device.
    pool = threads.pool(count, lambda: _use(device))
    try:
        yield Groups(groups, pool, most, CompileLock(trim_heap))
    finally:
        pool.shutdown(cancel_futures=True)


def _variants(program: Program, state: MemberState, number: int, most: int) -> list[GroupSpec]:
    """Return the members of each variant; the embeddings of coarse members have fewer bins."""
    embedding, everybody = embedding_of(state.layers), np.arange(number)
    if program.vectorised or embedding is None or embedding.numeric.columns * most <= FEW_BINS:
        return [GroupSpec(everybody, most)]
    fine = np.asarray(embedding.numeric.fine) > 0
    variants = [
        GroupSpec(everybody[fine], most),
        GroupSpec(everybody[~fine], min(program.coarse, most)),
    ]
    return [variant for variant in variants if len(variant.numbers)]


def _use(device: jax.Device | None) -> None:
    """Make the device this thread's default."""
    jax.default_device(device).__enter__()
