"""Matrices in panels, by the places of their numbers."""

import numpy as np
import pytest

from epochal.learn.native.panels import PANEL, in_panels, in_rows


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 31), (3, 32), (2, 33), (5, 70), (4, 96)])
def test_panels_have_their_rows_one_after_the_other(rows, columns):
    """The columns of each panel in one piece, the last of what is left; and all of it back again."""
    matrix = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
    pieces = [matrix[:, left : left + PANEL].ravel() for left in range(0, columns, PANEL)]

    panels = in_panels(matrix)

    assert panels.shape == matrix.shape
    np.testing.assert_array_equal(np.ravel(panels), np.concatenate(pieces))
    np.testing.assert_array_equal(in_rows(panels), matrix)
