"""A member as a view on the model."""

import numpy as np
import pandas as pd

from epochal import EpochalClassifier

X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
Y = np.where(X["a"] > 0, "up", "down")


def test_a_member_has_its_own_everything():
    """Weights, curves and probabilities are the member's own; their mean is the ensemble's."""
    ours = EpochalClassifier(
        n_estimators=3, hidden_layer_sizes=(4,), max_iter=2, calibrate=False, random_state=0
    ).fit(X, Y)
    first, second, _ = ours.estimators_
    mean = np.mean([member.predict_proba(X) for member in ours.estimators_], axis=0)

    assert not np.array_equal(first.coefs_[0], second.coefs_[0])
    assert first.intercepts_[-1].shape == (2,)
    assert len(first.loss_curve_) == len(first.validation_loss_curve_) == 2
    assert first.best_epoch_ in {1, 2}
    assert first.outcome_ == "reached max_iter"
    assert set(first.predict(X)) <= set(first.classes_)
    np.testing.assert_allclose(mean, ours.predict_proba(X), atol=1e-12)


def test_a_member_takes_arrays_too():
    """Lists and arrays are taken by position."""
    ours = EpochalClassifier(n_estimators=1, hidden_layer_sizes=(4,), max_iter=1).fit(
        X.to_numpy(), Y
    )

    assert ours.estimators_[0].predict_proba(X.to_numpy().tolist()).shape == (60, 2)
