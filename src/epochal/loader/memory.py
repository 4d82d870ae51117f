"""How much memory there is, and what it is for."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from dataclasses import dataclass, replace
from functools import cache

from epochal.errors import SettingError

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {f"{unit}B": size for unit, size in UNITS.items()}
UNITS |= {f"{unit}I": 2**power for unit, power in zip("KMGT", (10, 20, 30, 40), strict=True)}
UNITS |= {f"{unit}IB": UNITS[f"{unit}I"] for unit in "KMGT"}

EXPECTED = "a number of bytes, or a text such as '500MB', '2GB' or '1.5GiB'"
# What reading, encoding and compiling a program take by themselves.
FIXED = 250 * 10**6
# What must be left for rows.
LEAST = 100 * 10**6
# Without a limit, rows that are encoded for nothing but to judge take this much at the most.
VALIDATION_BYTES = 2**28
# Rows gathered at a time: large enough that the hand-over to the program is nothing beside its
# work, and less than glibc gives back when it is freed (docs/PERFORMANCE.md).
SEGMENT_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Memory:
    """A limit in bytes on what a fit needs (None: there is none), and the folder for what is beyond."""

    limit: int | None = None
    folder: str | None = None
    taken: int = FIXED  # bytes that are not for rows

    def manage_heap(self) -> None:
        """Give back what allocators have kept, if memory is limited; if not, have them keep it."""
        if self.limit is not None:
            _glibc("malloc_trim", 0)
        else:
            retain_freed_memory()

    def reserve(self, networks: int, known: int = 0) -> Memory:
        """Return the memory that is left beside networks, and what is known of rows, of so many bytes.

        Raises:
            SettingError: if that is too little.
        """
        left = replace(self, taken=FIXED + networks + known)
        if self.limit is not None and left.free < LEAST:
            needed = -(-(left.taken + LEAST) // 10**7) * 10
            raise SettingError(
                f"memory_limit (--memory) is {self.limit / 1e6:g} MB",
                f"at least {needed} MB for these networks"
                + (f" and the labels and weights of rows ({known / 1e6:,.0f} MB)" if known else ""),
                "fewer members, fewer bins or the preset classic need less",
            )
        return left

    @property
    def free(self) -> int:
        """Bytes of the limit that rows may take."""
        return (self.limit or 0) - self.taken

    @property
    def shares(self) -> tuple[float, int, int]:
        """All that decides where rows are and which of them judge."""
        return self.resident, self.buffer, self.validation

    @property
    def resident(self) -> float:
        """Bytes of encoded rows up to which all of them stay in memory."""
        return float("inf") if self.limit is None else 0.5 * self.free

    @property
    def buffer(self) -> int:
        """Bytes of encoded rows that are in memory together, of those that do not stay there."""
        return self.free // 4

    @property
    def validation(self) -> int:
        """Bytes of rows that are encoded for nothing but to judge members."""
        return VALIDATION_BYTES if self.limit is None else self.free // 8

    @property
    def segment(self) -> int:
        """Bytes of rows that are handed over to the device at a time; three of them are there."""
        return SEGMENT_BYTES if self.limit is None else min(self.free // 16, SEGMENT_BYTES)


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
