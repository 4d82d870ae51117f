"""Bin edges of a column, and the positions of values among them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.preprocessing.bins import Bins, bin_counts, bin_edges, quantile_bins, unique_weights


def edges_of(values, weights, n_bins):
    """Return the bin edges of a column of values with weights."""
    return bin_edges(*unique_weights(values, weights), n_bins)


def positions(bins, values):
    """Return the positions of values among the bin edges of their column."""
    out = np.empty((len(values), 1), np.float32)
    Bins.of([np.asarray(bins, float)]).positions(np.asarray(values, float)[:, None], out)
    return out[:, 0]


def test_few_values_are_all_edges_of():
    """A column with no more values than bins has an edge at each of them."""
    assert edges_of(np.array([3.0, 1.0, 2.0, 2.0, np.nan]), np.ones(5), n_bins=3).tolist() == [
        1,
        2,
        3,
    ]


def test_bins_have_about_equal_weight(rng):
    """Each bin holds an equal share of distinct values, to one value."""
    values = rng.normal(size=1000)
    bins = edges_of(values, np.ones(1000), n_bins=20)
    counts = np.histogram(values, bins)[0]

    assert len(bins) == 21
    assert counts.min() >= 49
    assert counts.max() <= 51


def test_a_frequent_value_has_a_bin_of_its_own():
    """The zeros of a sparse column take one bin, and the other values share the other bins."""
    values = np.r_[np.zeros(900), np.arange(1, 101)]
    bins = edges_of(values, np.ones(1000), n_bins=11)

    assert bins[:2].tolist() == [0, 1]
    assert np.diff(bins[1:-1]).tolist() == [10] * 9


def test_a_weight_of_two_is_the_value_twice(rng):
    """Bins have equal weights, and a row of weight 0 has no effect."""
    values = rng.normal(size=300)
    weights = rng.integers(3, size=300).astype(float)

    weighted = edges_of(values, weights, n_bins=10)
    repeated = edges_of(
        np.repeat(values, weights.astype(int)), np.ones(int(weights.sum())), n_bins=10
    )
    np.testing.assert_array_equal(weighted, repeated)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=80), st.integers(1, 12))
def test_bin_edges_increase_from_the_smallest_to_the_largest(values, n_bins):
    """Bin edges are values of the column, in order, with the smallest and the largest."""
    column = np.array(values, float)
    bins = edges_of(column, np.ones(len(column)), n_bins)

    assert set(bins) <= set(column)
    assert (np.diff(bins) > 0).all()
    assert (bins[0], bins[-1]) == (column.min(), column.max())


def test_positions_are_linear_between_bin_edges_and_clipped_at_the_ends():
    """Edge k is at position k, the middle of two edges is halfway, and values outside are at the ends."""
    found = positions([0, 1, 5], [0, 0.5, 1, 3, 5, 99, -99])

    assert found.tolist() == [0, 0.5, 1, 1.5, 2, 2, 0]


def test_a_column_of_two_values_has_no_bins():
    """With two values the embedding is a straight line: there are neither coarse nor fine bins."""
    values = np.column_stack([[1.0, 2.0] * 50, np.arange(100.0)])
    few, many = quantile_bins(values, np.ones(100), (4, 16))

    assert few.counts[0] == many.counts[0] == 0
    assert 5 <= few.counts[1] <= 6
    assert many.intervals == many.counts[1] - 1 >= 16


@pytest.mark.parametrize(
    "described",
    [None, [], [[3]], [[3], [2]], [[3], [0]], [[3, 3], [3]], [[3.0], [3]], [[True], [3]], [3, 3]],
)
def test_invalid_numbers_of_bin_edges_are_refused(described):
    """A description has coarse and fine edges for every column, none or at least three."""
    with pytest.raises(ValueError, match="bins"):
        bin_counts(described, 1)


def test_bin_edges_that_do_not_increase_are_refused():
    """The bin edges of each column increase."""
    values = np.array([1.0, 2.0, 3.0, 0.0, 1.0, 1.0])

    assert Bins.from_counts(values[:3], [3]).counts.tolist() == [3]
    with pytest.raises(ValueError, match="increase"):
        Bins.from_counts(values, [3, 3])
