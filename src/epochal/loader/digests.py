"""Digests of arrays: type, shape and every byte."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

_READ = 2**22  # rows at a time


class Digest(Protocol):
    """What hashlib gives."""

    def update(self, data: Any, /) -> None:
        """Add bytes; returns nothing."""


def add_array(digest: Digest, array: np.ndarray) -> None:
    """Add an array of numbers or truth values to a digest; returns nothing.

    >>> import hashlib
    >>> found = [hashlib.sha256() for _ in range(2)]
    >>> add_array(found[0], np.ones(2)), add_array(found[1], np.ones((2, 1)))
    (None, None)
    >>> found[0].hexdigest() == found[1].hexdigest()
    False
    """
    digest.update(f"{array.dtype}{array.shape}".encode())
    rows = np.atleast_1d(array)
    for start in range(0, len(rows), _READ):
        part = np.ascontiguousarray(rows[start : start + _READ])
        digest.update(part.reshape(-1).view(np.uint8).data)
