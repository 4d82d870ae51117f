"""Weights of rows in a unit of their own: only how they compare with each other says anything."""

from __future__ import annotations

import numpy as np

from epochal.errors import DataError

# A row that weighs less than this beside the mean has no weight in float32, in which networks train.
_LIGHTEST = float(np.finfo(np.float32).tiny)


def relative(weight: np.ndarray) -> np.ndarray:
    """Return weights divided by the power of two next to their mean, so that sums of them are numbers.

    To divide by a power of two changes no digit. A weight that is 0 beside the mean in
    float32 is 0. Weights of which none is positive are returned as they are.

    >>> relative(np.array([1e300, 3e300, 0.0])).round(2)
    array([0.75, 2.24, 0.  ])
    """
    largest = weight.max(initial=0.0)
    if not largest > 0:
        return weight
    _, exponent = np.frexp(largest)
    _, of_mean = np.frexp(np.ldexp(weight, -exponent).mean())
    shift = int(exponent) + int(of_mean)
    scaled = np.ldexp(weight, -shift) if shift else weight
    light = (scaled < _LIGHTEST) & (scaled > 0)
    return np.where(light, 0.0, scaled) if light.any() else scaled


def present(weight: np.ndarray, name: str) -> np.ndarray:
    """Return which rows weigh something, of which there must be one; bool (rows,)."""
    flags: np.ndarray = weight > 0
    if not flags.any():
        hint = f"look at the weights ({name} in Python, --weight in a shell)"
        raise DataError("no row has a positive weight", "at least one", hint)
    return flags
