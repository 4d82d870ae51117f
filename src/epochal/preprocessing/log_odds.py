"""Log-odds of the classes from smoothed counts: what a name says of the class of its rows."""

from __future__ import annotations

import numpy as np

# A name counts as if this many rows with the class shares had it as well.
PRIOR_ROWS = 4.0


def log_odds(counts: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return log(p_c / π_c) with p_c = (n_c + m π_c) / (n + m), shape (…, classes).

    Args:
        counts: n_c, the weight of a name's rows of each class, (…, classes).
        shares: π_c, of all rows; they sum to 1.

    >>> log_odds(np.array([[6.0, 0.0], [0.0, 0.0]]), np.array([0.5, 0.5])).round(3)
    array([[ 0.47 , -0.916],
           [ 0.   ,  0.   ]])
    """
    n = counts.sum(axis=-1, keepdims=True)
    return np.log((counts + PRIOR_ROWS * shares) / (n + PRIOR_ROWS) / shares)
