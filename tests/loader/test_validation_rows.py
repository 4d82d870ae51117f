"""Judges: shared rows, or each member's own."""

import numpy as np

from epochal.config.presets import PRESETS
from epochal.config.settings import validated
from epochal.loader.batches import ArraySource, LazySource
from epochal.loader.encode import Encoded, RowMetadata
from epochal.loader.memory_items import Shares
from epochal.loader.validation_rows import oob_validation_set, shared_validation_set
from epochal.splitting.bagging import bags_for

ROWS = Encoded(
    ArraySource(np.arange(20, dtype=np.float32)[:, None]),
    RowMetadata(np.tile([0, 1], 10).astype(np.int32), np.linspace(1, 2, 20)),
)
MANY = Shares()


def test_shared_judges_are_all_rows_for_everybody():
    """Every member is validated on the same rows: all of them."""
    validation_set = shared_validation_set(ROWS, 3, MANY)

    assert validation_set.starts.tolist() == [0, 0, 0]
    assert validation_set.counts.tolist() == [20, 20, 20]
    np.testing.assert_array_equal(validation_set.x[validation_set.of(2), 0], np.arange(20))
    assert validation_set.oob_rows is None


def test_own_judges_are_the_rows_left_out():
    """A member's span holds exactly the rows that it does not train on, with their weights."""
    bags = bags_for(
        validated(PRESETS["default"], {"n_estimators": 6, "n_folds": 4}), ROWS.metadata.labels, 0
    )
    validation_set = oob_validation_set(ROWS, bags, MANY)

    for member in range(6):
        of = validation_set.of(member)
        rows = validation_set.x[of, 0].astype(int)
        np.testing.assert_array_equal(rows, bags.oob_rows(member))
        np.testing.assert_array_equal(validation_set.oob_rows[of], rows)
        np.testing.assert_array_equal(validation_set.y[of], ROWS.metadata.labels[rows])
        np.testing.assert_allclose(validation_set.weights[of], ROWS.metadata.weight[rows])
    assert validation_set.x is ROWS.source.x


def test_of_rows_that_are_not_held_some_judge():
    """As many as may be held, each still by members that leave it out."""
    bags = bags_for(
        validated(PRESETS["default"], {"n_estimators": 6, "n_folds": 4}), ROWS.metadata.labels, 0
    )
    lazy = Encoded(LazySource(20, 1, ROWS.source.take), ROWS.metadata)
    validation_set = oob_validation_set(lazy, bags, Shares(validation=4 * 7))

    assert len(validation_set.x) == 7
    for member in range(6):
        rows = validation_set.oob_rows[validation_set.of(member)]
        assert set(rows) <= set(bags.oob_rows(member)) or len(rows) == 7
        np.testing.assert_array_equal(validation_set.x[validation_set.of(member), 0], rows)
