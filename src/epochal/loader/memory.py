"""The limit of memory that a user sets, and the allocators' handling of freed memory (glibc, Arrow)."""

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
    """The limit in bytes on what a fit takes above start-up (None: no limit), and the folder for rows on disk."""

    limit: int | None = None
    folder: str | None = None


# Of glibc's mallopt: from how many bytes on what is asked for is mapped, and unmapped when
# it is free. Its default, which by itself grows to 32 MB.
_MMAP_THRESHOLD, _MAPPED = -3, 2**17
# What glibc learns from at the most: 32 MB, whole pages and bytes of its own among them.
_LEARNT = 2**25 - 2**16
NO_LIMIT = Memory()


def _glibc(name: str, *arguments: int) -> None:
    """Call one of glibc's settings of memory, where there is glibc."""
    with contextlib.suppress(OSError, AttributeError):
        getattr(ctypes.CDLL(None), name)(*arguments)


def trim_heap() -> None:
    """Give memory that is free, but kept by the allocator, back to the system."""
    _glibc("malloc_trim", 0)


def return_freed_memory() -> None:
    """Make this process give memory back to the system as soon as it is free.

    What allocators keep for the next time counts as used: while a table of 100
    columns is read and encoded, as much again as is needed. Where the system's
    allocator has no such setting, nothing changes. To be called before Arrow is
    loaded: much of what it does takes its memory from where it then decided to.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    _glibc("mallopt", _MMAP_THRESHOLD, _MAPPED)


@cache
def retain_freed_memory() -> None:
    """Make this process keep up to 64 MB of what it frees, where glibc has not been told otherwise.

    By itself glibc gives memory back as soon as twice the largest piece that was ever mapped
    and freed lies idle. Pages that come back have to be cleared by the system, which short
    fits notice (docs/PERFORMANCE.md). This piece is freed untouched, and takes no memory.
    """
    # Only here: what says how to call the program is to be there at once.
    import numpy as np

    np.empty(_LEARNT, np.uint8)


def size_of(value: object, name: str) -> int:
    """Return a number of bytes, as such or as a text with a unit.

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
