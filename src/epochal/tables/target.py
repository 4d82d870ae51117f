"""Check of the target: many unique numbers look like a quantity, not like classes."""

from __future__ import annotations

import math
import warnings

import numpy as np

from epochal.tables.labels import Coded, unknown_type
from epochal.tables.numeric import number_of_text

# Classes are rarely more than this, and more than the square root of the rows.
_USUAL = 20


def check_target(labels: np.ndarray | Coded, where: str, *, as_text: bool = False) -> None:
    """Warn of labels that look like quantities; refuse texts that are continuous numbers.

    Args:
        labels: shape (rows,); none is missing.
        where: the source of the labels, in messages.
        as_text: numbers are names: nothing is refused.

    Raises:
        DataError: for many texts that all are numbers, some with a fraction. A few (versions such
            as 2.1 and 2.10) are classes.

    >>> check_target(np.array(["2", "2.1", "2.10"] * 9, object), "version")
    >>> check_target(np.array([str(k / 7) for k in range(50)], object), "price")
    Traceback (most recent call last):
    epochal.errors.DataError: Unknown label type: continuous; price has 50 different numbers in 50 rows, ...
    """
    values = labels.values if isinstance(labels, Coded) else _unique(labels)
    count, rows = len(values), len(labels)
    are_many = count > max(_USUAL, math.isqrt(rows))
    if values.dtype.kind not in "iuOU" or not (are_many or 2 * count > rows):
        return
    numbers = values.astype(np.float64) if values.dtype.kind in "iu" else _numbers_in(values)
    if numbers is None:
        return
    fractions = numbers != np.round(numbers)
    if fractions.any() and not as_text:
        example = str(values[int(fractions.argmax())])
        problem = (
            f"{where} has {count:,} different numbers in {rows:,} rows, such as {example[:40]}"
        )
        raise unknown_type("continuous", problem)
    if not are_many:
        return
    message = (
        f"{where} has {count:,} different numbers in {rows:,} rows: each becomes a class of its "
        "own. A quantity is predicted by a regressor, or after it was cut into a few ranges"
    )
    warnings.warn(message, UserWarning, stacklevel=2)


def _unique(labels: np.ndarray) -> np.ndarray:
    """Return the unique labels, in any order."""
    if labels.dtype.kind != "O":
        return np.unique(labels)
    return np.array(list(dict.fromkeys(labels.tolist())), dtype=object)


def _numbers_in(values: np.ndarray) -> np.ndarray | None:
    """Return the numbers that labels spell; None if one spells no number."""
    numbers = np.empty(len(values))
    for index, value in enumerate(values.tolist()):
        try:
            numbers[index] = number_of_text(value) if isinstance(value, str) else float(value)
        except (ValueError, OverflowError, TypeError):
            return None
    return numbers if np.isfinite(numbers).all() else None
