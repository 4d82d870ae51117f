"""The estimate of how a network scales to many cores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import many_cores
from epochal.kernels.library import opened

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = """
import sys
sys.path.insert(0, {folder!r})
import many_cores
many_cores.SHAPES = (many_cores.Shape((4, 200, 200, 2), 64, 256),)
many_cores.CORES = (1, 2)
many_cores.BARRIERS = 10
many_cores.main(["--rounds", "1"])
"""


def test_the_longest_part_of_each_operation_counts():
    """What is not divided stays, and each operation that is has a barrier."""
    assert many_cores.Epoch(10.0, 8.0, 2.0, 100).on_cores(0.01) == pytest.approx(5.0)
    assert many_cores.Epoch(10.0, 8.0, 8.0, 0).on_cores(0.01) == 10.0


@pytest.mark.skipif(opened().library is None, reason="the operations in C are not in use")
def test_it_is_measured_with_the_real_kernels(in_new_process: Callable[..., str]):
    """A line for each network has the speed on each number of cores."""
    folder = str(Path(many_cores.__file__).parent)
    first, *_, last = in_new_process(SMALL.format(folder=folder)).splitlines()
    assert "A barrier of two threads takes" in first
    assert last.startswith("| 4→200→200→2 | 64 | 1.0 (100%) |")
