"""Judges: shared rows, or each member's own."""

import numpy as np

from epochal.data.bags import bags_for
from epochal.data.batches import ArraySource
from epochal.data.judges import Encoded, own, shared
from epochal.settings import PRESETS, checked

ROWS = Encoded(
    ArraySource(np.arange(20, dtype=np.float32)[:, None]),
    np.tile([0, 1], 10).astype(np.int32),
    np.linspace(1, 2, 20),
)


def test_shared_judges_are_all_rows_for_everybody():
    """Every member is judged by the same span of all rows."""
    judges = shared(ROWS, 3)

    assert judges.starts.tolist() == [0, 0, 0]
    assert judges.counts.tolist() == [20, 20, 20]
    np.testing.assert_array_equal(judges.x[:, 0], np.arange(20))


def test_own_judges_are_the_rows_left_out():
    """A member's span holds exactly the rows that it does not train on, with their weights."""
    bags = bags_for(checked(PRESETS["default"], {"n_estimators": 6, "n_folds": 4}), ROWS.labels, 0)
    judges = own(ROWS, bags)

    for member in range(6):
        start, count = judges.starts[member], judges.counts[member]
        rows = judges.x[start : start + count, 0].astype(int)
        np.testing.assert_array_equal(rows, bags.left_out(member))
        np.testing.assert_array_equal(judges.y[start : start + count], ROWS.labels[rows])
        np.testing.assert_allclose(judges.weights[start : start + count], ROWS.weight[rows])
