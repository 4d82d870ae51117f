"""Initial scales of the features for each member, from the labels of the rows that it trains on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from epochal.preprocessing.relevance import initial_scales

if TYPE_CHECKING:
    from epochal.loader.encode import Encoded
    from epochal.preprocessing.feature_layout import EmbeddingSizes
    from epochal.splitting.bagging import Bags

# Numbers of a block of features.
BLOCK = 2**21


def input_scales(pool: Encoded, bags: Bags, sizes: EmbeddingSizes, classes: int) -> np.ndarray:
    """Return the initial scales of values and plain features, float32 (members, features).

    Args:
        pool: the training rows, which are few.
        bags: which of them each member trains on, and how often.
        sizes: of the embedding's input, which begins with values and plain features.
        classes: how many there are.
    """
    rows = np.arange(pool.source.n_rows)
    labels, weight, *_ = pool.metadata
    weights = np.stack([bags.sample_counts(k, rows) * weight for k in range(bags.members)])
    width = max(BLOCK // len(rows), 1)
    starts = range(0, sizes.numbers + sizes.plain, width)
    parts = [np.empty((bags.members, 0), np.float32)]
    for start in starts:
        block = _block(pool, start, min(start + width, sizes.numbers + sizes.plain))
        parts.append(initial_scales(block, labels, weights, classes))
    return np.concatenate(parts, axis=1)


def _block(pool: Encoded, start: int, stop: int) -> np.ndarray:
    """Return some features of all rows, in the order of the rows."""
    block = np.empty((pool.source.n_rows, stop - start), np.float32)
    for chunk in pool.source.epoch(None, pool.source.n_rows):
        block[chunk.numbers] = chunk.x[:, start:stop]
    return block
