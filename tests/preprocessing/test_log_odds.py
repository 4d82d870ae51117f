"""Log-odds of the classes from smoothed counts."""

from __future__ import annotations

import numpy as np

from epochal.preprocessing.log_odds import PRIOR_ROWS, log_odds


def test_a_name_without_rows_says_nothing(rng: np.random.Generator) -> None:
    """Its log-odds are 0, whatever the class shares are."""
    shares = rng.dirichlet(np.ones(5))
    np.testing.assert_allclose(log_odds(np.zeros((2, 5)), shares), 0.0, atol=1e-12)


def test_they_are_those_of_smoothed_shares(rng: np.random.Generator) -> None:
    """The exponentials, times the class shares, are shares with the prior rows added; they sum to 1."""
    shares, counts = rng.dirichlet(np.ones(4)), rng.integers(9, size=(3, 4)).astype(float)
    p = np.exp(log_odds(counts, shares)) * shares
    expected = (counts + PRIOR_ROWS * shares) / (counts.sum(1, keepdims=True) + PRIOR_ROWS)
    np.testing.assert_allclose(p, expected)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


def test_many_rows_outweigh_the_prior() -> None:
    """With a million rows the log-odds are those of the counts."""
    found = log_odds(np.array([[9e5, 1e5]]), np.array([0.5, 0.5]))
    np.testing.assert_allclose(found, np.log([[1.8, 0.2]]), rtol=1e-4)
