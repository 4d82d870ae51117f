"""Members in groups that train at the same time, each group in a thread of its own.

A product of a small network is too short to be shared out between cores: on
two cores, two groups side by side are about twice as fast as one after the
other, and wide networks lose nothing (docs/PERFORMANCE.md). JAX runs in turn
what one thread hands over, hence the threads. Smooth members and fine ones are
in groups of their own, where a step of the latter goes through larger tables.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from epochal import threads
from epochal.kernels import warn_if_slower
from epochal.nn.embedding import resized
from epochal.nn.layers import embedding_of
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


# With at most so many bins in all columns, a step of coarse members does not notice that it
# carries those of fine ones: one program serves both, and is compiled in half the time.
FEW_BINS = 2_048


class Group:
    """Some of the members on the device: their constants, states and best copies."""

    def __init__(
        self,
        own: GroupSpec,
        program: Program,
        fixed: MemberConfig,
        state: MemberState,
        best: Layers,
    ) -> None:
        """Copy the group's own members; the arguments hold all members."""
        self.numbers, self.intervals = own
        self.program = program

        def own_part(tree: Any) -> Any:
            """Return the group's part, on the device: there a program can write to what it is given.

            Of arrays in NumPy it would make copies, whose memory were free only at a later time.
            """
            leaves, structure = jax.tree.flatten(tree)
            kept = (
                jax.device_put(np.asarray(leaf)[_place(self.numbers, shape)], may_alias=False)
                for leaf, shape in zip(leaves, _member_shapes(tree, self.intervals), strict=True)
            )
            return jax.tree.unflatten(structure, kept)

        self.fixed = jax.tree.map(lambda leaf: np.asarray(leaf)[self.numbers], fixed)
        self.state, self.best = own_part(state), own_part(best)
        self.held: list[MemberState] = []
        self.anew = False  # whether states are never given up to a program
        self.reset_logits(no_logits(0, 0))

    def train(self, segment: Segment, weights: np.ndarray, rates: np.ndarray) -> jax.Array:
        """Train on a segment; return its batches' losses. Arguments are of all members."""
        train = ensemble.train_segment_anew if self.anew else ensemble.train_segment
        self.state, losses = train(
            self.program,
            self.fixed,
            self.state,
            segment,
            weights[self.numbers],
            rates[self.numbers].astype(np.float32),
        )
        return losses

    @property
    def settled(self) -> MemberState:
        """The state that is judged and kept: the oldest that is held, or the newest of all."""
        return self.held[0] if self.held else self.state

    def hold(self) -> None:
        """Hold the state: it stays, and is looked at, while the next epochs train."""
        self.held.append(self.state)
        self.anew = True

    def release(self) -> None:
        """Let the oldest state that is held go: what was trained from it has been looked at."""
        del self.held[0]

    def recall(self) -> None:
        """Return to the oldest state that is held, and hold none."""
        self.state = self.settled
        self.held = []

    def given_up(self) -> tuple[MemberState, Layers]:
        """Return the state and the best copies, which the group does not keep: it is at its end."""
        end = self.settled, self.best
        del self.state, self.held, self.best
        return end

    def reset_logits(self, cross_fit_logits: CrossFitLogits) -> None:
        """Forget what members say; `cross_fit_logits` is what one of them is to begin with."""
        self.cross_fit_logits: CrossFitLogits = ensemble.stacked(
            [cross_fit_logits] * len(self.numbers)
        )

    def load_logits(self, stack: CrossFitLogits) -> None:
        """Go on from what members said before; `stack` is of all members."""
        self.cross_fit_logits = jax.tree.map(lambda leaf: leaf[self.numbers], stack)

    def validation_losses(
        self, layers: Layers, rows: ValidationRows, spans: tuple[np.ndarray, np.ndarray], block: int
    ) -> jax.Array:
        """Return the summed losses of some layers of the members; renew the cross-fitted logits.

        Args:
            layers: of the group's members.
            rows: the validation rows, on the device.
            spans: of all members the first of the validation rows' numbers, and how many.
            block: rows per matrix product.
        """
        starts, counts = (part[self.numbers].astype(np.int32) for part in spans)
        summed, self.cross_fit_logits = ensemble.validation_losses(
            self.program, layers, rows, (starts, counts), self.cross_fit_logits, block=block
        )
        return summed

    def keep(self, keep: np.ndarray) -> None:
        """Renew the best copies of the members that `keep`, of all members, names."""
        mine = keep[self.numbers]
        if self.anew and mine.all():
            self.best = self.settled.eval_layers
        elif mine.any():
            self.best = ensemble.kept(self.best, self.settled.eval_layers, mine)

    def restore_best(self, back: np.ndarray) -> None:
        """Give the members that `back`, of all members, names their best copies as layers."""
        mine = back[self.numbers]
        if mine.any():
            self.state = ensemble.restored_best(self.state, self.best, mine)

    def average(self, stays: np.ndarray) -> None:
        """Renew the running means; `stays`, of all members, is the share of the old ones."""
        if self.state.average:
            share = stays[self.numbers].astype(np.float32)
            average = ensemble.ema_updated(self.state.average, self.state.layers, share)
            self.state = self.state._replace(average=average)


class Groups:
    """All members, and the threads that their groups work in."""

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
    def ahead(self) -> int:
        """How many pieces of work may be begun before the first has been waited for.

        What one thread hands over, JAX does in turn; threads of their own could overtake.
        """
        return 2 if len(self.groups) == 1 else 1

    def start(
        self, work: Callable[[Group], jax.Array], program: str = ""
    ) -> Callable[[], np.ndarray]:
        """Begin the work of every group; return what waits for it and gives it by member.

        Args:
            work: gives figures of a group's members.
            program: what the work is a call of, if that may have to be compiled.
        """
        if len(self.groups) == 1:
            # JAX works on by itself, and a small epoch is over before a thread has begun it.
            with out_of_memory():
                figures = work(self.groups[0])

            def awaited() -> np.ndarray:
                """Return the figures when they are there."""
                with out_of_memory():
                    return np.asarray(figures, np.float64)

            return awaited

        def done(group: Group) -> np.ndarray:
            """Return the figures of a group's members, which its thread has waited for."""
            with out_of_memory():
                with self.compile_lock.first((program, group.intervals)):
                    figures = work(group)
                return np.asarray(figures, np.float64)

        begun: list[Future[np.ndarray]] = [self.pool.submit(done, g) for g in self.groups]

        def finished() -> np.ndarray:
            """Return each member's figures."""
            parts = [future.result() for future in begun]
            result = np.empty((self.members, *parts[0].shape[1:]))
            for group, part in zip(self.groups, parts, strict=True):
                result[group.numbers] = part
            return result

        return finished

    def hold(self) -> None:
        """Hold the states of all members."""
        for group in self.groups:
            group.hold()

    def release(self) -> None:
        """Let the oldest states that are held go."""
        for group in self.groups:
            group.release()

    def recall(self) -> None:
        """Return all members to the oldest states that are held."""
        for group in self.groups:
            group.recall()

    def keep(self, keep: np.ndarray) -> None:
        """Renew the best copies of the members named."""
        for group in self.groups:
            group.keep(keep)

    def restore_best(self, back: np.ndarray) -> None:
        """Give the members named their best copies as layers."""
        for group in self.groups:
            group.restore_best(back)

    def reset_logits(self, cross_fit_logits: CrossFitLogits) -> None:
        """Give all members the same to begin with, before they are judged."""
        for group in self.groups:
            group.reset_logits(cross_fit_logits)

    def load_logits(self, stack: CrossFitLogits) -> None:
        """Give all members what they said before, stacked."""
        for group in self.groups:
            group.load_logits(stack)

    def average(self, stays: np.ndarray) -> None:
        """Renew the running means of all members."""
        for group in self.groups:
            group.average(stays)

    def gathered(self, part: Callable[[Group], Any]) -> Any:
        """Return a part of all members, as of their groups, stacked in their order, in NumPy.

        Array by array: of a part that the groups do not keep, each array of theirs is free as soon as
        it is copied.
        """
        trees = [part(group) for group in self.groups]
        structure, shapes = jax.tree.structure(trees[0]), _member_shapes(trees[0], self.intervals)
        parts = [jax.tree.leaves(tree) for tree in trees]
        del trees
        leaves = []
        for number, shape in enumerate(shapes):
            # Zeros are what is behind the intervals of a group with fewer.
            leaf = np.zeros((self.members, *shape), parts[0][number].dtype)
            for group, own in zip(self.groups, parts, strict=True):
                mine, own[number] = np.asarray(own[number]), None
                leaf[_place(group.numbers, mine.shape[1:])] = mine
                del mine
            leaves.append(leaf)
        return jax.tree.unflatten(structure, leaves)


def _member_shapes(tree: Any, intervals: int) -> list[tuple[int, ...]]:
    """Return the shapes of one member's leaves of a stacked tree, with room for so many intervals."""
    one = resized(jax.tree.map(lambda leaf: np.asarray(leaf)[:1], tree), intervals)
    return [leaf.shape[1:] for leaf in jax.tree.leaves(one)]


def _place(numbers: np.ndarray, shape: tuple[int, ...]) -> Any:
    """Return the index of what members of this shape have in a stacked leaf, which may be larger."""
    return (numbers, *map(slice, shape))


class GroupSpec(NamedTuple):
    """Which members a group has, and how many intervals their embedding needs."""

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
    """Give all members in groups: one kind of members each, as many of a kind as there are threads.

    One group, if members train as one product. With `trim_heap` memory is limited.
    """
    if not program.vectorised:
        warn_if_slower()
    number = len(fixed.word)
    embedding = embedding_of(state.layers)
    most = 0 if embedding is None else embedding.numeric.intervals
    count = 1 if program.vectorised else min(threads.number(), number)
    variants = _variants(program, state, number, most)
    alone = not program.vectorised and count * len(variants) == 1 and threads.kernels_may_share()
    program = replace(program, alone=alone)
    # One group of each kind after the other: so their programs are compiled side by side.
    groups = [
        Group(
            GroupSpec(variant.numbers[first::count], variant.intervals), program, fixed, state, best
        )
        for first in range(count)
        for variant in variants
        if first < len(variant.numbers)
    ]
    # The default device is a matter of each thread.
    pool = threads.pool(count, lambda: _use(device))
    try:
        yield Groups(groups, pool, most, CompileLock(trim_heap))
    finally:
        pool.shutdown(cancel_futures=True)


def _variants(program: Program, state: MemberState, number: int, most: int) -> list[GroupSpec]:
    """Return the members of each variant; coarse ones need not carry the bins of fine ones."""
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
