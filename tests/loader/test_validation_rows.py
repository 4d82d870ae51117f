"""Judges: shared rows, or each member's own."""

import numpy as np

from epochal.config.presets import PRESETS
from epochal.config.settings import checked
from epochal.loader.batches import ArraySource, LazySource
from epochal.loader.encode import Encoded, Known
from epochal.loader.validation_rows import own, shared
from epochal.splitting.bagging import bags_for

ROWS = Encoded(
    ArraySource(np.arange(20, dtype=np.float32)[:, None]),
    Known(np.tile([0, 1], 10).astype(np.int32), np.linspace(1, 2, 20)),
)
MANY = 2**20


def test_shared_judges_are_all_rows_for_everybody():
    """Every member is judged by the same span of all rows."""
    judges = shared(ROWS, 3, MANY)

    assert judges.starts.tolist() == [0, 0, 0]
    assert judges.counts.tolist() == [20, 20, 20]
    np.testing.assert_array_equal(judges.x[judges.of(2), 0], np.arange(20))
    assert judges.left_out is None


def test_own_judges_are_the_rows_left_out():
    """A member's span holds exactly the rows that it does not train on, with their weights."""
    bags = bags_for(
        checked(PRESETS["default"], {"n_estimators": 6, "n_folds": 4}), ROWS.known.labels, 0
    )
    judges = own(ROWS, bags, MANY)

    for member in range(6):
        of = judges.of(member)
        rows = judges.x[of, 0].astype(int)
        np.testing.assert_array_equal(rows, bags.left_out(member))
        np.testing.assert_array_equal(judges.left_out[of], rows)
        np.testing.assert_array_equal(judges.y[of], ROWS.known.labels[rows])
        np.testing.assert_allclose(judges.weights[of], ROWS.known.weight[rows])
    assert judges.x is ROWS.source.x


def test_of_rows_that_are_not_held_some_judge():
    """As many as may be held, each still by members that leave it out."""
    bags = bags_for(
        checked(PRESETS["default"], {"n_estimators": 6, "n_folds": 4}), ROWS.known.labels, 0
    )
    lazy = Encoded(LazySource(20, 1, ROWS.source.take), ROWS.known)
    judges = own(lazy, bags, most=4 * 7)

    assert len(judges.x) == 7
    for member in range(6):
        rows = judges.left_out[judges.of(member)]
        assert set(rows) <= set(bags.left_out(member)) or len(rows) == 7
        np.testing.assert_array_equal(judges.x[judges.of(member), 0], rows)
