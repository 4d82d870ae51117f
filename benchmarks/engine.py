"""Time the parts of a training step, for docs/PERFORMANCE.md. `python benchmarks/engine.py`.

Members one after another against groups of them side by side, and operations by XLA
as formulas, by XLA in the order that suits a CPU, and in C, in turn; the figures are
medians of several rounds.
"""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import NamedTuple
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np

import machine
import pages
from epochal import threads
from epochal.config.presets import PRESETS
from epochal.config.settings import validated
from epochal.kernels.xla_cpu import CPU
from epochal.loader.batches import ArraySource, Epochs
from epochal.nn.backend import PLAIN, Backend
from epochal.training import parallel, step
from epochal.training.init import fresh_state, member_configs, program_for
from epochal.training.step import Segment

ROUNDS = 9
# What is compared at one member: the times, and how much faster the last is than the others.
WAYS = ("as formulas, µs", "in order, µs", "in C, µs", "faster than formulas", "than in order")
MEMBERS = 8


class Shape(NamedTuple):
    """A network, and what it trains on."""

    sizes: tuple[int, ...]
    batch_size: int
    batches: int


GROUPED = (
    Shape((108, 128, 128, 2), 256, 60),
    Shape((54, 100, 7), 200, 100),
    Shape((54, 256, 256, 7), 256, 30),
)
SINGLE = (
    Shape((20, 32, 3), 32, 300),
    Shape((54, 100, 7), 200, 100),
    Shape((108, 128, 128, 2), 256, 60),
    Shape((54, 256, 256, 7), 256, 40),
    Shape((784, 512, 512, 10), 256, 20),
)


class Setting(NamedTuple):
    """A network to train, members of it, in how many groups, and how to multiply."""

    shape: Shape
    members: int
    threads: int
    kernels: Backend | None = None  # as a training chooses them


def microseconds(of: Setting) -> float:
    """Return the time of one member's step: of a compiled segment, the median of three runs."""
    random = np.random.default_rng(0)
    rows = of.shape.batches * of.shape.batch_size
    x = random.normal(size=(rows, of.shape.sizes[0])).astype(np.float32)
    y = random.integers(of.shape.sizes[-1], size=rows).astype(np.int32)
    values = {
        "n_estimators": of.members,
        "hidden_layer_sizes": tuple(of.shape.sizes[1:-1]),
        "batch_size": of.shape.batch_size,
        "solver": "adam",
        "learning_rate_init": 1e-3,
        "dropout": 0.1,
    }
    settings = validated(PRESETS["classic"], values)
    program = program_for(settings, masked=False)
    ones = np.ones((of.members, rows), np.float32)
    epochs = Epochs(ArraySource(x), y, lambda some: ones[:, : len(some)], of.shape.batch_size, 0)
    host = next(epochs.stream(0, 1))
    segment = Segment(
        x=jnp.asarray(host.x),
        y=jnp.asarray(host.y),
        counts=jnp.asarray(host.counts),
        factors=jnp.ones(len(host.counts), jnp.float32),
        batches=jnp.int32(host.batches),
    )
    state = fresh_state(settings, program, of.shape.sizes, None, 0)
    active = np.ones(of.members, bool)
    chosen = step.kernels_for
    # Programs that have been compiled know nothing of other kernels.
    jax.clear_caches()
    with (
        patch.object(threads, "number", lambda: of.threads),
        patch.object(step, "kernels_for", lambda program: of.kernels or chosen(program)),
        parallel.grouped(program, member_configs(settings, 0), state, state.layers) as everybody,
    ):

        def seconds() -> float:
            """Train on the segment."""
            began = time.perf_counter()
            everybody.start(lambda group: group.train(segment, host.weights, active))()
            return time.perf_counter() - began

        seconds()
        return median(seconds() for _ in range(3)) / of.shape.batches / of.members * 1e6


def compared(*settings: Setting) -> tuple[str, ...]:
    """Return the median times of settings, and how much faster the last is than each other one, as texts."""
    rounds = [[microseconds(setting) for setting in settings] for _ in range(ROUNDS)]
    times = [median(column) for column in zip(*rounds, strict=True)]
    faster = [median(row[i] / row[-1] for row in rounds) for i in range(len(settings) - 1)]
    return *(f"{time:,.0f}" for time in times), *(f"{ratio:.2f}" for ratio in faster)


def _show(sides: tuple[str, ...], found: list[tuple[Shape, tuple[str, ...]]]) -> None:
    """Print what was found at each shape as a table."""
    lines = [
        ("→".join(map(str, shape.sizes)), str(shape.batch_size), *texts) for shape, texts in found
    ]
    print(pages.table(("network", "batch", *sides), lines) + "\n")


def main() -> int:
    """Print the tables; return the exit code."""
    print(machine.line() + "\n")
    count = threads.number()
    found = [
        (shape, compared(*(Setting(shape, MEMBERS, size) for size in (1, count))))
        for shape in GROUPED
    ]
    _show(("one group, µs", f"{count} groups, µs", "times faster"), found)
    found = [
        (shape, compared(*(Setting(shape, 1, 1, kernels) for kernels in (PLAIN, CPU, None))))
        for shape in SINGLE
    ]
    _show(WAYS, found)
    found = [
        (shape, compared(*(Setting(shape, MEMBERS, count, kernels) for kernels in (CPU, None))))
        for shape in GROUPED
    ]
    _show((WAYS[1], WAYS[2], "times faster"), found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
