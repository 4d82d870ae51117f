"""Sizes in bytes, and freed memory: given back, or kept."""

import platform
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epochal.errors import SettingError
from epochal.loader.memory import size_of


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1GB", 10**9),
        ("1g", 10**9),
        (" 1.5 GB ", 1_500_000_000),
        ("2GiB", 2**31),
        ("600mb", 600 * 10**6),
        ("700000000", 700_000_000),
        (10**9, 10**9),
    ],
)
def test_sizes_are_read(text, size):
    """Numbers, and texts with a unit in either case."""
    assert size_of(text, "memory_limit") == size


@pytest.mark.parametrize("value", ["", "many", "1XB", "-1GB", "GB", 1.5, True, None, 0, -5])
def test_what_is_no_size_is_refused(value):
    """The error names the parameter and its value."""
    with pytest.raises(SettingError, match="memory_limit is"):
        size_of(value, "memory_limit")


def test_freed_memory_goes_back_to_the_system():
    """In a separate process, memory allocated in small pieces is returned after it is freed."""
    code = """
import gc, re
from epochal.loader.memory import return_freed_memory, trim_heap
def used():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1000
return_freed_memory()
before = used()
held = [bytearray(1000) for _ in range(100_000)]
half = held[::2]
between = used()
del held, half
gc.collect()
trim_heap()
print(before, between, used())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, between, after = map(float, done.stdout.split())

    assert between > before + 80
    assert after < before + 20


def test_what_arrow_reads_goes_back_to_the_system_too(tmp_path):
    """In a separate process, hardly any memory of a Parquet file stays after it is read.

    Arrow's threads let go of what they read last when they come to it: on a busy machine not at once.
    """
    columns = {str(k): np.random.default_rng(k).random(200_000) for k in range(20)}
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=50_000)
    code = """
import re, sys, time
from epochal.loader.memory import return_freed_memory, trim_heap
def used():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1000
return_freed_memory()
import pyarrow.dataset
before = used()
for batch in pyarrow.dataset.dataset(sys.argv[1]).to_batches():
    pass
del batch
until = time.monotonic() + 20
trim_heap()
while used() > before + 15 and time.monotonic() < until:
    time.sleep(0.1)
    trim_heap()
print(before, used())
"""
    words = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    before, after = map(float, done.stdout.split())

    assert after < before + 15


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a habit of glibc's")
def test_what_is_freed_without_a_limit_is_there_for_the_next_time():
    """In a separate process, arrays that reuse freed memory need no new pages."""
    code = """
import resource, sys
import numpy as np
from epochal.loader.memory import retain_freed_memory
def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def held():
    for array in [np.empty(5_000_000, np.uint8) for _ in range(4)]:
        array.fill(1)
if sys.argv[1] == "keep":
    retain_freed_memory()
for _ in range(3):
    held()
before = pages()
for _ in range(10):
    held()
print(pages() - before)
"""

    def pages(kept):
        """Return how many pages ten rounds cost."""
        words = [sys.executable, "-c", code, kept]
        return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    assert pages("keep") < 100 < pages("not")
