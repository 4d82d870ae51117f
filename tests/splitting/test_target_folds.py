"""Inner folds: parts of the training rows that target statistics leave out in turn."""

from __future__ import annotations

import numpy as np
import pytest

from epochal.preprocessing.name_selection import TARGET_FOLDS
from epochal.splitting.target_folds import target_folds


def test_folds_are_of_equal_size(rng: np.random.Generator) -> None:
    """No fold has more than one row more than another."""
    sizes = np.bincount(target_folds(1002, rng), minlength=TARGET_FOLDS)
    assert len(sizes) == TARGET_FOLDS
    assert sizes.max() - sizes.min() <= 1


def test_rows_of_a_group_are_in_one_fold(rng: np.random.Generator) -> None:
    """Every group has one fold, and the groups are in all folds."""
    groups = rng.integers(50, size=1000)
    folds = target_folds(1000, rng, groups=groups)
    assert all(len(set(folds[groups == group])) == 1 for group in range(50))
    assert set(folds) == set(range(TARGET_FOLDS))


@pytest.mark.parametrize("kind", ["int64", "datetime64[s]", "str"])
def test_folds_follow_each_other_in_time(rng: np.random.Generator, kind: str) -> None:
    """A later row is never in an earlier fold, and equal timestamps are in one."""
    numbers = rng.integers(100, 400, size=1000)
    folds = target_folds(1000, rng, timestamps=numbers.astype(kind)).astype(int)
    order = np.argsort(numbers, kind="stable")
    assert (np.diff(folds[order]) >= 0).all()
    assert all(len(set(folds[numbers == number])) == 1 for number in np.unique(numbers))


def test_folds_are_a_function_of_the_generator() -> None:
    """The same stream of random numbers gives the same folds."""
    one, other = (target_folds(40, np.random.default_rng(5)) for _ in range(2))
    assert (one == other).all()
