"""Targets that look like quantities are told before a training; continuous ones are refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from epochal.errors import DataError
from epochal.tables.labels import Coded
from epochal.tables.target import check_target


def texts(values, times=1):
    """Return numbers as labels of a text file."""
    return np.array([str(value) for value in values] * times, dtype=object)


QUIET = {
    "two classes of two rows": np.array([0, 1]),
    "classes": np.arange(10).repeat(30),
    "many names": np.array([f"n{k}" for k in range(500)], dtype=object),
    "one word among numbers": texts([*range(500), "x"]),
    "letters": np.array(list("abcdefghijklmnopqrstuvwxyz") * 9),
    "versions": texts(["2", "2.1", "2.10"], 3),
    "half stars": texts([k / 2 for k in range(10)], 20),
    "booleans": np.array([True, False]),
    "few rows": np.arange(20),
}


@pytest.mark.parametrize("name", QUIET)
def test_classes_pass_without_a_word(name):
    """Names, and a few numbers, are classes."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_target(QUIET[name], "y")


@pytest.mark.parametrize(
    "labels",
    [
        np.arange(60).repeat(5),
        texts(range(60), 5),
        Coded(texts(range(60)), np.arange(300) % 60),
        np.array([2**70 + k for k in range(60)], dtype=object),
    ],
    ids=["integers", "texts", "coded", "long integers"],
)
def test_many_different_numbers_are_told(labels):
    """They are trained on, after a warning that counts them."""
    with pytest.warns(UserWarning, match=r"column 'age' has 60 different numbers in .*regressor"):
        check_target(labels, "column 'age'")


@pytest.mark.parametrize(
    "labels",
    [
        texts([k / 7 for k in range(200)]),
        texts([round(k / 100, 2) for k in range(400)], 3),
        texts([0.13, 0.5, 2.75, 1]),
    ],
    ids=["all different", "grades", "few rows"],
)
def test_continuous_texts_are_refused_unless_they_are_names(labels):
    """Fractional numbers, nearly as many as rows, are refused as classes unless declared as names."""
    with pytest.raises(
        DataError, match="(?s)Unknown label type: continuous; p has.*--target-as-text"
    ):
        check_target(labels, "p")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_target(labels, "p", as_text=True)

    assert len(caught) == (len(set(labels.tolist())) > 20)
