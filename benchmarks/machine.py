"""What machine this is, and how fast it multiplies matrices: the yardstick of the benchmarks."""

from __future__ import annotations

import os
import platform
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PACKAGES = ("epochal", "jax", "numpy", "scikit-learn", "scipy")
# Instruction sets by what they do for matrix products, the best first.
VECTORS = (("amx_tile", "AMX"), ("avx512f", "AVX-512"), ("avx2", "AVX2"), ("avx", "AVX"))


def description() -> dict[str, Any]:
    """Return processor, cores, load, versions and date, JSON-ready."""
    cpu = _processor()
    return {
        "processor": cpu.get("model name", platform.processor() or platform.machine()),
        "vectors": _widest(cpu.get("flags", "").split()),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "device": device(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide."""
    return {name: version(name) for name in PACKAGES}


def device() -> str:
    """Return the kind of what programs run on: `cpu`, or the name of a GPU."""
    return str(jax.devices()[0].device_kind)


def line() -> str:
    """Return processor, vectors, cores and date, or GPU and date, as they stand in a page."""
    of = description()
    if of["device"] != "cpu":
        return f"{of['device']}; {of['date']}."
    return f"{of['processor']} ({of['vectors']}), {of['cores']} cores; {of['date']}."


def _processor() -> dict[str, str]:
    """Return what Linux says of the first core; nothing elsewhere."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _widest(flags: list[str]) -> str:
    """Return the name of the widest vector instructions.

    >>> _widest(["sse", "avx", "avx2"])
    'AVX2'
    """
    return next((name for flag, name in VECTORS if flag in flags), "unknown")


def seconds_of(call: Callable[[], Any]) -> float:
    """Return how long a call takes; that it ends at the epoch limit is meant, and not told."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        began = time.perf_counter()
        call()
        return time.perf_counter() - began


def busy_seconds() -> tuple[float, float]:
    """Return processor seconds so far: of the whole machine, and of this process.

    Both are 0 where the system does not tell.
    """
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0, 0.0
    user, nice, system, _, _, irq, soft_irq, steal = map(
        int, path.read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]
    )
    ticks = user + nice + system + irq + soft_irq + steal
    return ticks / os.sysconf("SC_CLK_TCK"), time.process_time()


def others_share(before: tuple[float, float], after: tuple[float, float], seconds: float) -> float:
    """Return which share of the processor was taken by others, between two `busy_seconds`.

    >>> others_share((10.0, 1.0), (14.0, 4.5), seconds=1.0 / len(os.sched_getaffinity(0)))
    0.5
    """
    everyone, own = (late - early for early, late in zip(before, after, strict=True))
    return max(everyone - own, 0.0) / (seconds * len(os.sched_getaffinity(0)))


def jax_product_rate(side: int = 2048, tries: int = 3) -> float:
    """Return GFLOP/s of one large float32 product in JAX, compiled: the best of some tries."""
    matrix = jnp.asarray(_matrix(side))
    product = jax.jit(jnp.matmul)
    return _rate(lambda: product(matrix, matrix).block_until_ready(), side, tries)


def numpy_product_rate(side: int = 2048, tries: int = 3) -> float:
    """Return GFLOP/s of the same product in NumPy, which scikit-learn computes with."""
    matrix = _matrix(side)
    return _rate(lambda: matrix @ matrix, side, tries)


def _matrix(side: int) -> np.ndarray:
    """Return a square matrix of standard normal numbers, float32."""
    return np.random.default_rng(0).standard_normal((side, side), np.float32)


def _rate(product: Callable[[], Any], side: int, tries: int) -> float:
    """Return GFLOP/s of a product of square matrices, after one call that warms up."""
    return 2.0 * side**3 / _least(product, tries) / 1e9


def products_of(sizes: Sequence[int], rows: int) -> list[tuple[int, int, int]]:
    """Return the matrix products of one training step, as rows, inner side and columns.

    For each layer the forward product, the gradient of its weights, and that of its inputs,
    which the first layer does not need.

    >>> products_of((2, 3, 5), 10)
    [(10, 2, 3), (2, 10, 3), (10, 3, 5), (3, 10, 5), (10, 5, 3)]
    """
    found = []
    for depth, (inputs, outputs) in enumerate(pairwise(sizes)):
        found += [(rows, inputs, outputs), (inputs, rows, outputs)]
        found += [(rows, outputs, inputs)] if depth else []
    return found


def products_seconds(sizes: Sequence[int], rows: int) -> dict[str, float]:
    """Return what the products of one step take by themselves, nothing else done, in seconds.

    `jax` and `numpy` are sums over the products, each at its own shape, with all cores; `least`
    is the sum of the faster one of each. `beside` is what one step takes in NumPy when
    every core does steps of its own.
    """
    shapes = products_of(sizes, rows)
    jax_, numpy_ = ([take(*shape) for shape in shapes] for take in (_jax_seconds, _numpy_seconds))
    return {
        "jax": sum(jax_),
        "numpy": sum(numpy_),
        "least": sum(map(min, jax_, numpy_)),
        "beside": _beside_seconds(shapes),
    }


def _repeats(rows: int, inner: int, columns: int) -> int:
    """Return how many products take some hundredths of a second; of small ones the calls do."""
    return min(max(int(1e9 / (rows * inner * columns)), 1), 20_000)


def _matrices(rows: int, inner: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two matrices to multiply, of standard normal numbers, float32."""
    random = np.random.default_rng(0)
    left, right = (random.standard_normal(s, np.float32) for s in ((rows, inner), (inner, columns)))
    return left, right


def _jax_seconds(rows: int, inner: int, columns: int) -> float:
    """Return what one product takes within a compiled loop, the least of some tries."""
    repeats = _repeats(rows, inner, columns)

    @jax.jit
    def loop(left: Any, right: Any) -> Any:
        """Multiply again and again; each product needs a number of the one before."""

        def again(_: Any, left: Any) -> Any:
            return left.at[0, 0].add(1e-6 * (left @ right)[0, 0])

        return lax.fori_loop(0, repeats, again, left)

    arguments = [jnp.asarray(matrix) for matrix in _matrices(rows, inner, columns)]
    return _least(lambda: loop(*arguments).block_until_ready()) / repeats


def _numpy_seconds(rows: int, inner: int, columns: int) -> float:
    """Return the same in NumPy, which writes the product to where the last one was."""
    repeats, (left, right) = _repeats(rows, inner, columns), _matrices(rows, inner, columns)
    there = np.empty((rows, columns), np.float32)

    def loop() -> None:
        """Multiply again and again."""
        for _ in range(repeats):
            np.dot(left, right, out=there)

    return _least(loop) / repeats


def _beside_seconds(shapes: Sequence[tuple[int, int, int]]) -> float:
    """Return what the products of a step take, over the steps that all cores do at once."""
    cores = len(os.sched_getaffinity(0))
    work = sum(2 * rows * inner * columns for rows, inner, columns in shapes)
    repeats = min(max(int(4e9 / work), 1), 20_000)

    def steps(own: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
        """Do one core's steps."""
        for _ in range(repeats):
            for left, right, there in own:
                np.dot(left, right, out=there)

    matrices = [_matrices(*shape) for shape in shapes]
    of_cores = [[(a.copy(), b.copy(), a @ b) for a, b in matrices] for _ in range(cores)]
    with threadpool_limits(1), ThreadPoolExecutor(cores) as pool:
        return _least(lambda: list(pool.map(steps, of_cores))) / repeats / cores


def _least(call: Callable[[], Any], tries: int = 5) -> float:
    """Return the least of the seconds that a call takes, after one that warms up."""
    call()
    return min(seconds_of(call) for _ in range(tries))
