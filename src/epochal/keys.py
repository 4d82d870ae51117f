"""Random generators and seeds by key: seed, purpose and numbers such as member and epoch.

Every random number is a function of a few integers, and no generator is passed around. So member 3
is the same in an ensemble of 4 and of 40, and a continued training needs no generator state.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What random numbers are for. The models of a seed depend on these values: never renumber."""

    INITIALISATION = 1
    ORDER = 2
    DROPOUT = 3
    HOLDOUT = 4
    FOLDS = 5
    BOOTSTRAP = 6
    FEATURE_SUBSET = 7
    PATCH = 8
    EMBEDDING = 9
    DISK_ORDER = 10
    RECEPTIVE_FIELD = 11
    TARGET_FOLDS = 12
    TARGET_PROJECTION = 13


def generator_for(seed: int, purpose: Purpose, *numbers: int) -> np.random.Generator:
    """Return the random generator of a key.

    The same integers give the same stream of numbers, on every machine; other integers give an
    independent stream.

    >>> a = generator_for(0, Purpose.ORDER, 3).integers(10**6)
    >>> b = generator_for(0, Purpose.ORDER, 3).integers(10**6)
    >>> c = generator_for(0, Purpose.ORDER, 4).integers(10**6)
    >>> bool(a == b), bool(a == c)
    (True, False)
    """
    sequence = np.random.SeedSequence((seed, int(purpose), *numbers))
    return np.random.Generator(np.random.Philox(sequence))


def word_for(seed: int, purpose: Purpose, *numbers: int) -> int:
    """Return a 32-bit word of a key, which seeds random numbers on a device."""
    sequence = np.random.SeedSequence((seed, int(purpose), *numbers))
    return int(sequence.generate_state(1, np.uint32)[0])
