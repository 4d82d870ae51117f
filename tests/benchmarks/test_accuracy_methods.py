"""The methods of the accuracy benchmark answer for any table, by name."""

from __future__ import annotations

import numpy as np
import pytest

import accuracy_methods as methods
from accuracy_protocol import split


@pytest.mark.parametrize("name", ["logreg", "epochal:fast:max_iter=3"])
def test_a_method_gives_probabilities_of_all_classes(suite, name):
    """Each row of the test part gets probabilities that add up to 1."""
    parts = split(suite / "first.parquet", 0)
    answer = methods.method_of(name)(parts)

    assert answer.probabilities.shape == (40, 3)
    assert np.allclose(answer.probabilities.sum(axis=1), 1)
    assert list(answer.classes) == ["0", "1", "2"]
    assert answer.fit_seconds > 0
    assert answer.predict_seconds > 0


def test_settings_are_values_or_words():
    """Numbers, tuples and None are read as Python; anything else is a word."""
    settings = methods.settings_of("epochal:best:l2=0.1:hidden_layer_sizes=(8, 8):solver=sgd")

    assert settings == {
        "preset": "best",
        "random_state": 0,
        "l2": 0.1,
        "hidden_layer_sizes": (8, 8),
        "solver": "sgd",
    }


def test_an_unknown_method_is_refused():
    """The message names the methods there are."""
    with pytest.raises(ValueError, match="there are logreg, .*epochal:PRESET"):
        methods.method_of("forest")
