"""Bytes as features: integers up to 255, standardised batch by batch inside the compiled program.

Rows of bytes, such as images, take a quarter of the memory of their features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    Array = Any  # a NumPy or a JAX array


class Scaling(NamedTuple):
    """The standardisation of bytes in float32; it equals that of `Preprocessor` up to rounding.

    With b the integer nearest to the mean, x - b is exact in float32, so that
    (x - b) / scale - (mean - b) / scale is accurate for nearly constant pixels. The same holds for
    square roots, since √x - √b = (x - b) / (√x + √b).
    """

    base: Array  # (1, columns) integers
    factor: Array  # (1, columns) 1 / scale; 0 for a constant
    shift: Array  # (1, columns) (mean - base) / scale
    softness: Array  # (): 1 / clip; 0 if there is no clip
    root: Array | None = None  # (1, columns) √base, with the square-root transform

    @classmethod
    def of(
        cls, mean: np.ndarray, scale: np.ndarray, clip: float | None, *, roots: bool = False
    ) -> Scaling:
        """Return the scaling from mean and scale, float64 (columns,), of bytes or of their roots."""
        base = np.rint(mean**2 if roots else mean)
        origin = np.sqrt(base) if roots else base
        factor = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
        rows = np.stack([base, factor, (mean - origin) * factor, origin])[:, None]
        rows = rows.astype(np.float32)
        softness = np.float32(1 / clip if clip else 0)
        return cls(rows[0], rows[1], rows[2], softness, rows[3] if roots else None)

    def features(self, x: Array) -> Array:
        """Return bytes (rows, columns) as features, float32 of the same shape.

        >>> scaling = Scaling.of(np.array([1.0, 7.5]), np.array([2.0, 0.5]), clip=None)
        >>> print(scaling.features(np.uint8([[3, 7], [1, 8]])))
        [[ 1. -1.]
         [ 0.  1.]]
        """
        xp = x.__array_namespace__()
        value = x.astype(np.float32)
        deviation = value - self.base
        if self.root is not None:
            # 0 / 1 where both roots are 0.
            root_sum = xp.sqrt(value) + self.root
            deviation = deviation / xp.where(root_sum > 0, root_sum, xp.ones((), root_sum.dtype))
        value = deviation * self.factor - self.shift
        return value / xp.sqrt(1.0 + (value * self.softness) ** 2)


def are_bytes(x: Array) -> bool:
    """Return whether rows are bytes and have to be scaled."""
    return bool(x.dtype == np.uint8)


def scaled(x: Array, scaling: Scaling | None) -> Array:
    """Return rows as features: bytes are scaled, others are unchanged."""
    if not are_bytes(x):
        return x
    if scaling is None:
        raise TypeError("rows of bytes without a scaling")
    return scaling.features(x)
