"""Shares of the peak of each instruction set: products, and whole epochs. `python benchmarks/roofline.py`.

The peak is that of a loop of nothing but fused multiply-adds, for as many cores. Products of a layer are timed by
themselves, with their numbers in the caches; epochs are those of a fit. Instruction sets take turns within a round.
All figures are the best of the rounds, because others use the machine too. `roofline.c` is compiled with the kernels.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import tempfile
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import machine
import pages
from epochal import EpochalClassifier, threads
from epochal.kernels.ffi import INPUTS, OUTPUTS, Operations
from epochal.kernels.library import instruction_sets, load, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from epochal.records import EpochEvent

HERE = Path(__file__).parent
VECTORS = {"avx2": 0, "avx512": 1}  # the argument of `roofline_peak`
ROUNDS = 5
EPOCHS, CONSECUTIVE = 10, 3  # of a fit; of these the time is taken
KINDS = ("forward", "gradient of inputs", "gradient of weights")
WITH_ADAM = "with Adam"  # the gradient of weights and a step of Adam with it, as in a training
WIDE = 128  # rows of more columns are put into panels, as in `kernels/network.py`


class Shape(NamedTuple):
    """A network, and what it trains on."""

    sizes: tuple[int, ...]
    batch_size: int
    rows: int
    activation: str = "relu"
    input_dropout: float = 0.0
    dropout: float = 0.0

    @property
    def name(self) -> str:
        """The widths, and what is not as usual."""
        more = [self.activation] * (self.activation != "relu")
        more += ["dropout"] * (self.dropout > 0) + ["input dropout"] * (self.input_dropout > 0)
        return ", ".join(["→".join(map(str, self.sizes)), *more])

    @property
    def multiplications(self) -> int:
        """Multiply-adds of an epoch's products.

        >>> Shape((2, 3, 5), 1, 10).multiplications
        570
        """
        products = machine.products_of(self.sizes, self.batch_size)
        return sum(a * b * c for a, b, c in products) * self.rows // self.batch_size


SHAPES = (
    Shape((54, 256, 256, 7), 256, 51_200),
    Shape((300, 384, 384, 3), 512, 30_720),
    Shape((784, 512, 512, 10), 256, 15_360),
    Shape((784, 1024, 1024, 10), 1000, 10_000),
)
UNITS = tuple(
    Shape((784, 512, 512, 10), 256, 15_360, name, 0.1, dropout)
    for name, dropout in (("relu", 0.0), ("silu", 0.0), ("silu", 0.1), ("tanh", 0.0), ("selu", 0.0))
)


@cache
def compiled_loops() -> Any:
    """Return the kernels with `roofline.c`, compiled, as a library."""
    sys.path.insert(0, str(HERE.parent / "tools"))
    from compile_kernels import SOURCES, compiled

    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder, "roofline.so")
        problem = compiled(built, str(HERE / "roofline.c"), f"-I{SOURCES}")
        if problem:
            raise SystemExit(problem)
        library = ctypes.CDLL(str(built))
    library.roofline_peak.restype = library.roofline_product.restype = ctypes.c_double
    return library


def peaks(names: Sequence[str], cores: int, rounds: int) -> dict[str, float]:
    """Return the multiply-adds per second of the loops of each instruction set: the best round, times the cores."""
    library = compiled_loops()
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            library.epochal_load(name.encode(), threads.number())
            wide = VECTORS[name]
            found[name].append(library.roofline_peak(wide, ctypes.c_long(3_000_000)))
    return {name: cores * max(rates) for name, rates in found.items()}


def at_line(numbers: np.ndarray) -> ctypes.c_void_p:
    """Return the address of the first number that begins a cache line."""
    return ctypes.c_void_p((numbers.ctypes.data + 63) // 64 * 64)


def product_shares(
    sides: tuple[int, int, int], cores: int, peak: dict[str, float], rounds: int
) -> dict[str, list[float]]:
    """Return which share of the peak the products of a layer reach, by instruction set.

    Args:
        sides: rows of a batch, inputs and outputs.
        cores: how many threads share a product.
        peak: the result of `peaks`.
        rounds: how often the instruction sets take turns.
    """
    library = compiled_loops()
    rows, inputs, outputs = sides
    numbers = np.random.default_rng(0).standard_normal(
        rows * (inputs + outputs)
        + inputs * outputs
        + max(rows, inputs) * max(inputs, outputs)
        + 16,
        np.float32,
    )
    start = at_line(numbers)
    work = rows * inputs * outputs
    with_adam = adam_loop(sides, parallel=cores > 1)

    def seconds(name: str) -> list[float]:
        """Return the seconds of each product with an instruction set."""
        repeats = max(3, int(peak[name] * 3e-3 / work))
        for each in (library, opened().library):
            each.epochal_load(name.encode(), threads.number())
        found = [
            library.roofline_product(
                kind, *map(ctypes.c_long, sides), int(inputs > WIDE), cores, repeats, start
            )
            for kind in range(len(KINDS))
        ]
        many = 10 * repeats  # so that copying the state before the first step does not count
        return [*found, machine.seconds_of(lambda: with_adam(many)) / many]

    turns = [[seconds(name) for name in peak] for _ in range(rounds + 1)]
    least = [map(min, zip(*times, strict=True)) for times in zip(*turns[1:], strict=True)]
    return {
        name: [work / rate / each for each in times]
        for (name, rate), times in zip(peak.items(), least, strict=True)
    }


def adam_loop(sides: tuple[int, int, int], *, parallel: bool) -> Callable[[int], None]:
    """Return a function that computes a gradient of weights so often, each time with a step of Adam."""
    load()
    rows, inputs, outputs = sides
    operations = Operations(parallel=parallel)
    panels = OUTPUTS | INPUTS * (inputs > WIDE)
    random = np.random.default_rng(0)
    x, gradient, first = (
        jnp.asarray(random.standard_normal(shape, np.float32))
        for shape in ((rows, inputs), (rows, outputs), (inputs, outputs))
    )
    state = first, jnp.zeros_like(first), jnp.ones_like(first)
    constants = jnp.asarray([0.9, 0.999, 1e-8, 0.1, 0.001, 1e-9, 0.0], jnp.float32)

    @jax.jit
    def loop(repeats: Any, x: Any, gradient: Any, state: Any) -> Any:
        """Return weights and moments after so many steps."""

        def again(_: Any, state: Any) -> Any:
            step = operations.fused_adam(
                x, gradient, *state, constants, wanted=False, panels=panels
            )
            return step[:3]

        return jax.lax.fori_loop(0, repeats, again, state)

    def run(repeats: int) -> None:
        """Take the steps."""
        jax.block_until_ready(loop(jnp.int32(repeats), x, gradient, state))

    return run


def fitted(shape: Shape, epochs: int) -> list[EpochEvent]:
    """Train one network on made rows; return the events of its epochs."""
    random = np.random.default_rng(0)
    x = random.standard_normal((shape.rows, shape.sizes[0]), np.float32)
    y = random.integers(shape.sizes[-1], size=shape.rows)
    events: list[EpochEvent] = []
    model = EpochalClassifier(
        preset="classic",
        hidden_layer_sizes=shape.sizes[1:-1],
        activation=shape.activation,
        dropout=shape.dropout,
        input_dropout=shape.input_dropout,
        batch_size=shape.batch_size,
        learning_rate_init=1e-3,
        n_estimators=1,
        max_iter=epochs,
        solver="adam",
        l2=0.0,
        early_stopping=False,
        random_state=0,
        callbacks=[events.append],
    )
    machine.seconds_of(lambda: model.fit(x, y))
    return events


def epoch_seconds(shape: Shape) -> float:
    """Return the seconds of an epoch of a fit: of some consecutive ones, the fastest after the first."""
    events = fitted(shape, EPOCHS)
    spans = zip(events, events[CONSECUTIVE:], strict=False)
    return min(later.seconds - earlier.seconds for earlier, later in spans) / CONSECUTIVE


def epoch_shares(shape: Shape, names: Sequence[str], rounds: int) -> dict[str, float]:
    """Return which share of the peak on all cores whole epochs reach, by instruction set."""
    library = opened().library
    seconds = dict.fromkeys(names, float("inf"))
    peak = dict.fromkeys(names, 0.0)
    for _ in range(rounds):
        for name in names:
            library.epochal_load(name.encode(), threads.number())
            seconds[name] = min(seconds[name], epoch_seconds(shape))
            peak[name] = max(peak[name], *peaks([name], threads.number(), 3).values())
    return {name: shape.multiplications / seconds[name] / peak[name] for name in names}


def usable() -> list[str]:
    """Return the instruction sets that are compared."""
    library = opened().library
    if library is None:
        raise SystemExit("the operations in C are not in use")
    return [name for name in instruction_sets(library) if name in VECTORS]


def _percent(*shares: float) -> tuple[str, ...]:
    """Return shares as texts."""
    return tuple(f"{share:.0%}" for share in shares)


def print_products(rounds: int) -> None:
    """Print the peaks and the shares of products, on one core and on all."""
    names = usable()
    for cores in sorted({1, threads.number()}):
        peak = peaks(names, cores, rounds)
        rates = ", ".join(f"{name} {2 * rate / 1e9:,.0f} GFLOP/s" for name, rate in peak.items())
        print(f"{cores} threads: {rates}\n")
        lines = []
        for shape in SHAPES:
            for inputs, outputs in list(pairwise(shape.sizes))[:-1]:
                shares = product_shares((shape.batch_size, inputs, outputs), cores, peak, rounds)
                sides = f"{shape.batch_size} × {inputs} × {outputs}"
                lines += [(sides, name, *_percent(*of)) for name, of in shares.items()]
        print(pages.table(("product", "with", *KINDS, WITH_ADAM), lines) + "\n")


def print_epochs(shapes: Sequence[Shape], rounds: int) -> None:
    """Print the shares of whole epochs."""
    names = usable()
    lines = []
    for shape in shapes:
        shares = epoch_shares(shape, names, rounds)
        lines.append((shape.name, str(shape.batch_size), *_percent(*shares.values())))
    print(pages.table(("epochs", "batch", *names), lines) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each takes its turn")
    parser.add_argument("--parts", default="products,epochs,units", help="by comma")
    arguments = parser.parse_args(argv)
    print(machine.line() + "\n")
    parts = arguments.parts.split(",")
    if "products" in parts:
        print_products(arguments.rounds)
    if "epochs" in parts:
        print_epochs(SHAPES, arguments.rounds)
    if "units" in parts:
        print_epochs(UNITS, arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
