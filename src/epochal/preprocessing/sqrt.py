"""Square-root transform of columns that are never negative, such as pixels, counts and amounts.

In such columns a difference near 0 means more than the same difference further up: no purchase and
one, no ink and some. A network without an embedding of numbers would have to learn this for each
column.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np


def signed_root(values: np.ndarray) -> np.ndarray:
    """Return sign(x) √|x|; new rows may hold negative values though the training rows do not.

    >>> print(signed_root(np.array([9.0, 0.0, -4.0, np.nan])))
    [ 3.  0. -2. nan]
    """
    return np.copysign(np.sqrt(np.abs(values)), values)


def checked_roots(numbers: object, columns: int) -> tuple[int, ...]:
    """Return the numbers of columns if they are valid; ValueError for anything else.

    >>> checked_roots([0, 2], columns=3)
    (0, 2)
    """
    checked: list[Any] = numbers if isinstance(numbers, list) else [None]
    if not all(type(number) is int and 0 <= number < columns for number in checked):
        raise ValueError(f"roots is {numbers!r}, expected numbers of columns below {columns}")
    if any(number >= following for number, following in pairwise(checked)):
        raise ValueError(f"roots is {numbers!r}, expected each number once, in ascending order")
    return tuple(checked)
