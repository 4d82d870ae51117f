"""Class weights: the weight of every row from the weight of its class."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from epochal.errors import SettingError
from epochal.tables.label_matching import matching
from epochal.tables.rows import blocks
from epochal.tables.sample_weights import relative

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENORMOUS = 2.0**512


def class_weights(
    classes: np.ndarray,
    indices: np.ndarray,
    class_weight: str | Mapping[object, float] | None,
    sample_weight: np.ndarray | None,
) -> np.ndarray:
    """Return the weight of every row (float64): its sample weight times the weight of its class.

    "balanced" gives all classes the same total weight: W / (K W_k) for class k, with W the weight
    of all rows, W_k that of the class, K the number of classes that occur. In a mapping, the
    weight of a class that is not named is 1. As in scikit-learn.

    >>> classes, indices = np.array(["a", "b"]), np.array([0, 0, 0, 1])
    >>> print(class_weights(classes, indices, "balanced", None).round(3))
    [0.667 0.667 0.667 2.   ]
    """
    # A broadcast scalar: equal weights take no memory.
    rows = np.broadcast_to(1.0, len(indices))
    if sample_weight is not None:
        rows = np.asarray(sample_weight, np.float64)
    if class_weight is None:
        return rows
    if isinstance(class_weight, str) and class_weight == "balanced":
        sums = np.zeros(len(classes))
        for block in blocks(len(indices)):
            sums += np.bincount(indices[block], rows[block], len(classes))
        occurs = sums > 0
        factors = sums.sum() / (occurs.sum() * np.where(occurs, sums, 1.0))
    else:
        factors = _named_factors(classes, class_weight)
    weights = np.empty(len(indices))
    for block in blocks(len(indices)):
        np.multiply(rows[block], factors[indices[block]], out=weights[block])
    return weights


def _named_factors(classes: np.ndarray, class_weight: object) -> np.ndarray:
    """Return the factor of every class from a mapping."""
    if not hasattr(class_weight, "items"):
        expected = "a dict of weights by class, 'balanced' or None"
        raise SettingError.from_value("class_weight", class_weight, expected)
    named = dict(class_weight.items())
    index = matching(classes, named)
    labels = classes.tolist()
    unknown = [label for label in named if index[label] is None]
    without_weight = [label for number, label in enumerate(labels) if number not in index.values()]
    if unknown and without_weight:
        raise SettingError(
            f"The classes, {without_weight}, are not in class_weight, but {unknown} are",
            f"classes out of {labels}",
        )
    factors = np.ones(len(labels))
    for label, weight in named.items():
        if not isinstance(weight, Real) or not 0 <= float(weight) < math.inf:
            expected = "a dict of finite weights of at least 0"
            raise SettingError.from_value("class_weight", class_weight, expected)
        if index[label] is not None:
            factors[index[label]] = weight
    # Such factors times sample weights may overflow float64.
    return relative(factors) if factors.max() > _ENORMOUS else factors
