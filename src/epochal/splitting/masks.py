"""Parts of images: the crop that a member sees, and what single units see of it.

In an image neighbours say more together than pixels far apart. A unit of the first
layer that sees only a part has not to find that out: a local receptive field (LeCun
1989), here at a random place for each unit, with weights of its own.
"""

from __future__ import annotations

import numpy as np

from epochal.keys import Purpose, generator


def patch_mask(
    patch: tuple[int, int], shape: tuple[int, ...], seed: int, member: int
) -> np.ndarray:
    """Return which pixels a member sees through a crop at a random place, bool of this shape.

    Args:
        patch: height and width of the crop; larger than the image means all of it.
        shape: of an image: (height, width) or (height, width, channels).
        seed: the seed of the training.
        member: the number of the member.
    """
    random = generator(seed, Purpose.PATCH, member)
    mask = np.zeros(shape, np.bool_)
    spans = [min(want, have) for want, have in zip(patch, shape[:2], strict=True)]
    top, left = (
        random.integers(have - span + 1) for span, have in zip(spans, shape[:2], strict=True)
    )
    mask[top : top + spans[0], left : left + spans[1]] = True
    return mask


def field_masks(
    field: tuple[int, int], shape: tuple[int, ...], units: int, seed: int, member: int
) -> np.ndarray:
    """Return which pixels each unit of a member's first layer sees, bool (*shape, units).

    Each sees what lies around a pixel drawn for it, as far as the image goes.

    Args:
        field: height and width of what a unit sees.
        shape: of an image: (height, width) or (height, width, channels).
        units: how many units there are.
        seed: the seed of the training.
        member: the number of the member.
    """
    random = generator(seed, Purpose.FIELD, member)
    inside = []
    for span, have in zip(field, shape[:2], strict=True):
        first = random.integers(have, size=units) - span // 2
        place = np.arange(have)[:, None]
        inside.append((place >= first) & (place < first + span))
    pixels = inside[0][:, None] & inside[1][None]
    return np.broadcast_to(
        pixels.reshape(*pixels.shape[:2], *[1] * (len(shape) - 2), units), (*shape, units)
    )
