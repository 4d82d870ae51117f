"""Masks of images: random crops for members, local receptive fields for units of the first layer.

Neighbouring pixels are more informative together than distant ones. A local receptive field (LeCun
1989) restricts a unit to neighbours. Here each unit has a field at a random position, and weights
are not shared.
"""

from __future__ import annotations

import numpy as np

from epochal.keys import Purpose, generator_for


def patch_mask(
    patch: tuple[int, int], shape: tuple[int, ...], seed: int, member: int
) -> np.ndarray:
    """Return the mask of a member's crop at a random position, bool of the image's shape.

    Args:
        patch: height and width of the crop; larger than the image means all of it.
        shape: of an image: (height, width) or (height, width, channels).
        seed: the seed of the training.
        member: the number of the member.
    """
    random = generator_for(seed, Purpose.PATCH, member)
    mask = np.zeros(shape, np.bool_)
    spans = [min(wanted, size) for wanted, size in zip(patch, shape[:2], strict=True)]
    top, left = (
        random.integers(size - span + 1) for span, size in zip(spans, shape[:2], strict=True)
    )
    mask[top : top + spans[0], left : left + spans[1]] = True
    return mask


def field_masks(
    field: tuple[int, int], shape: tuple[int, ...], units: int, seed: int, member: int
) -> np.ndarray:
    """Return the receptive field of each unit in a member's first layer, bool (*shape, units).

    A field is centred at a random pixel and cut off at the edges of the image.

    Args:
        field: height and width of the field.
        shape: of an image: (height, width) or (height, width, channels).
        units: how many units there are.
        seed: the seed of the training.
        member: the number of the member.
    """
    random = generator_for(seed, Purpose.RECEPTIVE_FIELD, member)
    inside = []
    for span, n_pixels in zip(field, shape[:2], strict=True):
        first = random.integers(n_pixels, size=units) - span // 2
        position = np.arange(n_pixels)[:, None]
        inside.append((position >= first) & (position < first + span))
    pixels = inside[0][:, None] & inside[1][None]
    return np.broadcast_to(
        pixels.reshape(*pixels.shape[:2], *[1] * (len(shape) - 2), units), (*shape, units)
    )
