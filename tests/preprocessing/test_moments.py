"""Moments: the formulas, weights, missing values, and the law of parts and whole."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal.preprocessing.moments import Moments


def with_gaps(block):
    """A copy of the block with a tenth of its values missing."""
    return np.where(np.random.default_rng(1).random(block.shape) < 0.1, np.nan, block)


BLOCKS = {
    "plain": np.random.default_rng(0).normal(size=(1000, 5)),
    "far from zero": 1e8 + np.random.default_rng(0).normal(size=(1000, 5)),
    "small": 1e-9 * np.random.default_rng(0).normal(size=(1000, 5)),
    "gaps": with_gaps(np.random.default_rng(0).normal(size=(1000, 5))),
    "far with gaps": with_gaps(1e8 + np.random.default_rng(0).normal(size=(1000, 5))),
}


def merged(block, cuts, weights):
    """The merged moments of the parts of a block."""
    moments = Moments.empty(block.shape[1])
    edges = [0, *sorted(cuts), len(block)]
    for start, stop in pairwise(edges):
        moments = moments.merge(Moments.of(block[start:stop], weights[start:stop]))
    return moments


def assert_same(actual, expected, rtol=1e-12):
    """Compare two moments, feature by feature."""
    np.testing.assert_allclose(actual.weight, expected.weight, rtol=rtol)
    np.testing.assert_allclose(actual.mean, expected.mean, rtol=rtol, atol=1e-300)
    np.testing.assert_allclose(actual.variance, expected.variance, rtol=rtol)


@pytest.mark.parametrize("name", BLOCKS)
def test_moments_are_mean_and_population_variance(name):
    """Mean and variance agree with their definitions, computed in extended precision."""
    block = BLOCKS[name]
    exact = block.astype(np.longdouble)
    mean = np.nanmean(exact, axis=0)

    moments = Moments.of(block)

    np.testing.assert_allclose(moments.mean, mean.astype(float), rtol=1e-13, atol=1e-17)
    variance = np.nanmean((exact - mean) ** 2, axis=0)
    np.testing.assert_allclose(moments.variance, variance.astype(float), rtol=1e-12)


@pytest.mark.parametrize("name", BLOCKS)
@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 1000), max_size=6), weighted=st.booleans())
def test_moments_of_parts_merge_to_those_of_the_whole(name, cuts, weighted):
    """However a block is cut, its parts' moments merge to its own, to 1e-12."""
    block = BLOCKS[name]
    weights = np.linspace(0, 3, 1000) if weighted else np.ones(1000)
    whole = Moments.of(block, weights)

    parts = merged(block, cuts, weights)

    scale = np.sqrt(whole.variance)
    np.testing.assert_allclose(parts.weight, whole.weight, rtol=1e-12)
    np.testing.assert_allclose(parts.variance, whole.variance, rtol=1e-12)
    assert (np.abs(parts.mean - whole.mean) <= 1e-12 * np.maximum(np.abs(whole.mean), scale)).all()


@pytest.mark.parametrize("name", BLOCKS)
def test_a_weight_is_so_many_rows(name, rng):
    """Whole weights give the moments of the repeated rows; weight 0 leaves a row out."""
    block = BLOCKS[name]
    weights = rng.integers(0, 4, size=len(block))

    assert_same(Moments.of(block, weights), Moments.of(np.repeat(block, weights, axis=0)), 1e-11)


@pytest.mark.parametrize("value", [0.1, 1e15 / 3, -7.3e-200, 1e200])
@pytest.mark.parametrize("gaps", [False, True])
def test_a_constant_feature_has_exactly_no_variance(value, gaps):
    """The variance of equal values is exactly 0 and their mean exactly the value."""
    block = np.full((999, 2), value)
    if gaps:
        block[::7] = np.nan

    moments = merged(block, [100, 555], np.linspace(0.1, 1, 999))

    assert (moments.variance == 0).all()
    assert (moments.mean == value).all()


def test_rows_of_weight_zero_do_not_hide_a_constant():
    """A row that does not count does not take part, not even as an origin."""
    block = np.array([[3.7], [0.1], [0.1], [0.1]])

    moments = Moments.of(block, np.array([0, 1, 1, 1]))

    assert moments.variance == 0
    assert moments.mean == 0.1


def test_nothing_is_known_of_a_feature_without_values():
    """A feature that is always missing has weight, mean and variance 0."""
    moments = Moments.of(np.array([[np.nan, 1.0], [np.nan, 3.0]]))

    assert moments.weight.tolist() == [0, 2]
    assert moments.mean.tolist() == [0, 2]
    assert moments.variance.tolist() == [0, 1]


def test_merging_nothing_changes_nothing():
    """The moments of no rows are neutral on both sides."""
    moments, nothing = Moments.of(BLOCKS["gaps"]), Moments.empty(5)

    for both in (moments.merge(nothing), nothing.merge(moments)):
        assert both.mean.tobytes() == moments.mean.tobytes()
        assert both.squares.tobytes() == moments.squares.tobytes()
    assert Moments.of(np.empty((0, 5))).weight.tolist() == [0] * 5


def test_the_block_is_left_as_it_is():
    """Taking moments changes neither the values nor their missing places."""
    block = BLOCKS["gaps"].copy()

    Moments.of(block)

    np.testing.assert_array_equal(block, BLOCKS["gaps"])


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("unit", [2.0**-950, 2.0**-30, 2.0**950])
def test_a_unit_changes_no_bit(name, unit):
    """Values times a power of two have the same weights, and means and scales times that power."""
    block = BLOCKS[name]
    cuts, weights = [3, 400], np.linspace(0, 3, 1000)
    here, there = (merged(rows, cuts, weights) for rows in (block, block * unit))

    assert there.weight.tobytes() == here.weight.tobytes()
    assert there.mean.tobytes() == (here.mean * unit).tobytes()
    assert there.scale(1e-8).tobytes() == (here.scale(1e-8) * unit).tobytes()


def test_parts_in_units_that_are_far_apart_merge():
    """A part of tiny and one of enormous values: neither's squares are 0 or infinite beside the other."""
    tiny, huge = np.array([[1e-300], [3e-300]]), np.array([[1e300], [3e300]])
    both = Moments.of(tiny).merge(Moments.of(huge))

    assert Moments.of(tiny).scale(0.0) == pytest.approx(1e-300)
    assert both.mean == pytest.approx(1e300)
    assert both.scale(0.0) == pytest.approx(np.array([0, 0, 1, 3]).std() * 1e300)


def test_the_scale_is_the_formula():
    """√(variance + ε · variance): ε is in the unit of the column."""
    moments = Moments.of(BLOCKS["plain"])

    for variance_epsilon in (0.0, 1e-8, 0.5):
        expected = np.sqrt(moments.variance + variance_epsilon * moments.variance)
        np.testing.assert_allclose(moments.scale(variance_epsilon), expected, rtol=1e-14)
