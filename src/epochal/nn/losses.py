"""Softmax and the losses, with their analytic gradients.

Letters are the formulas': o logits, s softmax outputs, y targets (one-hot or
soft), all of shape (rows, classes). Each function works in the arrays that it
is given, NumPy or JAX; this module imports no JAX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = Any  # a NumPy or a JAX array


def softmax(o: Array) -> Array:
    """Return s_j = exp(o_j) / sum_k exp(o_k), for any finite logits.

    The largest logit is subtracted first, which changes nothing but keeps the
    exponentials at or below 1.

    >>> import numpy as np
    >>> softmax(np.array([[1e4, 0.0], [0.0, 0.0]]))
    array([[1. , 0. ],
           [0.5, 0.5]])
    """
    xp = o.__array_namespace__()
    e = xp.exp(o - xp.max(o, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


def log_softmax(o: Array) -> Array:
    """Return log s_j = o_j - log sum_k exp(o_k), finite for any finite logits.

    >>> import numpy as np
    >>> log_softmax(np.array([[1e4, 0.0]]))
    array([[     0., -10000.]])
    """
    xp = o.__array_namespace__()
    shifted = o - xp.max(o, axis=-1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))


def cross_entropy(o: Array, y: Array) -> Array:
    """Return L = -sum_j y_j log s_j for each row, in nats, shape (rows,).

    From the logits, so that no probability is rounded to 0 before the logarithm.

    >>> import numpy as np
    >>> y = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    >>> s = np.array([[0.002, 0.02, 0.978], [0.01, 0.01, 0.98]])
    >>> cross_entropy(np.log(s), y).round(2)
    array([0.02, 0.02])
    """
    return -o.__array_namespace__().sum(y * log_softmax(o), axis=-1)


def cross_entropy_gradient(o: Array, y: Array) -> Array:
    """Return dL/do_i = s_i - y_i of the cross-entropy, shape (rows, classes).

    It follows from ds_j/do_j = s_j (1 - s_j) and ds_j/do_i = -s_j s_i, for
    targets that sum to 1. On a CPU with the C kernels training uses `cross_entropy` of
    kernels/c/simd.h, which computes the same.

    >>> import numpy as np
    >>> s = np.array([[0.25, 0.25, 0.5]])
    >>> cross_entropy_gradient(np.log(s), np.array([[0.0, 0.0, 1.0]])).round(6)
    array([[ 0.25,  0.25, -0.5 ]])
    """
    return softmax(o) - y


def squared_error(o: Array, y: Array) -> Array:
    """Return L = sum_j (s_j - y_j)^2 for each row, on the softmax outputs, shape (rows,).

    This is the Brier score of a row; it lies between 0 and 2.

    >>> import numpy as np
    >>> squared_error(np.log(np.array([[0.25, 0.25, 0.5]])), np.array([[0.0, 0.0, 1.0]])).round(6)
    array([0.375])
    """
    difference = softmax(o) - y
    return o.__array_namespace__().sum(difference * difference, axis=-1)


def squared_error_gradient(o: Array, y: Array) -> Array:
    """Return dL/do_i = 2 s_i ((s_i - y_i) - sum_j s_j (s_j - y_j)) of the squared error.

    The chain rule through the softmax: dL/ds_j = 2 (s_j - y_j), then ds_j/do_i
    as for the cross-entropy. Shape (rows, classes).

    >>> import numpy as np
    >>> o = np.log(np.array([[0.25, 0.25, 0.5]]))
    >>> squared_error_gradient(o, np.array([[0.0, 0.0, 1.0]])).round(6)
    array([[ 0.1875,  0.1875, -0.375 ]])
    """
    s = softmax(o)
    difference = s - y
    shared = o.__array_namespace__().sum(s * difference, axis=-1, keepdims=True)
    return 2.0 * s * (difference - shared)


LOSSES: dict[str, tuple[Callable[[Array, Array], Array], Callable[[Array, Array], Array]]] = {
    "cross_entropy": (cross_entropy, cross_entropy_gradient),
    "squared_error": (squared_error, squared_error_gradient),
}
