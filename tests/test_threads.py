"""Threads that may be used: affinity, quotas of control groups, the environment, joblib, `n_jobs`."""

import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Lock
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
from joblib import Parallel, delayed, parallel_config

from epochal import EpochalClassifier, load, threads
from epochal.errors import SettingError
from epochal.threads import (
    ThreadCount,
    available,
    cpu_quota,
    effective,
    kernels_may_share,
    limited,
    number,
    of_process,
    pool,
    thread_count,
)


@pytest.fixture
def group(tmp_path):
    """Return a function that writes files of control groups, and gives the arguments of `cpu_quota`."""

    def written(process, files):
        """Write the file that names the groups, and the files of groups by their paths."""
        (tmp_path / "cgroup").write_text(process)
        for path, content in files.items():
            file = tmp_path / "mounted" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        return tmp_path / "cgroup", tmp_path / "mounted"

    return written


@pytest.mark.parametrize(
    ("process", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        # The group itself, and one around it that allows less.
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000\n", "a/cpu.max": "200000 100000\n"}, 2),
        # The path is one of the host, and the container has only the root.
        ("0::/host/path\n", {"cpu.max": "300000 100000\n"}, 3),
        (
            "12:memory:/m\n4:cpu,cpuacct:/x\n",
            {
                "cpu,cpuacct/x/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
            },
            2.5,
        ),
        (
            "4:cpu,cpuacct:/x\n",
            {
                "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        ("12:memory:/m\n", {"memory/m/cpu.max": "100000 100000\n"}, None),
    ],
)
def test_the_quota_is_the_smallest_of_the_groups(process, files, quota, group):
    """Of both versions of control groups, of groups inside others, and of containers."""
    assert cpu_quota(*group(process, files)) == quota


def test_without_control_groups_there_is_no_quota(tmp_path):
    """As on other systems than Linux."""
    assert cpu_quota(tmp_path / "none", tmp_path) is None


@pytest.mark.parametrize(("quota", "number"), [(None, 8), (2.5, 2), (0.3, 1), (20.0, 8)])
def test_a_quota_below_the_affinity_counts(quota, number, monkeypatch):
    """Whole cores only, but at least one."""
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(threads, "cpu_quota", lambda: quota)

    found = available()

    assert found.number == number
    assert ("quota" in found.source) == (number < 8)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_the_affinity_counts(in_new_process):
    """A process that is bound to one core has one."""
    script = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from epochal.threads import number; print(number())"
    )
    assert in_new_process(script) == "1"


def test_the_variable_wins(monkeypatch):
    """It may also name more threads than there are cores."""
    monkeypatch.setenv("EPOCHAL_NATIVE_THREADS", "77")
    assert thread_count() == ThreadCount(77, "the environment variable EPOCHAL_NATIVE_THREADS")
    monkeypatch.delenv("EPOCHAL_NATIVE_THREADS")
    assert thread_count() == available()


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "²"])
def test_a_variable_that_is_no_number_is_refused(value, monkeypatch):
    """The error names the value and the allowed values."""
    monkeypatch.setenv("EPOCHAL_NATIVE_THREADS", value)

    with pytest.raises(SettingError, match=f"{value!r}; expected a whole number from 1 up"):
        thread_count()


@pytest.fixture
def eight_cores(monkeypatch):
    """Let the process have eight cores."""
    monkeypatch.setattr(threads, "available", lambda: ThreadCount(8, "a test"))


@pytest.mark.parametrize(
    ("n_jobs", "number"), [(1, 1), (3, 3), (20, 20), (-1, 8), (-2, 7), (-8, 1), (-99, 1)]
)
def test_n_jobs_has_the_meaning_of_scikit_learn(n_jobs, number, eight_cores):
    """`n_jobs` means the same number of threads as in joblib, also below 0."""
    assert effective(n_jobs) == number
    assert effective(np.int64(n_jobs)) == number


@pytest.mark.parametrize("n_jobs", [0, 1.0, "2", True, [1]])
def test_an_invalid_n_jobs_is_refused(n_jobs):
    """The error names the variable's value and the allowed values."""
    with pytest.raises(SettingError, match="'n_jobs' parameter .* an int other than 0, or None"):
        effective(n_jobs)


def test_a_limit_holds_inside_and_the_smaller_of_two(eight_cores):
    """Threads are counted by the innermost smallest limit, and by the cores again outside."""
    assert number() == 8
    with limited(4):
        assert number() == 4
        with limited(2):
            assert number() == 2
        with limited(6), limited(None):
            assert number() == 4
    assert number() == 8
    with pytest.raises(ZeroDivisionError), limited(1):
        _ = 1 / 0
    assert number() == 8


def test_threads_of_a_pool_share_its_limit(eight_cores):
    """A pool of two under a limit of five leaves two to each of its threads; without a limit, all."""
    with limited(5), pool(2) as executor:
        assert executor.submit(number).result() == 2
    with limited(2), pool(9) as executor:
        assert executor._max_workers == 2
        assert executor.submit(number).result() == 1
    with pool(3) as executor:
        assert executor._max_workers == 3
        assert executor.submit(number).result() == 8


def test_the_pool_of_arrow_is_limited_and_restored():
    """It has the smallest limit at work, never more than its own size, and that again afterwards."""
    before = pa.cpu_count()
    pa.set_cpu_count(5)
    try:
        with limited(3):
            assert pa.cpu_count() == 3
            with limited(1):
                assert pa.cpu_count() == 1
            assert pa.cpu_count() == 3
        assert pa.cpu_count() == 5
        with limited(9):
            assert pa.cpu_count() == 5
    finally:
        pa.set_cpu_count(before)


def test_the_kernels_share_work_only_within_the_limit(monkeypatch):
    """The kernels' pool is used if the limit allows its number of threads, and not under a smaller limit."""
    monkeypatch.setenv("EPOCHAL_NATIVE_THREADS", "4")

    assert kernels_may_share()
    with limited(4):
        assert kernels_may_share()
    with limited(3):
        assert not kernels_may_share()


def seen_by_a_worker():
    """Return the threads that a fit may use here, and those of the process."""
    with limited(None):
        return number(), of_process().number


def test_a_worker_of_joblib_has_its_share(eight_cores):
    """A worker process has joblib's share of the cores, a worker thread one; a configured `n_jobs` counts."""
    with parallel_config(n_jobs=3):
        assert seen_by_a_worker() == (3, 8)
    with parallel_config(n_jobs=-2):
        assert seen_by_a_worker() == (7, 8)
    seen = Parallel(n_jobs=2, backend="threading")(delayed(seen_by_a_worker)() for _ in range(2))
    assert seen == [(1, 8)] * 2
    assert seen_by_a_worker() == (8, 8)


def test_a_process_of_joblib_has_its_share(monkeypatch):
    """Its number of threads is in the environment; there may be none, or more than there are cores."""
    monkeypatch.setattr(threads, "available", lambda: ThreadCount(8, "a test"))
    monkeypatch.setattr(threads.multiprocessing, "parent_process", lambda: "another process")
    monkeypatch.setattr(threads, "_joblib_backend", lambda: (1, None))

    for value, share in (("3", 3), ("20", 8), ("", 1), ("many", 1)):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert seen_by_a_worker() == (share, share)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert effective(5) == 5
    monkeypatch.setattr(threads, "_joblib_backend", lambda: (2, None))
    assert seen_by_a_worker() == (1, 3)


def test_processes_of_a_search_have_half_of_the_cores_each():
    """Two of joblib's processes on this machine have no more threads together than there are cores."""
    script = (
        "from joblib import Parallel, delayed\n"
        "from epochal.threads import limited, number\n"
        "def seen():\n"
        "    with limited(None): return number()\n"
        "print(Parallel(n_jobs=2)(delayed(seen)() for _ in range(2)))\n"
    )
    plain = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=plain
    )

    assert done.stdout == f"{[max(available().number // 2, 1)] * 2}\n"


# A search in two processes, each on the same two cores; while they train, files name them.
SEARCH = """
import os, sys
from pathlib import Path
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
import numpy as np
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV
from epochal import EpochalClassifier

class Named:
    def __init__(self, folder):
        self.folder = folder
    def __call__(self, event):
        name = Path(self.folder) / str(os.getpid())
        if event.epoch == 2:
            name.touch()
        if event.epoch == event.max_iter:
            name.unlink()

x = np.random.default_rng(0).normal(size=(6000, 10))
y = (x[:, 0] * x[:, 1] > 0).astype(int)
ours = EpochalClassifier(
    n_estimators=4, max_iter=20, early_stopping=False, random_state=0, callbacks=[Named(sys.argv[1])]
)
with parallel_config("loky", inner_max_num_threads=int(sys.argv[2]) or None):
    GridSearchCV(ours, {"l2": [0.01]}, cv=2, n_jobs=2, refit=False).fit(x, y)
"""


def busy_threads(process):
    """Return how many threads of a process run or wait for a core; None if it has ended."""
    try:
        stats = [
            (thread / "stat").read_text() for thread in Path(f"/proc/{process}/task").iterdir()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return [stat.rpartition(")")[2].split()[0] for stat in stats].count("R")


@pytest.mark.skipif(
    not Path("/proc/self/task").exists() or available().number < 2,
    reason="counts the threads of processes on two cores",
)
@pytest.mark.parametrize(
    ("share", "crowded"), [(0, False), pytest.param(2, True, marks=pytest.mark.long)]
)
def test_a_search_does_not_use_more_threads_than_there_are_cores(share, crowded, tmp_path):
    """A process trains in one thread of two cores; only if joblib is told to give it two, in two."""
    plain = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    words = [sys.executable, "-c", SEARCH, str(tmp_path), str(share)]
    counts = []
    with subprocess.Popen(words, env=plain) as search:
        while search.poll() is None:
            found = [busy_threads(name.name) for name in tmp_path.iterdir()]
            counts += [count for count in found if count is not None]
            time.sleep(0.005)

    assert search.returncode == 0
    assert len(counts) > 50
    # At the end of an epoch the thread that waits for it begins before the other rests: of one thread
    # more are runnable in 12 to 31 % of the samples, of two in 94 %.
    assert (np.mean(np.array(counts) > 1) > 0.5) == crowded


X = np.random.default_rng(0).normal(size=(40_000, 4))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
IMAGES = np.random.default_rng(1).integers(0, 256, (200, 12, 12)).astype(np.uint8)
SMALL = {
    "n_estimators": 4,
    "hidden_layer_sizes": (8,),
    "n_folds": 2,
    "max_iter": 2,
    "random_state": 0,
}


class Recorded(threads.ThreadPoolExecutor):
    """A pool that records how many of its threads, and of those of all pools, work at once."""

    working: ClassVar[list[int]] = [0]
    most: ClassVar[list[int]] = [0]
    lock = Lock()

    def submit(self, work, *arguments):
        """Submit work that is counted while it is done."""

        def counted():
            """Count, work, and count down."""
            with self.lock:
                self.working[0] += 1
                self.most[0] = max(self.most[0], self.working[0])
            try:
                return work(*arguments)
            finally:
                with self.lock:
                    self.working[0] -= 1

        return super().submit(counted)


@pytest.mark.parametrize(("n_jobs", "most"), [(1, 1), (2, 2), (None, 3)])
def test_a_fit_uses_no_more_threads_than_it_may(n_jobs, most, monkeypatch):
    """Encoding, training and predicting use `n_jobs` threads and no more."""
    monkeypatch.setattr(threads, "available", lambda: ThreadCount(3, "a test"))
    monkeypatch.setattr(threads, "ThreadPoolExecutor", Recorded)
    monkeypatch.setattr(Recorded, "most", [0])
    # So many bins that coarse and fine members are groups apart, also in one thread.
    simple = {"ema_decay": 0.0, "calibrate": False}
    ours = EpochalClassifier(**SMALL, **simple, n_jobs=n_jobs).fit(X, Y)
    ours.predict_proba(X)

    assert Recorded.most[0] == most


@pytest.mark.parametrize(
    ("rows", "y", "more"),
    [
        (X, Y, {}),
        (X, Y, {"n_estimators": 1, "bagging": None}),
        (IMAGES, Y[:200], {"hidden_layer_sizes": (128,), "embedding_size": None}),
    ],
    ids=["ensemble", "one network", "images"],
)
def test_results_are_the_same_for_any_number_of_threads(rows, y, more):
    """Weights, probabilities and scores have the same bits."""
    fits = [EpochalClassifier(**(SMALL | more), n_jobs=n).fit(rows, y) for n in (1, 3, None)]
    first, *others = fits

    assert all(other.model_ == first.model_ for other in others)
    assert len({ours.predict_proba(rows).tobytes() for ours in fits}) == 1


def test_n_jobs_is_of_a_run_and_not_of_a_model(tmp_path):
    """It is refused if it is invalid, and a model file does not hold it."""
    ours = EpochalClassifier(**SMALL, embedding_size=None, n_jobs=1).fit(X[:100], Y[:100])
    ours.save(tmp_path / "m.epochal")

    assert load(tmp_path / "m.epochal").n_jobs is None
    ours.set_params(n_jobs=0)
    for call in (ours.fit, ours.score):
        with pytest.raises(SettingError, match="n_jobs"):
            call(X[:100], Y[:100])
    with pytest.raises(SettingError, match="n_jobs"):
        ours.predict(X[:100])
