"""Laws of holding out and of folding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal.errors import DataError
from epochal.splitting.stratified import folds, holdout, latest

classes_of_rows = st.lists(st.integers(0, 6), min_size=1, max_size=200).map(np.array)
seeds = st.integers(0, 2**32)
fractions = st.floats(0.01, 0.99)


def parts(validates):
    """Return the numbers of the rows that train, and of those that validate."""
    return np.flatnonzero(~validates), np.flatnonzero(validates)


@settings(deadline=None)
@given(classes_of_rows, fractions, seeds)
def test_every_row_trains_or_validates(indices, fraction, seed):
    """Both parts are sorted, do not meet, and together are all rows."""
    training, validation = parts(holdout(indices, fraction, np.random.default_rng(seed)))

    assert (np.diff(training) > 0).all()
    assert (np.diff(validation) > 0).all()
    assert sorted([*training, *validation]) == list(range(len(indices)))


@settings(deadline=None)
@given(classes_of_rows, fractions, seeds)
def test_every_class_validates_its_share(indices, fraction, seed):
    """A class's validation rows are its fraction up to less than one row, and one row trains."""
    training, validation = parts(holdout(indices, fraction, np.random.default_rng(seed)))
    counts = np.bincount(indices)
    validating = np.bincount(indices[validation], minlength=len(counts))
    shares = counts * fraction

    assert set(indices[training]) == set(indices)
    assert (np.abs(validating - np.minimum(shares, np.maximum(counts - 1, 0))) < 1 + 1e-9).all()


@settings(deadline=None)
@given(classes_of_rows, fractions, seeds)
def test_all_validation_rows_are_the_fraction(indices, fraction, seed):
    """Together the validation rows are the rounded fraction, where single rows leave room."""
    _, validation = parts(holdout(indices, fraction, np.random.default_rng(seed)))
    counts = np.bincount(indices)

    wanted = max(round(len(indices) * fraction), 1)
    room = counts - 1 >= np.ceil(counts * fraction)
    assert len(validation) <= wanted
    if room[counts > 0].all():
        assert len(validation) == wanted


@settings(deadline=None)
@given(classes_of_rows, st.integers(2, 12), seeds)
def test_folds_are_even(indices, n_folds, seed):
    """Sizes of folds, and rows of any class in them, differ by at most one."""
    numbers = folds(indices, n_folds, np.random.default_rng(seed))

    assert numbers.dtype == np.uint16
    assert np.ptp(np.bincount(numbers, minlength=n_folds)) <= 1
    for label in np.unique(indices):
        assert np.ptp(np.bincount(numbers[indices == label], minlength=n_folds)) <= 1


@pytest.mark.parametrize(
    "deal",
    [lambda i, g: parts(holdout(i, 0.3, g))[1], lambda i, g: folds(i, 4, g)],
    ids=["holdout", "folds"],
)
def test_dealing_is_a_function_of_the_generator(deal):
    """The same stream deals the same rows, another stream others."""
    indices = np.repeat([0, 1], 50)
    first, same, other = (deal(indices, np.random.default_rng(seed)) for seed in (1, 1, 2))

    assert first.tolist() == same.tolist()
    assert first.tolist() != other.tolist()


def test_every_row_is_as_likely_to_validate():
    """Over many streams every row of a class validates as often as its neighbours."""
    indices = np.repeat([0, 1], [30, 10])
    times = np.zeros(40)
    for seed in range(2000):
        times[parts(holdout(indices, 0.2, np.random.default_rng(seed)))[1]] += 1

    assert np.abs(times / 2000 - 0.2).max() < 0.05


def test_which_rare_class_validates_is_drawn():
    """Of many classes of two rows each, different ones give a validation row."""
    indices = np.repeat(np.arange(20), 2)
    validating = [
        tuple(np.unique(indices[parts(holdout(indices, 0.1, np.random.default_rng(seed)))[1]]))
        for seed in range(5)
    ]

    assert all(len(classes) == 4 for classes in validating)
    assert len(set(validating)) > 1


def test_classes_of_one_row_train():
    """Where every class has one row, nothing is left to validate."""
    training, validation = parts(holdout(np.arange(5), 0.5, np.random.default_rng(0)))

    assert training.tolist() == [0, 1, 2, 3, 4]
    assert validation.tolist() == []


def test_no_rows_are_no_parts():
    """Nothing to deal is dealt without a crash."""
    nothing = np.array([], dtype=np.int64)

    assert len(folds(nothing, 3, np.random.default_rng(0))) == 0
    assert [len(part) for part in parts(holdout(nothing, 0.5, np.random.default_rng(0)))] == [0, 0]


@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=99).filter(lambda t: len(set(t)) > 1),
    fractions,
)
def test_the_latest_rows_validate(timestamps, fraction):
    """Every validation row is later than every training row, and there are both."""
    timestamps = np.array(timestamps)
    training, validation = parts(latest(timestamps, fraction))

    assert np.sort(np.r_[training, validation]).tolist() == list(range(len(timestamps)))
    assert timestamps[training].max() < timestamps[validation].min()


def test_as_many_of_the_latest_validate_as_were_asked_for():
    """Without ties it is the fraction to the row; texts and dates sort too."""
    timestamps = np.random.default_rng(0).permutation(100)

    assert sorted(timestamps[parts(latest(timestamps, 0.25))[1]]) == list(range(75, 100))
    assert parts(latest(np.array(["2024-05", "2023-01", "2024-01"]), 0.3))[1].tolist() == [0]
    assert parts(latest(timestamps.astype("datetime64[D]"), 0.01))[1].tolist() == [
        int(timestamps.argmax())
    ]


@pytest.mark.parametrize(
    ("timestamps", "words"),
    [
        (np.array([1.0, np.nan]), "missing in row 1"),
        (np.array(["2024-01-01", "NaT"], dtype="datetime64[D]"), "missing in row 1"),
        (np.array([5, 5]), "all rows have the same timestamp"),
    ],
)
def test_invalid_timestamps_are_refused(timestamps, words):
    """A missing timestamp, and a single one for all rows, are refused."""
    with pytest.raises(DataError, match=words):
        latest(timestamps, 0.5)
