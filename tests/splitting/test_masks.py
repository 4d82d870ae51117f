"""Parts of images: crops of members and receptive fields of units."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from epochal.splitting.masks import field_masks, patch_mask


def test_patches_are_crops_inside_the_image():
    """A patch is a rectangle of the configured size, whose place differs by member."""
    masks = [patch_mask((5, 3), (8, 9, 2), 0, member) for member in range(20)]

    for mask in masks:
        assert mask.sum() == 5 * 3 * 2
        rows, columns = np.flatnonzero(mask.any(axis=(1, 2))), np.flatnonzero(mask.any(axis=(0, 2)))
        assert (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1) == (5, 3)
    assert len({mask.tobytes() for mask in masks}) > 5


def test_a_patch_larger_than_the_image_is_all_of_it():
    """A crop cannot be larger than the image."""
    assert patch_mask((50, 50), (4, 4), 0, 0).all()


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 9))
def test_fields_are_rectangles_as_far_as_the_image_goes(height, width, member):
    """A receptive field is a rectangle of the configured size, cut at the edges, in all channels."""
    masks = field_masks((height, width), (8, 9, 2), 20, 0, member)

    assert masks.shape == (8, 9, 2, 20)
    assert np.array_equal(masks[:, :, 0], masks[:, :, 1])
    for unit in range(20):
        mask = masks[:, :, 0, unit]
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert mask.sum() == len(rows) * len(columns)
        for places, span, have in ((rows, height, 8), (columns, width, 9)):
            inside = places[0] > 0 and places[-1] < have - 1
            assert places[-1] - places[0] + 1 == len(places)
            assert len(places) == span if inside else 1 <= len(places) <= span


def test_fields_lie_everywhere_and_differ_by_unit_and_member():
    """The pixels in the middle of fields are uniform over the image, and no two members' are the same."""
    masks = field_masks((1, 1), (5, 4), 20_000, 0, 0)
    seen = masks.sum(axis=2)

    assert abs(seen - 1_000).max() < 5 * np.sqrt(1_000)
    assert not np.array_equal(masks, field_masks((1, 1), (5, 4), 20_000, 0, 1))
