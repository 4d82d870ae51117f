"""The comparison with LIBXSMM, as far as it goes without that library."""

from __future__ import annotations

import libxsmm_products


def test_blocks_divide_a_product() -> None:
    """Every product of the comparison has some, and none has a remainder."""
    for shape in libxsmm_products.SHAPES:
        blocks = libxsmm_products.blocks_of(shape)
        assert blocks
        assert all(
            whole % part == 0 for block in blocks for whole, part in zip(shape, block, strict=True)
        )
    assert not libxsmm_products.blocks_of((16, 32, 48))
