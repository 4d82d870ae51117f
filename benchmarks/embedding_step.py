"""Time a training step with an embedding, for docs/PERFORMANCE.md. `python benchmarks/embedding_step.py`.

One member with the sizes of Adult in the default preset: 6 numbers, 7 categories with 111 levels, a plain
feature, then 105→128→128→2, 256 rows, of which one in eight has the weight 0. The embedding by XLA and in
C, with these rows and without, and with the rows of a level multiplied once; in turn in one process, and
the same network without an embedding. The figures are the least of several rounds.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np

import machine
import pages
from epochal.kernels.embedding import repeats_of
from epochal.kernels.library import load
from epochal.kernels.network import c_backend
from epochal.nn.embedding import initial_embedding
from epochal.nn.layers import initial
from epochal.preprocessing.feature_layout import EmbeddingSizes
from epochal.training import step as step_module
from epochal.training.optimizers import Hyper, fresh_moments
from epochal.training.step import MemberConfig, MemberState, Program, Segment, run

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS, BATCH, BATCHES = 15, 256, 58
SIZE, COARSE, FINE = 8, 65, 515
LEVELS = (9, 16, 7, 15, 6, 5, 53)
SIZES = EmbeddingSizes(
    numbers=6, coarse=COARSE, intervals=FINE, plain=1, categories=len(LEVELS), levels=sum(LEVELS)
)
PROGRAM = Program("relu", "cross_entropy", "adam", BATCH, dropout=True, masked=False)


class Variant(NamedTuple):
    """What is timed: a variant of members, or no embedding; and by what the embedding is computed."""

    member: str
    bins: int  # 0: no embedding
    in_c: bool
    all_rows: bool = False  # whether rows of weight 0 are computed
    once: bool = False  # whether the rows of a level are multiplied once

    @property
    def name(self) -> str:
        """The words of the table."""
        rows = "all rows" if self.all_rows else "rows in use"
        rows += ", levels once" if self.once else ""
        if not self.bins:
            return f"without an embedding, {rows}"
        return f"{self.member}, {'in C' if self.in_c else 'by XLA'}, {rows}"


VARIANTS = (
    Variant("coarse", COARSE, in_c=False, all_rows=True),
    Variant("coarse", COARSE, in_c=True, all_rows=True),
    Variant("coarse", COARSE, in_c=True),
    Variant("coarse", COARSE, in_c=True, once=True),
    Variant("fine", FINE, in_c=False, all_rows=True),
    Variant("fine", FINE, in_c=True, all_rows=True),
    Variant("fine", FINE, in_c=True),
    Variant("fine", FINE, in_c=True, once=True),
    Variant("", 0, in_c=True, all_rows=True),
    Variant("", 0, in_c=True),
)


def rows_for(variant: Variant, random: np.random.Generator) -> np.ndarray:
    """Return encoded rows of a segment."""
    rows = BATCH * BATCHES
    if not variant.bins:
        return random.normal(size=(rows, SIZES.inputs(SIZE))).astype(np.float32)
    parts = (
        random.normal(size=(rows, SIZES.numbers + SIZES.plain)),
        random.uniform(0, COARSE, (rows, SIZES.numbers)),
        random.uniform(0, variant.bins, (rows, SIZES.numbers)),
        random.integers(LEVELS, size=(rows, len(LEVELS))) + np.cumsum((0, *LEVELS[:-1])),
    )
    return np.concatenate(parts, axis=1).astype(np.float32)


def segment_of(variant: Variant) -> Callable[[], float]:
    """Return a function that trains on a segment, and returns the microseconds of a step."""
    random = np.random.default_rng(0)
    x = rows_for(variant, random)
    layers: tuple[Any, ...] = initial((SIZES.inputs(SIZE), 128, 128, 2), "relu", seed=0, member=0)
    if variant.bins:
        sizes = SIZES._replace(intervals=variant.bins)
        embedding = initial_embedding(sizes, SIZE, seed=0, member=0, fine=variant.bins == FINE)
        layers = (embedding, *layers)
    y = random.integers(2, size=len(x)).astype(np.int32)
    counts = np.full(BATCHES, BATCH, np.float32)
    segment = Segment(x, y, counts, np.ones(BATCHES, np.float32), np.int32(BATCHES))
    config = MemberConfig(Hyper(*map(jnp.float32, (1e-3, 0, 0.01, 0.1, 0))), jnp.uint32(9))
    state = MemberState(layers, fresh_moments(layers, "adam"), jnp.int32(0))
    weights = (random.integers(8, size=len(x)) > 0).astype(np.float32)
    backend = c_backend(parallel=False)
    if variant.all_rows:
        backend = backend._replace(used_rows=None)
    if not variant.in_c:
        backend = backend._replace(embed=None)
    arguments = state, segment, weights, np.True_
    program = jax.jit(partial(run, PROGRAM, config))
    repeats = repeats_of if variant.once else lambda *_: None
    with (
        patch.object(step_module, "kernels_for", lambda _: backend),
        patch("epochal.kernels.network.repeats_of", repeats),
    ):
        compiled = program.lower(*arguments).compile()

    def microseconds() -> float:
        """Train, and return the time of a step."""
        began = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        return (time.perf_counter() - began) / BATCHES * 1e6

    return microseconds


def main() -> int:
    """Print the table; return the exit code."""
    if not load().instruction_set:
        print("the operations in C are not in use", file=sys.stderr)
        return 1
    print(machine.line() + "\n")
    segments = [segment_of(variant) for variant in VARIANTS]
    rounds = [[segment() for segment in segments] for _ in range(ROUNDS)]
    least = [min(column) for column in zip(*rounds, strict=True)]
    lines = [(variant.name, f"{time:,.0f}") for variant, time in zip(VARIANTS, least, strict=True)]
    print(pages.table(("member", "a step, µs"), lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
