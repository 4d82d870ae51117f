"""Value ranges: the ends of columns, and what is constant up to rounding, whatever the unit."""

from functools import reduce

import numpy as np
import pytest

from epochal.preprocessing.value_range import ValueRange

VALUES = np.random.default_rng(4).integers(0, 50, (3000, 5)).astype(float)
VALUES[7, 1] = -1.0
VALUES[::3, 2] = np.nan
VALUES[:, 3] = np.nan
VALUES[:, 4] = 0.0


def test_the_ends_are_the_lowest_and_the_highest_value():
    """NaN is no value; a column without values has no ends."""
    found = ValueRange.of(VALUES)

    np.testing.assert_array_equal(found.low[[0, 1, 2, 4]], np.nanmin(VALUES[:, [0, 1, 2, 4]], 0))
    np.testing.assert_array_equal(found.high[[0, 1, 2, 4]], np.nanmax(VALUES[:, [0, 1, 2, 4]], 0))
    assert found.low[3] > found.high[3]


def test_one_negative_value_is_told():
    """A column with a value below 0, or without values, is not non-negative."""
    assert ValueRange.of(VALUES).non_negative.tolist() == [True, False, True, False, True]


def test_exponents_bound_all_values():
    """Every value is below 2^e, and the largest is not below 2^(e - 1)."""
    for unit in (1e-290, 1e-9, 1.0, 1e300):
        found = ValueRange.of(VALUES[:, :3] * unit)
        largest = np.nanmax(np.abs(VALUES[:, :3] * unit), axis=0)

        assert (largest < np.ldexp(1.0, found.exponent)).all()
        assert (largest >= np.ldexp(0.5, found.exponent)).all()
    assert np.isfinite(np.ldexp(1.0, -ValueRange.of(VALUES).exponent)).all()


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (1000, 1), (70, 400), (0, 2)])
def test_any_shape_is_reduced(shape, layout, rng):
    """Rows are reduced several at a time; none is missing, in any memory order."""
    block = np.array(rng.normal(size=shape), order=layout)
    found = ValueRange.of(block)

    np.testing.assert_array_equal(found.low, block.min(axis=0, initial=np.inf))
    np.testing.assert_array_equal(found.high, block.max(axis=0, initial=-np.inf))


def column(values):
    """Return a column of float64."""
    return np.array(values, np.float64)[:, None]


ULP = 2.0**-52
SINGLE = (0.3 * (1 + np.arange(-3, 4) * 2.0**-23)).astype(np.float32)
COLUMNS = {
    "one value": (column([0.1] * 9), True),
    "zeros": (column([0.0, -0.0, 0.0]), True),
    "nothing": (column([np.nan] * 3), True),
    "rounded": (column([0.3, 0.1 + 0.2]), True),
    "rounded in float32": (column(SINGLE), True),
    "rounded in float32, with gaps": (column([*SINGLE, np.nan]), True),
    "as small, and no number of float32": (column([*SINGLE, 0.3]), False),
    "as small, and whole": (column([8_000_000 + k for k in range(9)]), False),
    "many roundings": (column(1.0 + np.arange(40) * ULP), False),
    "small around zero": (column([1e-17, -1e-17]), False),
    "far from zero": (column([1e9, 1e9 + 1e-3]), False),
    "mostly one value": (column([5.0] * 99 + [5.1]), False),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_constant_is_what_differs_by_rounding_only(name):
    """In the numbers that a column was computed in; counts are never rounded."""
    values, constant = COLUMNS[name]

    assert ValueRange.of(values).constant.tolist() == [constant]
    assert ValueRange.of(-values).constant.tolist() == [constant]


@pytest.mark.parametrize("name", [name for name in COLUMNS if "whole" not in name])
@pytest.mark.parametrize("unit", [2.0**-60, 2.0**60])
def test_constant_in_one_unit_is_constant_in_another(name, unit):
    """What a column is does not depend on its unit."""
    values, constant = COLUMNS[name]

    assert ValueRange.of(values * unit).constant.tolist() == [constant]


def test_types_that_are_not_rounded_are_exact():
    """Whole numbers of a type of such may be near each other, and mean something."""
    values = column([2.0**30, 2.0**30 + 128])

    assert ValueRange.of(values).constant.tolist() == [True]
    assert ValueRange.of(values, np.array([True])).constant.tolist() == [False]


def test_parts_merge_to_the_whole():
    """However rows are cut, ends and constants are those of all of them."""
    values = np.hstack([VALUES[:60], np.resize(SINGLE, (60, 1)), np.full((60, 1), 0.1)])
    values[50, 6] = 0.1 + 1e-16
    parts = [ValueRange.of(values[a:b]) for a, b in ((0, 5), (5, 5), (5, 48), (48, 60))]
    whole, merged = ValueRange.of(values), reduce(ValueRange.merge, parts, ValueRange.empty(7))

    np.testing.assert_array_equal(merged.low, whole.low)
    np.testing.assert_array_equal(merged.high, whole.high)
    np.testing.assert_array_equal(merged.constant, whole.constant)
    assert merged.constant.tolist() == [False, False, False, True, True, True, True]
