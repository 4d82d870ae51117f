"""Sample weights relative to their mean: their scale has no effect."""

from __future__ import annotations

import warnings

import numpy as np

from epochal.errors import DataError, FewRowsWarning

# A model of fewer training rows is unreliable.
FEW = 50
# Networks train in float32, in which smaller weights relative to the mean are 0 or subnormal.
_LIGHTEST = float(np.finfo(np.float32).tiny)


def relative(weight: np.ndarray) -> np.ndarray:
    """Return weights divided by the power of two nearest to their mean, so that no sum overflows.

    Division by a power of two is exact. A weight too small for float32 becomes 0. Without any
    positive weight, the weights are returned unchanged.

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
    too_small = (scaled < _LIGHTEST) & (scaled > 0)
    return np.where(too_small, 0.0, scaled) if too_small.any() else scaled


def present(weight: np.ndarray, name: str) -> np.ndarray:
    """Return which rows have a positive weight, bool (rows,); refuse weights without any."""
    flags: np.ndarray = weight > 0
    if not flags.any():
        hint = f"look at the weights ({name} in Python, --weight in a shell)"
        raise DataError("no row has a positive weight", "at least one", hint)
    return flags


def warn_of_few(rows: int, stacklevel: int = 2) -> None:
    """Warn that a model is unreliable if few rows have a positive weight; return nothing."""
    if rows < FEW:
        verb, noun = ("is", "row") if rows == 1 else ("are", "rows")
        problem = f"there {verb} {rows} {noun} to learn from, fewer than {FEW}"
        hint = "the model and its scores are unreliable"
        warnings.warn(f"{problem}: {hint}", FewRowsWarning, stacklevel=stacklevel)
