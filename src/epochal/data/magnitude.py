"""How large the values of columns are, how far they spread, and whether that is more than rounding.

Nothing here depends on the unit of a column: twice the values are twice as large, and as constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The distance from 1 to the next number of float32, and of float64.
SINGLE, DOUBLE = 2.0**-23, 2.0**-52
# A computation that should give one value ends within so many such distances of it.
ROUNDING = 16
# Exponents e for which 2^e and 2^-e are both normal numbers of float64, or nearly.
SMALLEST, LARGEST = -1000, 1023
# Values that are reduced side by side: a reduction over the rows of a narrow array is slow.
_TOGETHER = 256


@dataclass(frozen=True, eq=False)
class Magnitude:
    """The lowest and highest value of every feature, and in which numbers all of its values are.

    `low` is infinity, and `high` minus infinity, where there is no value. `single`: all values
    are numbers of float32, as they are in a column that was computed in float32; it is
    only looked at where values are close enough for this to matter. `whole`: all values are
    whole numbers that float32 holds, and so are exact.
    """

    low: np.ndarray
    high: np.ndarray
    single: np.ndarray
    whole: np.ndarray

    @classmethod
    def nothing(cls, features: int) -> Magnitude:
        """Return the magnitude of no rows, the neutral element of `merge`."""
        everything = np.ones(features, bool)
        return cls(np.full(features, np.inf), np.full(features, -np.inf), everything, everything)

    @classmethod
    def of(cls, block: np.ndarray, exact: np.ndarray | None = None) -> Magnitude:
        """Return the magnitude of float64 values, shape (rows, features); NaN is a missing value.

        `exact`: which features came in a type that is not rounded, bool (features,).

        >>> found = Magnitude.of(np.array([[0.1 + 0.2, 1.0], [0.3, np.nan]]))
        >>> print(found.high, found.constant)
        [0.3 1. ] [ True  True]
        """
        if not len(block):
            return cls.nothing(block.shape[1])
        low, high = _reduced(np.fmin, block, np.inf), _reduced(np.fmax, block, -np.inf)
        single, whole = np.zeros((2, block.shape[1]), bool)
        narrow = _within(low, high, SINGLE)
        if exact is not None:
            narrow &= ~exact
        if narrow.any():
            some = block[:, narrow]
            with np.errstate(over="ignore", under="ignore"):
                missing = np.isnan(some)
                single[narrow] = (missing | (some == some.astype(np.float32))).all(axis=0)
                counts = (some == np.rint(some)) & (np.abs(some) < 1 / SINGLE)
                whole[narrow] = (missing | counts).all(axis=0)
        return cls(low, high, single, whole)

    def merge(self, other: Magnitude) -> Magnitude:
        """Return the magnitude of the rows of both."""
        return Magnitude(
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.single & other.single,
            self.whole & other.whole,
        )

    @property
    def exponent(self) -> np.ndarray:
        """For every feature, e with |x| < 2^e for all of its values, within what 2^-e can be (int32)."""
        largest = np.where(self.low <= self.high, np.maximum(-self.low, self.high), 0.0)
        _, exponent = np.frexp(largest)
        return np.clip(np.where(largest > 0, exponent, SMALLEST), SMALLEST, LARGEST)

    @property
    def constant(self) -> np.ndarray:
        """Which features have one value, up to rounding in the numbers that they were computed in."""
        coarse = self.single & ~self.whole
        return _within(self.low, self.high, np.where(coarse, SINGLE, DOUBLE))

    @property
    def never_negative(self) -> np.ndarray:
        """Which features have values, and none below 0."""
        return (self.low >= 0) & np.isfinite(self.low)


def _within(low: np.ndarray, high: np.ndarray, distance: np.ndarray | float) -> np.ndarray:
    """Return where values lie within rounding of each other, or there is none; bool (features,)."""
    # Halves, since the difference of two numbers of float64 may be none.
    with np.errstate(invalid="ignore"):
        spread, largest = 0.5 * high - 0.5 * low, 0.5 * np.maximum(-low, high)
        return (low > high) | (spread <= ROUNDING * distance * largest)


def _reduced(ufunc: np.ufunc, block: np.ndarray, initial: float) -> np.ndarray:
    """Return the reduction of a block over its rows."""
    rows, features = block.shape
    together = max(_TOGETHER // max(features, 1), 1) if block.flags.c_contiguous else 1
    whole = rows // together * together
    wide = block[:whole].reshape(whole // together, together * features)
    parts = ufunc.reduce(wide, axis=0, initial=initial).reshape(together, features)
    rest = ufunc.reduce(block[whole:], axis=0, initial=initial)
    result: np.ndarray = ufunc(ufunc.reduce(parts, axis=0), rest)
    return result
