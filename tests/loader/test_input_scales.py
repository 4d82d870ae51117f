"""Initial scales of encoded rows, for each member."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from epochal.loader import input_scales as module
from epochal.loader.batches import ArraySource
from epochal.loader.encode import Encoded, RowMetadata
from epochal.loader.input_scales import input_scales
from epochal.preprocessing.feature_layout import EmbeddingSizes
from epochal.splitting.bagging import FoldBags

if TYPE_CHECKING:
    import pytest

ROWS = 120
SIZES = EmbeddingSizes(numbers=3, coarse=8, intervals=8, plain=2, categories=0, levels=0)


def pool(rng: np.random.Generator) -> Encoded:
    """Return rows whose value 1 and plain feature 4 are the class; positions behind are not asked."""
    labels = rng.integers(2, size=ROWS)
    x = rng.normal(size=(ROWS, 11)).astype(np.float32)
    x[:, 1] += 5 * labels
    x[:, 4] = labels
    return Encoded(ArraySource(x), RowMetadata(labels, np.ones(ROWS)))


def test_values_and_plain_features_have_scales(rng: np.random.Generator) -> None:
    """There is a scale for each value and plain feature, in the order of the features."""
    bags = FoldBags(2, 2, (np.arange(ROWS) % 2,))
    scales = input_scales(pool(rng), bags, SIZES, classes=2)

    assert scales.shape == (2, 5)
    assert (scales[:, [1, 4]] > 0.99).all()
    assert (scales[:, [0, 2, 3]] < 0.9).all()


def test_members_are_told_of_their_own_rows(rng: np.random.Generator) -> None:
    """Labels of the rows that a member leaves out have no effect on its scales."""
    bags = FoldBags(2, 2, (np.arange(ROWS) % 2,))
    ours = pool(rng)
    other = ours.metadata.labels.copy()
    other[bags.oob_rows(0)] = rng.permutation(other[bags.oob_rows(0)])
    theirs = Encoded(ours.source, RowMetadata(other, ours.metadata.weight))
    before, after = (input_scales(rows, bags, SIZES, classes=2) for rows in (ours, theirs))

    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[1], after[1])


def test_blocks_of_features_change_nothing(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two features at a time give the same scales as all at once."""
    bags, ours = FoldBags(2, 2, (np.arange(ROWS) % 2,)), pool(rng)
    whole = input_scales(ours, bags, SIZES, classes=2)
    monkeypatch.setattr(module, "BLOCK", 2 * ROWS)

    np.testing.assert_allclose(input_scales(ours, bags, SIZES, classes=2), whole, rtol=1e-6)
