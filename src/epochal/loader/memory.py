"""The user's memory limit, and how the allocators (glibc, Arrow) handle freed memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from dataclasses import dataclass
from functools import cache

from epochal.errors import SettingError

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {f"{unit}B": size for unit, size in UNITS.items()}
UNITS |= {f"{unit}I": 2**power for unit, power in zip("KMGT", (10, 20, 30, 40), strict=True)}
UNITS |= {f"{unit}IB": UNITS[f"{unit}I"] for unit in "KMGT"}

EXPECTED = "a number of bytes, or a text such as '500MB', '2GB' or '1.5GiB'"


@dataclass(frozen=True)
class Memory:
    """The limit in bytes of a fit above start-up (None: no limit), and the folder for rows on disk."""

    limit: int | None = None
    folder: str | None = None


# Of glibc's mallopt: the size from which memory is mapped, and unmapped when it is freed. This is the
# default, which glibc otherwise raises up to 32 MB.
_MMAP_THRESHOLD, _MAPPED = -3, 2**17
# The largest freed size that raises glibc's thresholds: 32 MB, with page rounding and its header.
_RAISING = 2**25 - 2**16
NO_LIMIT = Memory()


def _glibc(name: str, *arguments: int) -> None:
    """Call a memory function of glibc, if there is glibc."""
    with contextlib.suppress(OSError, AttributeError):
        getattr(ctypes.CDLL(None), name)(*arguments)


def trim_heap() -> None:
    """Return free memory that the allocator holds to the system."""
    _glibc("malloc_trim", 0)


def return_freed_memory() -> None:
    """Make this process return memory to the system as soon as it is freed.

    Freed memory that allocators retain counts as used: while a table of 100 columns is read and encoded,
    it is as much again as is needed. If the system's allocator has no such setting, nothing changes.
    Call this before Arrow is loaded, since Arrow chooses its memory pool then.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    _glibc("mallopt", _MMAP_THRESHOLD, _MAPPED)


@cache
def retain_freed_memory() -> None:
    """Make this process retain up to 64 MB of freed memory, unless glibc is configured otherwise.

    By default glibc returns memory as soon as twice the largest size that was ever mapped and freed is
    idle. The system must clear the pages that it hands out again, which slows short fits
    (docs/PERFORMANCE.md). The array here is never written to, so it takes no memory.
    """
    # Imported here, so that `epochal --help` does not load NumPy.
    import numpy as np

    np.empty(_RAISING, np.uint8)


def size_of(value: object, name: str) -> int:
    """Return the number of bytes of a number, or of a text with a unit.

    >>> size_of("1.5 GB", "memory_limit"), size_of("512MiB", "memory_limit")
    (1500000000, 536870912)

    Raises:
        SettingError: for anything else.
    """
    size = value
    if isinstance(value, str):
        parts = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([A-Za-z]*)\s*", value)
        unit = UNITS.get(parts[2].upper()) if parts else None
        size = int(float(parts[1]) * unit) if parts and unit else None
    if isinstance(size, bool) or not isinstance(size, int) or size <= 0:
        raise SettingError(f"{name} is {value!r}", EXPECTED)
    return size
