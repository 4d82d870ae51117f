"""How many processor cores this process may use, and how many threads share an operation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from epochal.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "EPOCHAL_NATIVE_THREADS"
_PROCESS, _CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


class Count(NamedTuple):
    """A number of threads or cores, and where it comes from."""

    number: int
    source: str


def cores() -> int:
    """Return the number of processor cores that this process may use, at least 1."""
    return available().number


def available() -> Count:
    """Return the cores that this process may use: those it may run on, or a smaller CPU quota.

    A quota of two and a half cores counts as two: threads that wait for each other lose more
    when the system stops one of them than a third one adds.
    """
    if hasattr(os, "sched_getaffinity"):
        count = Count(len(os.sched_getaffinity(0)), "the CPU affinity of the process")
    else:
        count = Count(os.cpu_count() or 1, "the number of processors")
    quota = cpu_quota()
    if quota is not None and quota < count.number:
        return Count(max(1, int(quota)), f"the CPU quota of the control group, {quota:g} cores")
    return count


def thread_count() -> Count:
    """Return how many threads share an operation: `EPOCHAL_NATIVE_THREADS`, or one for each core.

    Raises:
        SettingError: if the variable is no whole number from 1 up.
    """
    value = os.environ.get(VARIABLE, "")
    if not value:
        return available()
    if not (value.isascii() and value.isdecimal()) or int(value) < 1:
        raise SettingError(
            f"the environment variable {VARIABLE} is {value!r}", "a whole number from 1 up"
        )
    return Count(int(value), f"the environment variable {VARIABLE}")


def cpu_quota(process: Path = _PROCESS, cgroups: Path = _CGROUPS) -> float | None:
    """Return the cores' worth of time that control groups allow, or None if they set no limit.

    The limit of a group holds for all groups inside it, so that the smallest one counts. Inside a
    container the path may be that of the host; then the limit is at the root.

    Args:
        process: the file that names the groups of this process.
        cgroups: the folder in which control groups are mounted.
    """
    limits = [limit for group in _groups(process, cgroups) if (limit := _limit(group))]
    return min(limits, default=None)


def _groups(process: Path, cgroups: Path) -> Iterator[Path]:
    """Yield the folders of the process's groups that may limit the CPU, and of those around them."""
    try:
        lines = process.read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Version 2 has one hierarchy, and no controllers in this file; version 1 one for each.
        root = cgroups / controllers
        folder = root / path.lstrip("/")
        yield folder
        yield from (parent for parent in folder.parents if parent.is_relative_to(root))


def _limit(group: Path) -> float | None:
    """Return the limit of one group, in cores, of version 2 (`cpu.max`) or 1 (`cpu.cfs_*_us`)."""
    try:
        quota, period = (group / "cpu.max").read_text("utf-8").split()
    except (OSError, ValueError):
        try:
            quota = (group / "cpu.cfs_quota_us").read_text("utf-8").strip()
            period = (group / "cpu.cfs_period_us").read_text("utf-8").strip()
        except OSError:
            return None
    try:
        limit = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max" is no limit
        return None
    return limit if limit > 0 else None  # so is -1
