"""From probabilities to the class that is predicted, and the rows for which none is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Decision(NamedTuple):
    """How a class is chosen: the most probable one, unless one of these is given.

    `threshold`: of two classes, the second one (the last in their order) is chosen where its
    probability is at least so much, the first one elsewhere. `abstain_below`: no class is
    chosen where the most probable one has a lower probability.
    """

    threshold: float | None = None
    abstain_below: float | None = None

    def check(self, classes: int) -> None:
        """Return nothing if classes of this number can be chosen so; otherwise refuse it."""
        if self.threshold is not None and classes != 2:
            found = f"--threshold beside a model of {classes} classes"
            hint = "with more classes the most probable one is predicted; see --abstain-below"
            raise SettingError(found, "a model of two classes", hint)

    def chosen(self, probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the number of the class of each row; -1 where none is chosen.

        >>> p = np.array([[0.7, 0.3], [0.4, 0.6]])
        >>> print(Decision(threshold=0.2).chosen(p), Decision(abstain_below=0.65).chosen(p))
        [1 1] [ 0 -1]
        """
        if self.threshold is not None:
            return (probabilities[:, 1] >= self.threshold).astype(np.intp)
        winners = probabilities.argmax(axis=1)
        if self.abstain_below is None:
            return winners
        return np.where(probabilities.max(axis=1, initial=0.0) < self.abstain_below, -1, winners)
