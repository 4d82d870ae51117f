"""Watching what memory a command takes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import memory_watch

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="only Linux tells")


def _watched(code):
    """Return what a line of Python takes."""
    return memory_watch.watch([sys.executable, "-c", code])


def test_memory_time_and_words_are_seen():
    """A process that fills 100 MB, and waits a moment, has them as its own at the peak."""
    idle = _watched("import time; time.sleep(0.3)")
    filled = _watched("x = bytearray(10**8); import time; time.sleep(0.3); print(len(x))")

    assert filled.own_mb - idle.own_mb == pytest.approx(100, abs=10)
    assert filled.peak_mb - idle.peak_mb == pytest.approx(100, abs=10)
    assert filled.files_mb < 50
    assert filled.seconds > 0.3
    assert (filled.code, filled.printed, filled.complaint) == (0, "100000000\n", "")


def test_memory_that_is_given_back_counts():
    """The peak is kept, also if little is left at the end."""
    code = "import time; x = bytearray(10**8); time.sleep(0.3); del x; time.sleep(0.1)"

    assert _watched(code).own_mb > 100


def test_mapped_files_are_told_apart(tmp_path):
    """Pages of a file that is mapped and read are of files, and not the process's own."""
    file = tmp_path / "large"
    file.write_bytes(b"x" * 50_000_000)
    code = f"""
import mmap, time
with open({str(file)!r}, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
    pages.find(b"y")
    time.sleep(0.3)
"""
    watched = _watched(code)

    assert watched.files_mb > 50
    assert watched.own_mb < 50


def test_a_command_that_fails_is_told_with_its_words():
    """Exit code and standard error are kept."""
    watched = _watched("import sys; sys.exit('no memory')")

    assert (watched.code, watched.complaint) == (1, "no memory\n")


def test_a_process_that_has_ended_has_no_figures(tmp_path):
    """Where there is no status, there is nothing to read."""
    assert memory_watch.kilobytes(tmp_path / "status") == {}
