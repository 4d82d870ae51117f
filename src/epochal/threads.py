"""How many threads may be used: by this process, and by one fit or prediction (`n_jobs`).

All pools of threads ask here: those of Python through `pool`, the C kernels through
`thread_count`, and Arrow's through `limited`. How many threads these pools have changes no result.
The pools of BLAS and of XLA are left alone: sums depend on how many threads they have, and XLA's is
made once for a process, as large as the machine (or NPROC) says.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Integral
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from epochal.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARIABLE = "EPOCHAL_NATIVE_THREADS"
# What joblib gives each of its processes as its share of the cores.
SHARE = "OMP_NUM_THREADS"
_PROCESS, _CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


class ThreadCount(NamedTuple):
    """A number of threads or cores, and where it comes from."""

    number: int
    source: str


# The threads that the fit or prediction at work may use; None: as many as the process may.
_allowed: ContextVar[int | None] = ContextVar("allowed", default=None)


def number() -> int:
    """Return how many threads may work here, at least 1."""
    limit = _allowed.get()
    return of_process().number if limit is None else limit


def effective(n_jobs: object) -> int | None:
    """Return the number of threads that `n_jobs` stands for; None if there is no limit.

    As in scikit-learn -1 is all cores, and -2 all but one. None has no limit outside of joblib;
    inside it, the share of a worker, or the `n_jobs` of `joblib.parallel_config`.

    >>> effective(3), effective(-1) == available().number
    (3, True)

    Raises:
        SettingError: for 0, and for what is no whole number.
    """
    if n_jobs is None:
        return _share()
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral) or n_jobs == 0:
        raise SettingError.from_value("n_jobs", n_jobs, "an int other than 0, or None")
    jobs = int(n_jobs)
    return jobs if jobs > 0 else max(available().number + 1 + jobs, 1)


@contextmanager
def limited(n_jobs: object) -> Iterator[None]:
    """Use no more threads than `n_jobs` allows, and no more than a limit that holds already.

    Raises:
        SettingError: for 0, and for what is no whole number.
    """
    limits = [limit for limit in (effective(n_jobs), _allowed.get()) if limit is not None]
    if not limits:
        yield
        return
    token = _allowed.set(min(limits))
    try:
        with _arrow.limited(min(limits)):
            yield
    finally:
        _allowed.reset(token)


def pool(most: int, start: Callable[[], Any] = lambda: None) -> ThreadPoolExecutor:
    """Return a pool of `most` threads, or as many as may work here; `start` is called in each.

    Under a limit the threads have equal shares of it, for pools of their own.
    """
    threads, limit = max(1, min(number(), most)), _allowed.get()

    def begin() -> None:
        """Hand the thread its share: a context variable is unset in a new thread."""
        _allowed.set(None if limit is None else max(1, limit // threads))
        start()

    return ThreadPoolExecutor(threads, initializer=begin)


def kernels_may_share() -> bool:
    """Return whether the threads of the C kernels may share an operation: no limit is below their number."""
    limit = _allowed.get()
    return limit is None or limit >= thread_count().number


def of_process() -> ThreadCount:
    """Return how many threads this process may use: one for each core, or in a process of joblib its share."""
    cores = available()
    if not is_worker_process():
        return cores
    value = os.environ.get(SHARE, "")
    share = int(value) if value.isascii() and value.isdecimal() else 1
    return ThreadCount(max(1, min(share, cores.number)), "the share of a process of joblib")


def is_worker_process() -> bool:
    """Return whether joblib calls from a process that it has started."""
    return _nesting() > 0 and multiprocessing.parent_process() is not None


def _share() -> int | None:
    """Return the threads that joblib leaves to what it calls; None outside of joblib."""
    if is_worker_process():
        return of_process().number if _nesting() == 1 else 1
    if _nesting() > 0:
        return 1  # a thread among others, whose number joblib does not say
    configured = _joblib_backend()[1]
    return None if configured is None else effective(configured)


def _nesting() -> int:
    """Return how many workers of joblib are around the call: 0 outside of joblib."""
    return int(_joblib_backend()[0])


def _joblib_backend() -> tuple[int, int | None]:
    """Return the depth among workers of joblib and the configured `n_jobs`, if joblib is in use."""
    parallel = sys.modules.get("joblib.parallel")
    if parallel is None:
        return 0, None
    backend, n_jobs = parallel.get_active_backend()
    return backend.nesting_level or 0, n_jobs


class _Arrow:
    """Arrow's pool, which a process has once: the smallest limit at work counts."""

    def __init__(self) -> None:
        self.lock, self.limits = Lock(), list[int]()
        self.usual: int | None = None  # the number of threads without a limit, while there is one

    @contextmanager
    def limited(self, number: int) -> Iterator[None]:
        """Let Arrow have no more than so many threads."""
        self._change(self.limits.append, number)
        try:
            yield
        finally:
            self._change(self.limits.remove, number)

    def _change(self, change: Callable[[int], None], number: int) -> None:
        """Add a limit or take one away; then set the number of threads."""
        import pyarrow as pa

        with self.lock:
            if self.usual is None:
                self.usual = pa.cpu_count()
            change(number)
            pa.set_cpu_count(min(self.usual, *self.limits) if self.limits else self.usual)
            if not self.limits:
                self.usual = None


_arrow = _Arrow()


def available() -> ThreadCount:
    """Return the cores that this process may use: those it may run on, or a smaller CPU quota.

    A quota of two and a half cores counts as two: threads that wait for each other lose more
    when the system stops one of them than a third one adds.
    """
    if hasattr(os, "sched_getaffinity"):
        count = ThreadCount(len(os.sched_getaffinity(0)), "the CPU affinity of the process")
    else:
        count = ThreadCount(os.cpu_count() or 1, "the number of processors")
    quota = cpu_quota()
    if quota is not None and quota < count.number:
        return ThreadCount(
            max(1, int(quota)), f"the CPU quota of the control group, {quota:g} cores"
        )
    return count


def thread_count() -> ThreadCount:
    """Return how many threads share an operation: `EPOCHAL_NATIVE_THREADS`, or as many as the process may use.

    Raises:
        SettingError: if the variable is no whole number from 1 up.
    """
    value = os.environ.get(VARIABLE, "")
    if not value:
        return of_process()
    if not (value.isascii() and value.isdecimal()) or int(value) < 1:
        raise SettingError(
            f"the environment variable {VARIABLE} is {value!r}", "a whole number from 1 up"
        )
    return ThreadCount(int(value), f"the environment variable {VARIABLE}")


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
