"""The range of columns, and which columns are constant up to rounding, independent of their unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The distance from 1 to the next number of float32, and of float64.
FLOAT32_EPS, FLOAT64_EPS = 2.0**-23, 2.0**-52
# A column is constant if its values differ by at most this many rounding units.
ROUNDING = 16
# The range of exponents e for which 2^e and 2^-e are both finite and not 0 in float64.
MIN_EXPONENT, MAX_EXPONENT = -1000, 1023
# Values reduced at once: a reduction over the rows of a narrow array is slow.
_REDUCED_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class ValueRange:
    """The lowest and highest value of every feature, and the precision of its values.

    `low` is infinity, and `high` minus infinity, for a feature without values. `is_float32`: all
    values are exact in float32, as in a column computed in float32; checked only for
    features with a narrow range. `is_integer`: all values are integers that float32 represents
    exactly.
    """

    low: np.ndarray
    high: np.ndarray
    is_float32: np.ndarray
    is_integer: np.ndarray

    @classmethod
    def empty(cls, features: int) -> ValueRange:
        """Return the range of no rows, the neutral element of `merge`."""
        everything = np.ones(features, bool)
        return cls(np.full(features, np.inf), np.full(features, -np.inf), everything, everything)

    @classmethod
    def of(cls, block: np.ndarray, exact: np.ndarray | None = None) -> ValueRange:
        """Return the range of float64 values, shape (rows, features); NaN is a missing value.

        `exact`: which features have a type without rounding, such as integers; bool (features,).

        >>> found = ValueRange.of(np.array([[0.1 + 0.2, 1.0], [0.3, np.nan]]))
        >>> print(found.high, found.constant)
        [0.3 1. ] [ True  True]
        """
        if not len(block):
            return cls.empty(block.shape[1])
        low, high = _reduced(np.fmin, block, np.inf), _reduced(np.fmax, block, -np.inf)
        is_float32, is_integer = np.zeros((2, block.shape[1]), bool)
        narrow = _within(low, high, FLOAT32_EPS)
        if exact is not None:
            narrow &= ~exact
        if narrow.any():
            values = block[:, narrow]
            with np.errstate(over="ignore", under="ignore"):
                missing = np.isnan(values)
                is_float32[narrow] = (missing | (values == values.astype(np.float32))).all(axis=0)
                exact_integers = (values == np.rint(values)) & (np.abs(values) < 1 / FLOAT32_EPS)
                is_integer[narrow] = (missing | exact_integers).all(axis=0)
        return cls(low, high, is_float32, is_integer)

    def merge(self, other: ValueRange) -> ValueRange:
        """Return the range of the rows of both."""
        return ValueRange(
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.is_float32 & other.is_float32,
            self.is_integer & other.is_integer,
        )

    @property
    def exponent(self) -> np.ndarray:
        """For every feature the exponent e with |x| < 2^e for all values, limited to int32 MIN_EXPONENT … MAX_EXPONENT."""
        largest = np.where(self.low <= self.high, np.maximum(-self.low, self.high), 0.0)
        _, exponent = np.frexp(largest)
        return np.clip(np.where(largest > 0, exponent, MIN_EXPONENT), MIN_EXPONENT, MAX_EXPONENT)

    @property
    def constant(self) -> np.ndarray:
        """Which features have a single value, up to rounding in float32 or float64."""
        is_rounded = self.is_float32 & ~self.is_integer
        return _within(self.low, self.high, np.where(is_rounded, FLOAT32_EPS, FLOAT64_EPS))

    @property
    def non_negative(self) -> np.ndarray:
        """Which features have values, and none below 0."""
        return (self.low >= 0) & np.isfinite(self.low)


def _within(low: np.ndarray, high: np.ndarray, distance: np.ndarray | float) -> np.ndarray:
    """Return which features have a range within rounding, or no values; bool (features,)."""
    # Halves, since the difference of two float64 numbers may overflow.
    with np.errstate(invalid="ignore"):
        spread, largest = 0.5 * high - 0.5 * low, 0.5 * np.maximum(-low, high)
        return (low > high) | (spread <= ROUNDING * distance * largest)


def _reduced(ufunc: np.ufunc, block: np.ndarray, initial: float) -> np.ndarray:
    """Return the reduction of a block over its rows."""
    rows, features = block.shape
    rows_at_once = max(_REDUCED_AT_ONCE // max(features, 1), 1) if block.flags.c_contiguous else 1
    n_full = rows // rows_at_once * rows_at_once
    wide = block[:n_full].reshape(n_full // rows_at_once, rows_at_once * features)
    partial = ufunc.reduce(wide, axis=0, initial=initial).reshape(rows_at_once, features)
    remainder = ufunc.reduce(block[n_full:], axis=0, initial=initial)
    result: np.ndarray = ufunc(ufunc.reduce(partial, axis=0), remainder)
    return result
