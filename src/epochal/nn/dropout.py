"""Dropout masks from a counter: a few integer operations per hidden unit.

A mask is a pure function of (seed word, step, depth), the same on every
device, mapped or not. JAX's default generator mixes twenty rounds for each
number, and its fast ones give others under `vmap`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    Array = Any  # a NumPy or a JAX array

LEVELS = 24  # bits of each uniform number: exact in float32
# The depth of the first layer's inputs, where hidden values are counted from 0.
INPUTS = -1


class Drop(NamedTuple):
    """Dropout of one member in one training step."""

    hidden: Array | None  # the probability that a hidden unit is dropped; None if there is none
    inputs: Array | None  # the same for an input of the first layer
    word: Array  # the member's seed word, a uint32 scalar
    step: Array  # the number of the step, a 32-bit scalar

    def __call__(self, depth: int, h: Array) -> Array:
        """Return hidden values, or the inputs of the first layer, with some dropped."""
        dropout = self.inputs if depth == INPUTS else self.hidden
        return h if dropout is None else inverted(h, dropout, self.word, self.step, depth)

    def words(self, layers: int) -> tuple[tuple[Array, ...], Array]:
        """Return stream and limit of each hidden layer, and the scale of the units that are not dropped.

        Without dropout of hidden units there are no streams, and the factor is 1.
        """
        xp = self.word.__array_namespace__()
        if self.hidden is None:
            return (), xp.ones((), xp.float32)
        limit = _limit(self.hidden)
        streams = (_stream(self.word, self.step, depth)[0, 0] for depth in range(layers))
        return tuple(xp.stack([s, limit]) for s in streams), 1.0 / (1.0 - self.hidden)


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


def keep_mask(
    shape: tuple[int, int], dropout: Array, word: Array, step: Array, depth: int
) -> Array:
    """Return the mask of the units that are not dropped, True with probability 1 - dropout.

    Args:
        shape: (rows, width) of the hidden values.
        dropout: the probability of being dropped, a float32 scalar array.
        word: the member's seed word, a uint32 scalar array.
        step: the number of the training step, an unsigned or signed 32-bit scalar array.
        depth: the number of the hidden layer; -1 for the inputs of the first one.
    """
    xp = word.__array_namespace__()
    u = word.dtype.type
    rows = xp.arange(shape[0], dtype=xp.uint32)[:, None] * u(shape[1])
    counter = rows + xp.arange(shape[1], dtype=xp.uint32)[None, :]
    bits = mixed(counter * u(0x9E3779B9) + _stream(word, step, depth)) >> u(32 - LEVELS)
    return bits >= _limit(dropout)


def _stream(word: Array, step: Array, depth: int) -> Array:
    """Return the offset of the counter of a layer's units, uint32 (1, 1)."""
    xp = word.__array_namespace__()
    one = xp.ones((1, 1), xp.uint32)
    u = word.dtype.type
    return mixed(
        mixed(one * step.astype(xp.uint32) + u(0x9E3779B9)) ^ (one * word) + u(depth % 2**32)
    )


def _limit(dropout: Array) -> Array:
    """Return the limit: a unit is dropped if its bits are below it."""
    xp = dropout.__array_namespace__()
    return (dropout * xp.asarray(2.0**LEVELS, dtype=xp.float32)).astype(xp.uint32)


def inverted(h: Array, dropout: Array, word: Array, step: Array, depth: int) -> Array:
    """Return hidden values with some dropped and the rest scaled to keep the mean.

    A unit is 0 with probability `dropout` and h / (1 - dropout) otherwise, so
    that its mean is h and prediction needs no scaling (inverted dropout,
    Srivastava et al. 2014).
    """
    xp = h.__array_namespace__()
    keep = keep_mask(h.shape, dropout, word, step, depth)
    return xp.where(keep, h / (1.0 - dropout), xp.zeros((), h.dtype))
