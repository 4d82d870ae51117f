"""Roots of columns that are never negative: their sign, and what describes them."""

import numpy as np
import pytest

from epochal.preprocessing.sqrt import checked_roots, signed_root


def test_the_root_of_a_negative_number_is_negative():
    """New values below 0 are mapped to the other side of 0, in order."""
    x = np.linspace(-9, 9, 19)

    np.testing.assert_allclose(signed_root(x) * np.abs(signed_root(x)), x)
    assert (np.diff(signed_root(x)) > 0).all()


@pytest.mark.parametrize("numbers", [None, [3], [-1], [1, 0], [0, 0], [True], [1.0], ["0"], "01"])
def test_what_is_no_list_of_columns_is_refused(numbers):
    """Numbers too large, twice, out of order or of another type are a ValueError."""
    with pytest.raises(ValueError, match="roots is"):
        checked_roots(numbers, columns=3)
