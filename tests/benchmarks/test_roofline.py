"""Shares of the peak: of products, and of whole epochs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import roofline
from epochal.kernels.library import load

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from compile_kernels import compiler

pytestmark = pytest.mark.skipif(
    not (compiler() and load().instruction_set in roofline.VECTORS),
    reason="no C compiler, or neither AVX2 nor AVX-512 in use",
)


@pytest.fixture(autouse=True)
def same_instruction_set():
    """Go back to the instruction set in use."""
    yield
    roofline.opened().library.epochal_load(load().instruction_set.encode(), load().threads)


def test_each_product_has_a_share_of_the_peak():
    """The three products of a layer and the one with a step of Adam, for each instruction set."""
    names = roofline.usable()
    peak = roofline.peaks(names, 1, 1)

    shares = roofline.product_shares((32, 160, 64), 1, peak, 1)

    assert list(shares) == names
    assert all(rate > 0 for rate in peak.values())
    assert all(len(of) == len(roofline.KINDS) + 1 and min(of) > 0 for of in shares.values())


def test_the_work_of_an_epoch_is_that_of_its_products():
    """Whole batches, each with three products of a layer but the first, which has two."""
    assert roofline.Shape((2, 3, 5), 10, 30).multiplications == 3 * 10 * (2 * 6 + 3 * 15)


def test_epochs_are_timed_with_each_instruction_set(capsys):
    """A table has a line for each network."""
    roofline.print_epochs((roofline.Shape((8, 32, 3), 32, 64, "silu", 0.1, 0.1),), 1)

    *_, last = capsys.readouterr().out.strip().splitlines()

    assert last.startswith("| 8→32→3, silu, dropout, input dropout | 32 |")
    assert last.count("%") == len(roofline.usable())
