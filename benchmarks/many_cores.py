"""How one network would scale to many cores, on a machine with few. `python benchmarks/many_cores.py`.

The operations are divided as for so many cores, but their parts run one after the other on one core, each timed. On as
many cores an epoch would take its seconds, less those of all parts, plus the longest part of each operation, plus a
barrier of the threads for each. That counts uneven parts, operations too small to divide, and
XLA's own work, which is not divided; it does not count that cores share a cache and memory.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

# Before the kernels are loaded: more than one, so that operations may be divided.
os.environ["EPOCHAL_NATIVE_THREADS"] = "2"

import numpy as np

import machine
import pages
from epochal.kernels import library
from roofline import Shape, fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
CORES = (1, 2, 4, 8, 16)
SHAPES = (
    Shape((54, 256, 256, 7), 256, 25_600),
    Shape((784, 512, 512, 10), 256, 10_240),
    Shape((784, 1024, 1024, 10), 1000, 8_000),
)
EPOCHS, BARRIERS = 4, 200_000


class Epoch(NamedTuple):
    """The seconds of an epoch, those of all parts of its operations, of the longest parts, and its divided operations."""

    seconds: float
    all_parts: float
    longest_parts: float
    calls: float

    def on_cores(self, barrier: float) -> float:
        """Return the seconds with a core for each part, where a barrier takes so many seconds.

        >>> Epoch(10.0, 8.0, 2.0, 100).on_cores(0.01)
        5.0
        """
        return self.seconds - self.all_parts + self.longest_parts + self.calls * barrier


def with_timed_parts() -> Any:
    """Return the kernels with timed parts, and have them used in fits."""
    sys.path.insert(0, str(HERE.parent / "tools"))
    from compile_kernels import SOURCES, compiled

    built = Path(tempfile.mkdtemp(), "operations.so")
    problem = compiled(built, f"-I{SOURCES}", pool=HERE / "many_cores.c")
    if problem:
        raise SystemExit(problem)
    library.LIBRARY = built
    library.load()
    kernels = ctypes.CDLL(str(built))
    kernels.many_cores_barrier.restype = ctypes.c_double
    return kernels


def totals(kernels: Any, shape: Shape, cores: int, epochs: int) -> Any:
    """Return what so many epochs take when operations are divided for so many cores: the fields of `Epoch`."""
    kernels.many_cores_begin(cores)
    events = fitted(shape, epochs)
    figures = np.zeros(3)
    kernels.many_cores_read(figures.ctypes.data_as(ctypes.c_void_p))
    return np.array([events[-1].seconds, *figures])


def epoch(kernels: Any, shape: Shape, cores: int) -> Epoch:
    """Return what an epoch takes when its operations are divided for so many cores, without what precedes the first."""
    more = totals(kernels, shape, cores, EPOCHS + 1) - totals(kernels, shape, cores, 1)
    return Epoch(*(more / EPOCHS).tolist())


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="of which the quickest counts")
    rounds = parser.parse_args(argv).rounds
    kernels = with_timed_parts()
    barrier = min(kernels.many_cores_barrier(2, ctypes.c_long(BARRIERS)) for _ in range(rounds))
    lines = []
    for shape in SHAPES:
        one = None
        cells = []
        for cores in CORES:
            least = min(
                epoch(kernels, shape, cores).on_cores(barrier if cores > 1 else 0.0)
                for _ in range(rounds)
            )
            one = one or least
            cells.append(f"{one / least:.1f} ({one / least / cores:.0%})")
        lines.append((shape.name, str(shape.batch_size), *cells))
    print(f"{machine.line()} A barrier of two threads takes {1e6 * barrier:.1f} µs.\n")
    print(pages.table(("network", "batch", *(f"{n} cores" for n in CORES)), lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
