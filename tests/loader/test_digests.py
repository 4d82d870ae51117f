"""Digests of arrays differ with the type, the shape and any value, and only with these."""

from __future__ import annotations

import hashlib

import numpy as np

from epochal.loader.digests import add_array


def digest(array: np.ndarray) -> str:
    """Return the digest of an array."""
    found = hashlib.sha256()
    add_array(found, array)
    return found.hexdigest()


def test_types_shapes_and_values_count() -> None:
    """Also of truth values, of a single number, and of no rows."""
    ones = np.ones(6, np.int32)
    others = [ones.astype(np.int64), ones.reshape(2, 3), ones[:5], ones * [1, 1, 1, 1, 1, 2]]
    others += [ones > 0, np.array(1, np.int32), np.zeros((0, 3)), np.zeros((3, 0))]
    assert len({digest(array) for array in [ones, *others]}) == 9


def test_the_layout_in_memory_does_not_count() -> None:
    """A view by columns, or backwards, has the digest of a copy."""
    x = np.arange(12.0).reshape(3, 4)
    for view in (x.T, x[::-1], x[:, ::2]):
        assert digest(view) == digest(view.copy())


def test_it_is_the_hash_of_the_bytes() -> None:
    """Behind type and shape, as the names of files in a cache depend on it."""
    x = np.arange(5, dtype=np.float32)
    assert digest(x) == hashlib.sha256(b"float32(5,)" + x.tobytes()).hexdigest()
