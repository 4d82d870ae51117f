"""Ctrl-C in a fit gives a model and a warning; in a search it ends the search."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score

from epochal import EpochalClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from epochal import EpochEvent

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a POSIX signal")
LONG = 100_000


class Fitting:
    """Rows, and a classifier that never ends by itself, whose first epoch of each fit is counted."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.X, self.fits = rng.normal(size=(60, 3)), 0
        self.y = (self.X[:, 0] > 0).astype(int)
        self.model = EpochalClassifier(
            preset="classic",
            hidden_layer_sizes=(4,),
            max_iter=LONG,
            early_stopping=False,
            callbacks=[self],
        )

    def __deepcopy__(self, _: dict[int, Any]) -> Fitting:
        """Return itself: clones count together."""
        return self

    def __call__(self, event: EpochEvent) -> None:
        """Press Ctrl-C after the second epoch."""
        self.fits += event.epoch == 1
        if event.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_gives_a_model_and_a_warning(rng: np.random.Generator) -> None:
    """It has the epochs so far, and predicts; afterwards Ctrl-C interrupts as before."""
    fitting = Fitting(rng)
    with pytest.warns(UserWarning, match="interrupted: the model has the best checkpoints") as told:
        model = fitting.model.fit(fitting.X, fitting.y)

    assert told[0].filename == __file__
    assert 2 <= model.n_iter_ < LONG
    assert model.predict_proba(fitting.X).shape == (60, 2)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    "loop",
    [
        lambda f: GridSearchCV(f.model, {"l2": [0.1, 0.2]}, cv=2).fit(f.X, f.y),
        lambda f: cross_val_score(f.model, f.X, f.y, cv=3),
        lambda f: BaggingClassifier(f.model, n_estimators=3).fit(f.X, f.y),
    ],
    ids=["search", "cross-validation", "bagging"],
)
def test_ctrl_c_ends_a_loop_of_fits(
    rng: np.random.Generator, loop: Callable[[Fitting], Any]
) -> None:
    """One Ctrl-C is enough: no other fit begins."""
    fitting = Fitting(rng)
    with pytest.raises(KeyboardInterrupt):
        loop(fitting)

    assert fitting.fits == 1


def test_an_interrupted_fit_in_a_loop_leaves_the_estimator_as_it_was(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after any other error."""
    fitting = Fitting(rng)
    monkeypatch.setattr("epochal.interrupted_fits.in_loop_of_fits", lambda: True)
    with pytest.raises(KeyboardInterrupt):
        fitting.model.fit(fitting.X, fitting.y)
    assert not hasattr(fitting.model, "model_")
