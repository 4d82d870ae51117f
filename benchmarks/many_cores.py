"""How one network would scale to many cores, on a machine with few. `python benchmarks/many_cores.py`.

The operations are divided as for so many cores, but their parts run one after the other on one core, each timed. On as
many cores an epoch would take its seconds, less those of all parts, plus the longest part of each operation, plus what
threads need to begin and end an operation together. That counts uneven parts, operations too small to divide, and
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
from epochal import EpochalClassifier
from epochal.kernels import library

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal import EpochEvent

HERE = Path(__file__).parent
CORES = (1, 2, 4, 8, 16)
# Widths, rows of a batch and of an epoch.
SHAPES = (
    ((54, 256, 256, 7), 256, 25_600),
    ((784, 512, 512, 10), 256, 10_240),
    ((784, 1024, 1024, 10), 1000, 8_000),
)
EPOCHS, MEETINGS = 4, 200_000


class Epoch(NamedTuple):
    """The seconds of an epoch, those of all parts of its operations, of the longest parts, and its divided operations."""

    seconds: float
    all_parts: float
    longest_parts: float
    calls: float

    def on_cores(self, meeting: float) -> float:
        """Return the seconds with a core for each part, where threads meet in so many seconds.

        >>> Epoch(10.0, 8.0, 2.0, 100).on_cores(0.01)
        5.0
        """
        return self.seconds - self.all_parts + self.longest_parts + self.calls * meeting


def with_timed_parts() -> Any:
    """Return the kernels with timed parts, and have them used in fits."""
    sys.path.insert(0, str(HERE.parent / "tools"))
    from compile_kernels import SOURCES, compiled

    built = Path(tempfile.mkdtemp(), "operations.so")
    problem = compiled(built, f"-I{SOURCES}", pool=HERE / "many_cores.c")
    if problem:
        raise SystemExit(problem)
    library.LIBRARY = built
    found = library.load() and ctypes.CDLL(str(built))
    found.many_cores_meeting.restype = ctypes.c_double
    return found


def totals(found: Any, shape: tuple[tuple[int, ...], int, int], cores: int, epochs: int) -> Any:
    """Return what so many epochs take when operations are divided for so many cores: the fields of `Epoch`."""
    sizes, batch_size, rows = shape
    random = np.random.default_rng(0)
    x = random.standard_normal((rows, sizes[0]), np.float32)
    y = random.integers(sizes[-1], size=rows)
    events: list[EpochEvent] = []
    model = EpochalClassifier(
        preset="classic",
        hidden_layer_sizes=sizes[1:-1],
        batch_size=batch_size,
        n_estimators=1,
        max_iter=epochs,
        solver="adam",
        l2=0.0,
        early_stopping=False,
        random_state=0,
        callbacks=[events.append],
    )
    found.many_cores_begin(cores)
    model.fit(x, y)
    figures = np.zeros(3)
    found.many_cores_read(figures.ctypes.data_as(ctypes.c_void_p))
    return np.array([events[-1].seconds, *figures])


def epoch(found: Any, shape: tuple[tuple[int, ...], int, int], cores: int) -> Epoch:
    """Return what an epoch takes when its operations are divided for so many cores, without what precedes the first."""
    more = totals(found, shape, cores, EPOCHS + 1) - totals(found, shape, cores, 1)
    return Epoch(*(more / EPOCHS).tolist())


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="of which the quickest counts")
    rounds = parser.parse_args(argv).rounds
    found = with_timed_parts()
    meeting = min(found.many_cores_meeting(2, ctypes.c_long(MEETINGS)) for _ in range(rounds))
    lines = []
    for shape in SHAPES:
        one = None
        cells = []
        for cores in CORES:
            least = min(
                epoch(found, shape, cores).on_cores(meeting if cores > 1 else 0.0)
                for _ in range(rounds)
            )
            one = one or least
            cells.append(f"{one / least:.1f} ({one / least / cores:.0%})")
        lines.append(("→".join(map(str, shape[0])), str(shape[1]), *cells))
    print(f"{machine.line()} Two threads meet in {1e6 * meeting:.1f} µs.\n")
    print(pages.table(("network", "batch", *(f"{n} cores" for n in CORES)), lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
