"""What a fitted classifier has learned, read off the fit's result: attributes that end in `_`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from epochal.member import Member

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from epochal.config.settings import Settings
    from epochal.fit_types import Fitted
    from epochal.model.description import Model
    from epochal.records import History, OutOfBag


class FittedAttributes:
    """Learned attributes; before the first fit each raises AttributeError, as is the contract."""

    _fitted: Fitted

    @property
    def model_(self) -> Model:
        """The model: all that is saved."""
        return self._result().model

    @property
    def classes_(self) -> np.ndarray:
        """The class labels, sorted, as they came."""
        return self.model_.classes

    @property
    def settings_(self) -> Settings:
        """The settings of the fit, with "auto" resolved for its rows."""
        return self.model_.settings

    @property
    def history_(self) -> History:
        """Curves, best epochs and outcomes per member."""
        return self.model_.history

    @property
    def out_of_bag_(self) -> OutOfBag | None:
        """Scores on the rows that members left out."""
        return self.model_.out_of_bag

    @property
    def oob_score_(self) -> float:
        """Accuracy on the rows that members left out."""
        score = self.out_of_bag_
        if score is None:
            msg = "no member left a row out: there is no oob_score_"
            raise AttributeError(msg)
        return score.accuracy

    @property
    def oob_decision_function_(self) -> np.ndarray:
        """Probabilities of each row by the members that left it out."""
        oob_probabilities = self._result().oob_probabilities
        if oob_probabilities is None:
            reason = "no member left a row out" if self.out_of_bag_ is None else "memory is limited"
            msg = f"{reason}: there is no oob_decision_function_"
            raise AttributeError(msg)
        return oob_probabilities

    @property
    def estimators_(self) -> list[Member]:
        """The members, each with its own weights, curves and probabilities."""
        return [Member(self.model_, number) for number in range(len(self.model_.members))]

    @property
    def coefs_(self) -> list[np.ndarray]:
        """The weights of the one network."""
        return self._single().coefs_

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """The biases of the one network."""
        return self._single().intercepts_

    @property
    def loss_curve_(self) -> list[float]:
        """Training loss after each epoch, averaged over the members still training."""
        return _averaged(self.history_.training_loss)

    @property
    def validation_loss_curve_(self) -> list[float]:
        """Validation loss after each epoch, averaged over the members still training."""
        return _averaged(self.history_.validation_loss)

    @property
    def n_iter_(self) -> int:
        """Epochs done, since the first fit if it was gone on from."""
        return self.history_.epochs

    @contextmanager
    def restored_on_error(self) -> Iterator[None]:
        """Return a context that restores the estimator if anything in it fails."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _result(self) -> Fitted:
        """Return what the last fit gave."""
        if "_fitted" not in self.__dict__:
            msg = f"this {type(self).__name__} is not fitted yet: call fit first"
            raise AttributeError(msg)
        return self._fitted

    def _single(self) -> Member:
        """Return the one network, where there is only one."""
        members = self.estimators_
        if len(members) > 1:
            msg = f"there are {len(members)} networks: see coefs_ of each of estimators_"
            raise AttributeError(msg)
        return members[0]


def _averaged(curves: Sequence[Sequence[float]]) -> list[float]:
    """Return the mean at each epoch over the curves that reach it."""
    longest = max(map(len, curves))
    return [
        float(np.mean([curve[e] for curve in curves if len(curve) > e])) for e in range(longest)
    ]
