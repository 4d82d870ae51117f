"""Cores that a process may use: affinity, quotas of control groups, and the environment variable."""

import os
import subprocess
import sys

import pytest

from epochal.errors import SettingError
from epochal.kernels import threads
from epochal.kernels.threads import Count, available, cpu_quota, thread_count


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
def test_the_affinity_counts():
    """A process that is bound to one core has one."""
    script = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from epochal.kernels.threads import cores; print(cores())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout == "1\n"


def test_the_variable_wins(monkeypatch):
    """It may also name more threads than there are cores."""
    monkeypatch.setenv("EPOCHAL_NATIVE_THREADS", "77")
    assert thread_count() == Count(77, "the environment variable EPOCHAL_NATIVE_THREADS")
    monkeypatch.delenv("EPOCHAL_NATIVE_THREADS")
    assert thread_count() == available()


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "²"])
def test_a_variable_that_is_no_number_is_refused(value, monkeypatch):
    """With what it is, and what it may be."""
    monkeypatch.setenv("EPOCHAL_NATIVE_THREADS", value)

    with pytest.raises(SettingError, match=f"{value!r}; expected a whole number from 1 up"):
        thread_count()
