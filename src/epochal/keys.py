"""Randomness by name: every random number is a function of a few integers.

No generator is handed around or advanced: who needs random numbers names the
seed, the purpose and the numbers (member, epoch) and gets his own stream. So
member 3 is the same in an ensemble of 4 and of 40, and resuming needs no state.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What randomness is for. The numbers are part of the format: never renumber."""

    INITIALISATION = 1
    ORDER = 2
    DROPOUT = 3
    HOLDOUT = 4
    FOLDS = 5
    BOOTSTRAP = 6
    FEATURES = 7
    PATCH = 8
    EMBEDDING = 9
    STORE = 10
    FIELD = 11
    INNER_FOLDS = 12
    TARGET_PROJECTION = 13


def generator(seed: int, purpose: Purpose, *numbers: int) -> np.random.Generator:
    """Return the stream of random numbers for one purpose.

    The same integers give the same stream, on every machine; other integers
    give an independent one.

    >>> a = generator(0, Purpose.ORDER, 3).integers(10**6)
    >>> b = generator(0, Purpose.ORDER, 3).integers(10**6)
    >>> c = generator(0, Purpose.ORDER, 4).integers(10**6)
    >>> bool(a == b), bool(a == c)
    (True, False)
    """
    sequence = np.random.SeedSequence((seed, int(purpose), *numbers))
    return np.random.Generator(np.random.Philox(sequence))


def word(seed: int, purpose: Purpose, *numbers: int) -> int:
    """Return one 32-bit word from the stream, to seed a stream on a device."""
    sequence = np.random.SeedSequence((seed, int(purpose), *numbers))
    return int(sequence.generate_state(1, np.uint32)[0])
