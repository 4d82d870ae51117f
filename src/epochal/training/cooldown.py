"""The cooldown of a member: its last epochs, in which the learning rate falls linearly to 0.

Large steps make progress that their noise hides. A rate that falls to 0 removes the noise, in fewer epochs than
several constant rates, each of which has to wait for an improvement (Hägele et al. 2024).
"""

from __future__ import annotations

from typing import NamedTuple

# Epochs of a cooldown as a share of those until the best checkpoint, and its fewest epochs.
SHARE, FEWEST = 0.5, 4


class Cooldown(NamedTuple):
    """The epoch after which a cooldown begins, and its last one; 0 and 0 before it has begun."""

    start: int = 0
    end: int = 0

    def rate(self, epoch: int) -> float:
        """Return the factor on the learning rate in the epoch after this one, the mean over that epoch.

        >>> [Cooldown(10, 14).rate(epoch) for epoch in range(10, 14)]
        [0.875, 0.625, 0.375, 0.125]
        """
        return 1.0 - (epoch - self.start + 0.5) / (self.end - self.start)


def after_plateau(epoch: int, epochs_to_best: int) -> Cooldown:
    """Return the cooldown of a member that has not improved for a while.

    Args:
        epoch: the last one.
        epochs_to_best: epochs that the training took to the member's best checkpoint.

    >>> after_plateau(40, epochs_to_best=30)
    Cooldown(start=40, end=55)
    """
    return Cooldown(epoch, epoch + max(FEWEST, round(SHARE * epochs_to_best)))
