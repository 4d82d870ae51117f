"""Weights of rows: only how they compare with each other says anything."""

import numpy as np
import pytest

from epochal.errors import DataError, FewRowsWarning
from epochal.tables.sample_weights import present, relative, warn_of_few


@pytest.mark.parametrize("unit", [1e300, 1e-300, 1.0, 3.0])
def test_weights_are_brought_near_one(unit, rng):
    """Their mean is between a half and two, and no digit of any is changed."""
    weight = rng.uniform(0, 2, 999) * unit
    found = relative(weight)

    assert 0.5 <= found.mean() <= 2
    np.testing.assert_array_equal(np.frexp(found)[0], np.frexp(weight)[0])


def test_sums_of_enormous_weights_are_numbers():
    """Weights of which no two can be added."""
    assert relative(np.full(1000, 1.7e308)).sum() == pytest.approx(1000, rel=0.5)


def test_a_weight_that_float32_has_no_number_for_is_none():
    """Beside 1e300 a weight of 1 is 0; beside 1e30 it is not."""
    assert relative(np.array([1e300, 1.0])).tolist()[1] == 0
    assert relative(np.array([1e30, 1.0])).tolist()[1] > 0


def test_nothing_stays_nothing():
    """Weights that are all 0, and none at all, stay as they are; the weights given are not changed."""
    weight = np.array([4e300, 0.0])
    relative(weight)

    assert weight.tolist() == [4e300, 0.0]
    assert relative(np.zeros(3)).tolist() == [0, 0, 0]
    assert relative(np.empty(0)).tolist() == []


def test_one_row_must_weigh_something():
    """The mask has the rows with a positive weight; if there is none, the weights are refused."""
    assert present(np.array([0, 2.0, 0]), "w").tolist() == [False, True, False]
    with pytest.raises(DataError, match="(?s)no row has a positive weight.*look at the weights"):
        present(np.zeros(3), "w")


@pytest.mark.parametrize(
    ("rows", "found"), [(1, "there is 1 row to learn"), (49, "there are 49 rows")]
)
def test_few_rows_are_warned_of(rows, found):
    """Below fifty, and not from there on."""
    with pytest.warns(FewRowsWarning, match=found):
        warn_of_few(rows)
    warn_of_few(50)
