"""Dropout masks from a counter: a few integer operations per hidden unit.

A mask is a pure function of (seed word, step, depth), the same on every
device, mapped or not. JAX's default generator mixes twenty rounds for each
number, and its fast ones give others under `vmap`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Array = Any  # a NumPy or a JAX array

LEVELS = 24  # bits of each uniform number: exact in float32


def mixed(x: Array) -> Array:
    """Return 32-bit words whose bits depend on all bits of the given words.

    Two rounds of multiply and shift (Wellons' `lowbias32`), a bijection.
    """
    u = x.dtype.type
    x = x ^ (x >> u(16))
    x = x * u(0x7FEB352D)
    x = x ^ (x >> u(15))
    x = x * u(0x846CA68B)
    return x ^ (x >> u(16))


def kept(shape: tuple[int, int], dropout: Array, word: Array, step: Array, depth: int) -> Array:
    """Return which units stay, True with probability 1 - dropout.

    Args:
        shape: (rows, width) of the hidden values.
        dropout: the probability of being dropped, a float32 scalar array.
        word: the member's seed word, a uint32 scalar array.
        step: the number of the training step, an unsigned or signed 32-bit scalar array.
        depth: the number of the hidden layer; -1 for the inputs of the first one.
    """
    xp = word.__array_namespace__()
    one = xp.ones((1, 1), xp.uint32)
    u = word.dtype.type
    stream = mixed(
        mixed(one * step.astype(xp.uint32) + u(0x9E3779B9)) ^ (one * word) + u(depth % 2**32)
    )
    rows = xp.arange(shape[0], dtype=xp.uint32)[:, None] * u(shape[1])
    counter = rows + xp.arange(shape[1], dtype=xp.uint32)[None, :]
    bits = mixed(counter * u(0x9E3779B9) + stream) >> u(32 - LEVELS)
    limit = (dropout * xp.asarray(2.0**LEVELS, dtype=xp.float32)).astype(xp.uint32)
    return bits >= limit


def inverted(h: Array, dropout: Array, word: Array, step: Array, depth: int) -> Array:
    """Return hidden values with some dropped and the rest scaled to keep the mean.

    A unit is 0 with probability `dropout` and h / (1 - dropout) otherwise, so
    that its mean is h and prediction needs no scaling (inverted dropout,
    Srivastava et al. 2014).
    """
    xp = h.__array_namespace__()
    keep = kept(h.shape, dropout, word, step, depth)
    return xp.where(keep, h / (1.0 - dropout), xp.zeros((), h.dtype))
