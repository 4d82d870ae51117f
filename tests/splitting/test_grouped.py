"""Laws of splits that keep groups whole."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal.errors import DataError
from epochal.splitting.grouped import folds_of_groups, holdout_of_groups, numbered_groups

seeds = st.integers(0, 2**32)
rows = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=2, max_size=150)


def sides(validates):
    """Return the numbers of the rows that train, and of those that validate."""
    return np.flatnonzero(~validates), np.flatnonzero(validates)


def parts(pairs):
    """Return class and group numbers of drawn rows, or None if there is one group."""
    groups = np.unique([group for group, _ in pairs], return_inverse=True)[1]
    return np.array([label for _, label in pairs]), groups


@settings(deadline=None)
@given(rows, st.integers(2, 8), seeds)
def test_a_group_is_in_one_fold(pairs, n_folds, seed):
    """All rows of a group have the same fold, and no fold is empty while groups last."""
    indices, groups = parts(pairs)
    n_folds = min(n_folds, groups.max() + 1)
    numbers = folds_of_groups(indices, groups, n_folds, np.random.default_rng(seed))

    assert all(len(set(numbers[groups == group])) == 1 for group in range(groups.max() + 1))
    assert set(numbers) == set(range(n_folds))


@settings(deadline=None)
@given(
    rows.filter(lambda pairs: len({group for group, _ in pairs}) > 1), st.floats(0.01, 0.99), seeds
)
def test_a_group_is_on_one_side(pairs, fraction, seed):
    """Training and validation rows are all rows, share no group, and neither is empty."""
    indices, groups = parts(pairs)
    training, apart = sides(
        holdout_of_groups(indices, groups, fraction, np.random.default_rng(seed))
    )

    assert np.sort(np.r_[training, apart]).tolist() == list(range(len(groups)))
    assert not set(groups[training]) & set(groups[apart])
    assert min(len(training), len(apart)) > 0


def test_folds_of_groups_are_even_and_hold_every_class():
    """Of 400 groups of 1 to 9 rows, folds differ by a few rows, in all and of a rare class."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(400), random.integers(1, 10, size=400))
    indices = (random.random(len(groups)) < 0.1).astype(int)
    numbers = folds_of_groups(indices, groups, 8, random)
    sizes, rare = np.bincount(numbers), np.bincount(numbers, weights=indices)

    assert np.ptp(sizes) < 0.05 * sizes.mean()
    assert np.ptp(rare) <= 0.15 * rare.mean()


def test_the_fraction_of_groups_that_validates_is_near_the_one_asked_for():
    """Of many small groups, a fifth of the rows and of each class."""
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(500), random.integers(1, 6, size=500))
    indices = (np.arange(len(groups)) % 7 == 0).astype(int)
    _, apart = sides(holdout_of_groups(indices, groups, 0.2, random))

    assert len(apart) / len(groups) == pytest.approx(0.2, abs=0.01)
    assert indices[apart].sum() / indices.sum() == pytest.approx(0.2, abs=0.02)


def test_other_seeds_deal_other_folds_and_the_same_seed_the_same():
    """Lots decide, and they are a function of the seed."""
    groups, indices = np.repeat(np.arange(40), 3), np.zeros(120, int)
    dealt = [folds_of_groups(indices, groups, 4, np.random.default_rng(seed)) for seed in (0, 0, 1)]

    assert (dealt[0] == dealt[1]).all()
    assert (dealt[0] != dealt[2]).any()


@pytest.mark.parametrize(
    "values",
    [
        np.array(["b", "a", "b"]),
        np.array(["b", 1, "b"], dtype=object),
        np.array([2.5, -1.0, 2.5]),
        np.array(["2024-01-02", "2024-01-01", "2024-01-02"], dtype="datetime64[D]"),
        np.array([datetime.date(2024, 1, 2), datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)]),
    ],
    ids=["texts", "mixed", "floats", "dates", "objects"],
)
def test_groups_may_be_of_any_type(values):
    """Equal values have equal numbers, from 0."""
    numbers = numbered_groups(values)

    assert numbers[0] == numbers[2] != numbers[1]
    assert sorted(set(numbers)) == [0, 1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array(["a", None], dtype=object), "missing in row 1"),
        (np.array([np.nan, 1.0]), "missing in row 0"),
        (np.array(["a", "a"]), "all rows are of one group"),
    ],
)
def test_groups_that_cannot_be_are_refused(values, words):
    """A missing group is refused, and so is a single group."""
    with pytest.raises(DataError, match=words):
        numbered_groups(values)
