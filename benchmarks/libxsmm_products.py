"""Products of a layer by our kernels and by LIBXSMM, in turn on one core. `python benchmarks/libxsmm_products.py FOLDER`.

FOLDER is a build of LIBXSMM (`make STATIC=1 BLAS=0`), with its `include` and `lib`. Its batch-reduce kernels get blocks
that follow each other in memory, of the sizes that are fastest for each product; ours get panels, and add a bias and
ReLU. Beside them stands a loop of nothing but fused multiply-adds.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import machine
import pages
import roofline

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
# Rows of a batch, inputs and outputs of a layer.
SHAPES = ((256, 256, 256), (512, 384, 384), (256, 512, 512), (1024, 1024, 1024))
# Rows, inputs and outputs of a block.
BLOCKS = tuple(product((16, 32, 64), (32, 64, 128), (32, 64, 128)))
REPEATS = 20


def compiled(folder: Path) -> Any:
    """Return `libxsmm_products.c` with LIBXSMM, compiled, as a library."""
    compiler = os.environ.get("CC", "cc")
    with tempfile.TemporaryDirectory() as temporary:
        built = Path(temporary, "products.so")
        command = [compiler, "-O2", "-shared", "-fPIC", f"-I{folder / 'include'}", "-o", str(built)]
        files = [str(HERE / "libxsmm_products.c"), str(folder / "lib" / "libxsmm.a")]
        subprocess.run([*command, *files, "-lm", "-ldl", "-pthread"], check=True)
        library = ctypes.CDLL(str(built))
    library.libxsmm_product.restype = ctypes.c_double
    return library


def blocks_of(shape: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Return the blocks that divide a product without remainder.

    >>> len(blocks_of((256, 256, 256))), len(blocks_of((16, 32, 48)))
    (27, 0)
    """
    return [
        block
        for block in BLOCKS
        if not any(whole % part for whole, part in zip(shape, block, strict=True))
    ]


def rates(theirs: Any, shape: tuple[int, int, int], rounds: int) -> tuple[float, float]:
    """Return the multiply-adds per second of our product and of LIBXSMM's, each the most of some rounds."""
    ours = roofline.compiled_loops()
    rows, inputs, outputs = sides = tuple(map(ctypes.c_long, shape))
    number = sum(a.value * b.value for a, b in ((rows, inputs), (inputs, outputs), (rows, outputs)))
    memory = np.random.default_rng(0).standard_normal(2 * number + 16, np.float32)
    start = roofline.at_line(memory)
    least = [float("inf")] * 2
    for _ in range(rounds):
        seconds = ours.roofline_product(0, *sides, 1, 1, REPEATS, start)
        least[0] = min(least[0], seconds)
        for block in blocks_of(shape):
            of_block = map(ctypes.c_long, block)
            seconds = theirs.libxsmm_product(*sides, *of_block, REPEATS, start)
            least[1] = min(least[1], seconds or float("inf"))
    work = float(np.prod(shape))
    return work / least[0], work / least[1]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="of LIBXSMM")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args(argv)
    names = roofline.usable()
    library, best = roofline.compiled_loops(), names[0]
    peak = roofline.peaks([best], 1, arguments.rounds)[best]
    library.epochal_load(best.encode(), 1)
    theirs = compiled(arguments.folder)
    lines = []
    for shape in SHAPES:
        found = rates(theirs, shape, arguments.rounds)
        figures = [f"{2e-9 * rate:.0f} ({rate / peak:.0%})" for rate in found]
        lines.append((" × ".join(map(str, shape)), *figures))
    print(f"{machine.line()} The loop of multiply-adds: {2e-9 * peak:.0f} GFLOP/s.\n")
    head = (
        "product",
        "epochal, GFLOP/s (share of the loop)",
        "LIBXSMM, GFLOP/s (share of the loop)",
    )
    print(pages.table(head, lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
