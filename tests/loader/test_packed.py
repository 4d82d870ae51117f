"""A source of packed rows gives them unpacked."""

import numpy as np

from epochal.loader.batches import ArraySource
from epochal.loader.packed import PackedSource
from epochal.preprocessing.packing import Packing


def test_a_packed_source_gives_unpacked_rows(rng):
    """Rows that are taken, and those of an epoch, are the rows as they were."""
    packing = Packing(5, ((1, 3),))
    x = np.concatenate([rng.normal(size=(30, 2)), np.eye(3)[rng.integers(3, size=30)]], 1)
    x = x[:, [0, 2, 3, 4, 1]].astype(np.float32)
    source = PackedSource(ArraySource(packing.packed(x)), packing)

    assert (source.n_rows, source.n_features) == (30, 5)
    np.testing.assert_array_equal(source.take(np.array([7, 3])), x[[7, 3]])
    for numbers, rows in source.epoch(np.random.default_rng(0), 8):
        np.testing.assert_array_equal(rows, x[numbers])
