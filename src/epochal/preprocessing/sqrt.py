"""Square roots of columns that are never negative, such as pixels, counts and amounts.

Near 0 the same difference means more: from no ink to some, from no purchase to
one. A network that gets columns only standardised, and has no vectors that bend,
would have to find that out column by column.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np


def signed_root(values: np.ndarray) -> np.ndarray:
    """Return sign(x) √|x|: of what is negative in new rows, but was not in training rows, too.

    >>> print(signed_root(np.array([9.0, 0.0, -4.0, np.nan])))
    [ 3.  0. -2. nan]
    """
    return np.copysign(np.sqrt(np.abs(values)), values)


def checked_roots(numbers: object, columns: int) -> tuple[int, ...]:
    """Return the numbers of columns, if they are such; ValueError for anything else.

    >>> checked_roots([0, 2], columns=3)
    (0, 2)
    """
    found: list[Any] = numbers if isinstance(numbers, list) else [None]
    if not all(type(number) is int and 0 <= number < columns for number in found):
        raise ValueError(f"roots is {numbers!r}, expected numbers of columns below {columns}")
    if any(number >= after for number, after in pairwise(found)):
        raise ValueError(f"roots is {numbers!r}, expected each number once, in their order")
    return tuple(found)
