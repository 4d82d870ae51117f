"""Tables of target statistics, by member and inner fold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from epochal.loader.batches import ArraySource
from epochal.loader.encode import Encoded, RowMetadata
from epochal.loader.target_tables import (
    Entries,
    max_entries,
    statistics_of,
    target_tables,
)
from epochal.preprocessing.feature_layout import target_statistics_count
from epochal.preprocessing.log_odds import log_odds
from epochal.preprocessing.name_selection import TARGET_FOLDS
from epochal.preprocessing.preprocessor import Preprocessor
from epochal.preprocessing.statistics import Target
from epochal.splitting.bagging import AllRowsBags, BootstrapBags, FoldBags
from epochal.tables.text_hashes import buckets_of, text_hashes

ROWS, NAMES = 600, 40


class Case:
    """Encoded rows of one column of names and one of numbers, with labels, weights and folds."""

    def __init__(
        self,
        rng: np.random.Generator,
        classes: int = 3,
        most: int = 10_000,
        *,
        weighted: bool = True,
    ) -> None:
        self.names = rng.integers(NAMES, size=ROWS)
        # Names that say nothing of the class have no statistics.
        by_name = rng.integers(classes, size=NAMES)[self.names]
        self.labels = np.where(rng.random(ROWS) < 0.5, by_name, rng.integers(classes, size=ROWS))
        self.weight = rng.uniform(0.5, 1.5, ROWS) if weighted else np.ones(ROWS)
        self.folds = (np.arange(ROWS) % TARGET_FOLDS).astype(np.uint8)
        self.classes = classes
        table = pa.table({"name": [f"n{n}" for n in self.names], "z": rng.normal(size=ROWS)})
        self.preprocessor = Preprocessor.fit(
            table,
            self.weight,
            variance_epsilon=1e-8,
            clip=3.0,
            max_categories=4,
            n_bins=(4, 8),
            target=Target(self.labels, self.folds, classes, most),
        )
        known = RowMetadata(self.labels, self.weight, None, self.folds)
        x = known.encode(self.preprocessor, table)
        self.pool = Encoded(ArraySource(x), known)

    def tables(self, bags: object, *, ordered: bool = False) -> np.ndarray:
        """Return the tables of all members."""
        tables = target_tables(self.pool, bags, self.preprocessor, self.classes, ordered=ordered)
        assert tables is not None
        return tables

    def entry(self, name: int) -> int:
        """Return the entry of a name."""
        (vocabulary,) = self.preprocessor.vocabularies
        return 1 + vocabulary.names.index(f"n{name}")


def standardised(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return columns with the weighted mean 0 and deviation 1 of the rows."""
    mean = np.average(values, axis=0, weights=weight)
    return (values - mean) / np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))


def test_a_row_has_the_statistics_of_the_other_folds(rng: np.random.Generator) -> None:
    """As the formula has it, over the member's rows in other folds with the same name."""
    case = Case(rng)
    fold = rng.integers(4, size=ROWS)
    tables = case.tables(FoldBags(4, 4, (fold,)))
    member = 2
    trains = fold != member
    rows = np.flatnonzero(trains)
    expected = []
    for row in rows:
        others = trains & (case.names == case.names[row]) & (case.folds != case.folds[row])
        counts = np.bincount(case.labels[others], case.weight[others], minlength=3)
        shares = np.bincount(case.labels[trains], case.weight[trains], minlength=3) + 0.5
        found = log_odds(counts, shares / shares.sum())
        expected.append([*found, np.log1p(counts.sum())])
    entries = [case.entry(name) for name in case.names[rows]]
    np.testing.assert_allclose(
        tables[member, case.folds[rows], entries],
        standardised(np.array(expected), case.weight[rows]),
        rtol=2e-3,
        atol=2e-4,
    )


@pytest.mark.parametrize("kind", ["folds", "bootstrap"])
def test_left_out_labels_change_nothing(rng: np.random.Generator, kind: str) -> None:
    """With other labels of the rows that a member leaves out its tables are the same, bit for bit."""
    seed = int(rng.integers(2**31))
    drawn = rng.poisson(1.0, size=(3, ROWS)).astype(np.uint16)
    fold = rng.integers(3, size=ROWS)
    bags = FoldBags(3, 3, (fold,)) if kind == "folds" else BootstrapBags(drawn)
    case, other = (Case(np.random.default_rng(seed)) for _ in range(2))
    left_out = bags.oob_rows(1)
    other.labels[left_out] = (other.labels[left_out] + 1) % 3
    np.testing.assert_array_equal(case.tables(bags)[1], other.tables(bags)[1])
    assert (case.tables(bags)[0] != other.tables(bags)[0]).any()


def test_labels_of_a_fold_are_not_in_its_own_table(rng: np.random.Generator) -> None:
    """Before it is standardised: relative to the mean of the rows all entries move alike."""
    seed = int(rng.integers(2**31))
    case, other = (Case(np.random.default_rng(seed), weighted=False) for _ in range(2))
    # The same shares of classes, so that the prior stays.
    inside = np.flatnonzero(case.folds == 1)
    other.labels[inside] = other.labels[np.random.default_rng(1).permutation(inside)]
    one, two = (c.tables(AllRowsBags(1))[0, 1, :, 0] for c in (case, other))
    slope = np.polyfit(one[1:], two[1:], 1)
    np.testing.assert_allclose(two[1:], np.polyval(slope, one[1:]), atol=1e-4)


def test_in_time_a_row_has_the_statistics_of_earlier_folds(rng: np.random.Generator) -> None:
    """The labels of later folds are in no table but the last."""
    seed = int(rng.integers(2**31))
    case, other = (Case(np.random.default_rng(seed), weighted=False) for _ in range(2))
    later = np.flatnonzero(case.folds >= 2)
    other.labels[later] = other.labels[np.random.default_rng(1).permutation(later)]
    one, two = (c.tables(AllRowsBags(1), ordered=True)[0] for c in (case, other))
    slope = np.polyfit(one[2, 1:, 0], two[2, 1:, 0], 1)
    np.testing.assert_allclose(two[2, 1:, 0], np.polyval(slope, one[2, 1:, 0]), atol=1e-4)
    # The first fold has none before it: its entries are all alike.
    assert np.ptp(one[0, 1:, 0]) < 1e-6


def test_a_name_that_a_shortened_vocabulary_may_lack_is_in_its_bucket(
    rng: np.random.Generator,
) -> None:
    """Of a member, and a fold, for which it is as rare as those that are lacking."""
    case = Case(rng, most=20)
    (vocabulary,) = case.preprocessor.vocabularies
    names = [int(name[1:]) for name in vocabulary.names]
    assert len(names) <= 10
    assert vocabulary.buckets > 1
    tables = case.tables(AllRowsBags(1))[0]
    for fold in range(TARGET_FOLDS):
        outside = case.folds != fold
        left = np.array([case.weight[outside & (case.names == n)].sum() for n in names])
        rare = np.flatnonzero(left <= vocabulary.max_absent_weight)
        assert len(rare)
        buckets = 1 + vocabulary.fallbacks[rare]
        np.testing.assert_array_equal(tables[fold, 1 + rare], tables[fold, buckets])


def test_a_bucket_counts_as_one_of_its_names() -> None:
    """With k names in it, it has a k-th of their rows; k follows from the share of empty buckets."""
    buckets, names = 1000, 3000
    hashes = buckets_of(text_hashes(pa.array([f"{n}" for n in range(names)])), buckets)
    counts = np.zeros((1 + 2 + buckets, 2))
    counts[1] = 30.0, 10.0  # a frequent name
    np.add.at(counts[3:], hashes, [3.0, 2.0])
    entries = Entries(
        vocabulary=np.r_[0, np.ones(2 + buckets, int)],
        unknown=np.r_[np.inf, 5.0, 5.0, np.zeros(buckets)],
        fallbacks=np.r_[0, 3, 2, np.arange(3, 3 + buckets)],
        is_bucket=np.r_[False, False, False, np.ones(buckets, bool)],
    )
    shared = entries.with_buckets(counts)
    occupied = counts[3:].any(axis=1)
    in_each = names / np.count_nonzero(occupied)
    np.testing.assert_allclose(shared[3:], counts[3:] / in_each, rtol=0.08)
    np.testing.assert_allclose(shared[3:][occupied].mean(axis=0), [3.0, 2.0], rtol=0.08)
    assert shared[1].tolist() == [30.0, 10.0]


def test_a_rare_name_adds_to_its_bucket() -> None:
    """Its rows count with those of the absent names there, and it has the bucket's statistics."""
    entries = Entries(
        vocabulary=np.array([0, 1, 1, 1, 1]),
        unknown=np.array([np.inf, 2.0, 2.0, 0.0, 0.0]),
        fallbacks=np.array([0, 4, 2, 3, 4]),
        is_bucket=np.array([False, False, False, True, True]),
    )
    shared = entries.with_buckets(np.array([[9.0, 9], [1, 1], [0, 0], [0, 0], [2, 0]]))
    assert (shared[4] / shared[4, 1]).tolist() == [3.0, 1.0]
    assert shared[1].tolist() == shared[4].tolist()
    assert shared[0].tolist() == [0.0, 0.0]


def test_unknown_names_are_those_without_rows(rng: np.random.Generator) -> None:
    """Their entry has log-odds of 0 before it is standardised, and no word has zeros."""
    case = Case(rng, classes=2)
    tables = case.tables(AllRowsBags(1))[0]
    entries = Entries.of(case.preprocessor)
    assert np.isinf(entries.unknown[[0, -1]]).all()
    assert (tables[:, 0] == 0).all()
    assert (tables[:, -1] == tables[0, -1]).all()


def test_statistics_are_standardised_over_the_rows(rng: np.random.Generator) -> None:
    """Mean 0 and deviation 1, weighted."""
    case = Case(rng)
    tables = case.tables(AllRowsBags(1))[0]
    values = tables[case.folds, [case.entry(name) for name in case.names]].astype(np.float64)
    np.testing.assert_allclose(np.average(values, axis=0, weights=case.weight), 0, atol=1e-4)
    square = np.average(values**2, axis=0, weights=case.weight)
    np.testing.assert_allclose(square, 1, atol=1e-3)


def test_of_two_classes_one_number_says_all() -> None:
    """It is the difference of both logarithms."""
    counts, shares = np.array([[3.0, 5.0]]), np.array([0.25, 0.75])
    both = log_odds(counts, shares)[0]
    np.testing.assert_allclose(statistics_of(counts, shares)[0], [both[1] - both[0], np.log(9)])


def test_the_log_odds_of_very_many_classes_are_projected(rng: np.random.Generator) -> None:
    """As many numbers as `target_statistics_count` says, which are the same each time."""
    counts, shares = rng.poisson(1.0, (7, 90)).astype(float), np.full(90, 1 / 90)
    found = statistics_of(counts, shares)
    assert found.shape == (7, target_statistics_count(90)) == (7, 33)
    np.testing.assert_array_equal(found, statistics_of(counts, shares))


def test_tables_are_of_bounded_size() -> None:
    """More statistics of an entry leave room for fewer entries."""
    assert max_entries(2) * 2 == max_entries(4) * 4


def test_without_vocabularies_there_are_no_tables(rng: np.random.Generator) -> None:
    """Nothing is counted for columns of numbers."""
    table = pa.table({"z": rng.normal(size=20)})
    preprocessor = Preprocessor.fit(table, variance_epsilon=1e-8, clip=3.0, max_categories=4)
    known = RowMetadata(np.arange(20) % 2, np.ones(20))
    pool = Encoded(ArraySource(known.encode(preprocessor, table)), known)
    assert target_tables(pool, AllRowsBags(1), preprocessor, 2, ordered=False) is None
