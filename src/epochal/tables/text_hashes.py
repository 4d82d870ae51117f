"""Hashes of texts, and the number of different texts among very many, estimated from hashes.

The estimate is linear counting: of B bits, each text sets the one that its hash chooses. If a share e
of the bits is not set, about

    -B ln e

different texts were seen (Whang, Vander-Zanden and Taylor, 1990).
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

# Bits of linear counting. Of so many texts as bits, the standard error is 0.1 %; of ten times as many 1 %.
BITS = 2**20
# If fewer are not set, the estimate is too uncertain.
MIN_UNSET = 100


def text_hashes(texts: pa.Array) -> np.ndarray:
    """Return a hash of each text, uint32 (texts,): on every machine the same; texts must not be null.

    It is the CRC-32 of the UTF-8 bytes, mixed so that each bit depends on all of them.

    >>> print(text_hashes(pa.array(["cook", "clerk"])))
    [316425585  73821099]
    """
    encoded: Iterable[bytes] = texts.cast(pa.large_binary()).to_pylist()
    hashes = np.fromiter(map(zlib.crc32, encoded), np.uint32, len(texts))
    # The finaliser of MurmurHash3.
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        hashes ^= hashes >> np.uint32(shift)
        hashes *= np.uint32(factor)
    hashes ^= hashes >> np.uint32(16)
    return hashes


def buckets_of(hashes: np.ndarray, buckets: int) -> np.ndarray:
    """Return the bucket of each hash, from 0 to `buckets` - 1, int64 (hashes,).

    >>> print(buckets_of(np.array([0, 2**31, 2**32 - 1], np.uint32), 10))
    [0 5 9]
    """
    scaled: np.ndarray = hashes.astype(np.uint64) * np.uint64(buckets) >> np.uint64(32)
    return scaled.astype(np.int64)


def bits_of(texts: pa.Array) -> np.ndarray:
    """Return the bits that texts set, bool (BITS,)."""
    bits = np.zeros(BITS, bool)
    bits[buckets_of(text_hashes(texts), BITS)] = True
    return bits


def estimated_distinct(bits: np.ndarray) -> float:
    """Return the estimated number of different texts that have set these bits; infinite if they are too many.

    >>> texts = pa.array([f"name {number}" for number in range(1000)])
    >>> round(estimated_distinct(bits_of(texts)))
    1000
    """
    unset = len(bits) - int(np.count_nonzero(bits))
    if unset < MIN_UNSET:
        return math.inf
    return -len(bits) * math.log(unset / len(bits))
