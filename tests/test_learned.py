"""Learned attributes before and after a fit; their values are tested in test_classifier."""

import pytest

from epochal import EpochalClassifier
from epochal.learned import LearnedAttributes

NAMES = [name for name in vars(LearnedAttributes) if name.endswith("_") and name[0] != "_"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_learned_before_a_fit(name):
    """Each attribute raises AttributeError on an estimator that is not fitted."""
    with pytest.raises(AttributeError, match="not fitted"):
        getattr(EpochalClassifier(), name)


def test_there_are_attributes():
    """The list above is not empty."""
    assert len(NAMES) >= 10
