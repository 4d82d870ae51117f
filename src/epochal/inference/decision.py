"""Decision rules: from probabilities to a predicted class, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Decision(NamedTuple):
    """A decision rule: by default the most probable class is predicted.

    `threshold`: of two classes, the second one (in their order) is predicted if its probability is at
    least the threshold, else the first one. `abstain_below`: no class is predicted if the highest
    probability is lower.
    """

    threshold: float | None = None
    abstain_below: float | None = None

    def check(self, classes: int) -> None:
        """Refuse a threshold unless there are two classes; return nothing."""
        if self.threshold is not None and classes != 2:
            found = f"--threshold beside a model of {classes} classes"
            hint = "with more classes the most probable one is predicted; see --abstain-below"
            raise SettingError(found, "a model of two classes", hint)

    def chosen(self, probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the number of the predicted class of each row; -1 for none.

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
