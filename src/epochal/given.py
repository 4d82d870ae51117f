"""What is known of rows in memory, checked as scikit-learn does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import _check_sample_weight

from epochal.data.rows import len_of
from epochal.data.sources.frames import as_labels
from epochal.errors import DataError

if TYPE_CHECKING:
    from epochal.data.rows import Rows
    from epochal.data.streamed import Streamed


def checked_labels(rows: Rows, y: Any, weight: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the labels and weights of rows in memory, checked as scikit-learn does."""
    labels = column_or_1d(as_labels(y), warn=True)
    if len(labels) != rows.shape[0]:
        counts = f"[{rows.shape[0]}, {len(labels)}]"
        msg = f"Found input variables with inconsistent numbers of samples: {counts}"
        raise ValueError(msg)
    if weight is not None:
        one_each = np.empty((len(labels), 1))
        weight = _check_sample_weight(weight, one_each, dtype=np.float64, ensure_non_negative=True)
    return labels, weight


def of_rows(rows: Rows | Streamed, values: Any, name: str) -> np.ndarray | None:
    """Return one value for each row as an array, or None if there are none."""
    if values is None:
        return None
    found: np.ndarray = column_or_1d(as_labels(values))
    if len(found) != len_of(rows):
        message = f"{name} has {len(found)} values for {len_of(rows)} rows"
        raise DataError(message, "one for each row")
    return found
