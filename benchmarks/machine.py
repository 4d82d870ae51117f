"""What machine this is, and how fast it multiplies matrices: the yardstick of the benchmarks."""

from __future__ import annotations

import os
import platform
import time
import warnings
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

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
    product()
    seconds = []
    for _ in range(tries):
        began = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - began)
    return 2.0 * side**3 / min(seconds) / 1e9
