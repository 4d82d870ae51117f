"""Roots of columns that are never negative: which ones, and the law of parts and whole."""

from functools import reduce

import numpy as np
import pytest

from epochal.data.moments import Moments
from epochal.data.roots import Roots, checked_roots, signed_root

RANDOM = np.random.default_rng(4)
VALUES = RANDOM.integers(0, 50, (300, 4)).astype(float)
VALUES[7, 1] = -1.0
VALUES[::3, 2] = np.nan
VALUES[:, 3] = np.nan


def test_roots_are_wanted_of_columns_without_a_negative_value():
    """A single value below 0 keeps a column as it is; missing ones do not, if some are there."""
    assert Roots.of(VALUES, np.ones(300)).wanted.tolist() == [True, False, True, False]


def test_rows_of_weight_0_say_nothing():
    """The row with the negative value does not count when it weighs nothing."""
    weight = np.ones(300)
    weight[7] = 0

    assert Roots.of(VALUES, weight).wanted.tolist() == [True, True, True, False]


def test_parts_merge_to_the_whole():
    """Lowest values and moments of the roots are those of all rows, whatever the cuts."""
    weight = RANDOM.uniform(0, 2, 300)
    parts = [Roots.of(VALUES[a:b], weight[a:b]) for a, b in ((0, 5), (5, 8), (8, 300))]
    whole, merged = Roots.of(VALUES, weight), reduce(Roots.merge, parts, Roots.nothing(4))
    expected = Moments.of(np.sqrt(VALUES[:, :1]), weight)

    np.testing.assert_array_equal(merged.lowest, whole.lowest)
    np.testing.assert_allclose(merged.moments.mean, whole.moments.mean, rtol=1e-12)
    np.testing.assert_allclose(merged.moments.squares, whole.moments.squares, rtol=1e-12)
    np.testing.assert_allclose(whole.moments.mean[:1], expected.mean, rtol=1e-12)


def test_the_root_of_a_negative_number_is_negative():
    """So that new rows below what training rows had lie on the other side of 0, in order."""
    x = np.linspace(-9, 9, 19)

    np.testing.assert_allclose(signed_root(x) * np.abs(signed_root(x)), x)
    assert (np.diff(signed_root(x)) > 0).all()


@pytest.mark.parametrize("numbers", [None, [3], [-1], [1, 0], [0, 0], [True], [1.0], ["0"], "01"])
def test_what_is_no_list_of_columns_is_refused(numbers):
    """Numbers too large, twice, out of order or of another type are a ValueError."""
    with pytest.raises(ValueError, match="roots is"):
        checked_roots(numbers, columns=3)
