"""Bags: which rows members train on and leave out; which columns and pixels they see."""

import numpy as np
import pytest

from epochal.config.presets import PRESETS
from epochal.config.settings import validated
from epochal.splitting.bagging import bags_for, feature_mask, number_from_share

LABELS = np.repeat(np.arange(3), [60, 30, 11]).astype(np.int32)
ROWS = np.arange(len(LABELS))


def bags(**settings):
    """Return bags for the labels above."""
    return bags_for(validated(PRESETS["default"], settings), LABELS, 5)


@pytest.mark.parametrize("settings", [{"bagging": "folds"}, {"bagging": "bootstrap"}])
def test_what_is_trained_on_is_not_left_out(settings):
    """Each row has a positive count or is out-of-bag, never both."""
    ours = bags(n_estimators=10, **settings)

    for member in range(10):
        sample_counts, oob_rows = ours.sample_counts(member, ROWS), ours.oob_rows(member)
        assert len(oob_rows) > 0
        np.testing.assert_array_equal(np.flatnonzero(sample_counts == 0), oob_rows)


def test_folds_leave_out_each_row_once():
    """As many members as folds leave out each row exactly once, each class in equal parts."""
    ours = bags(n_estimators=8, n_folds=8)
    oob_rows = [ours.oob_rows(member) for member in range(8)]

    assert sorted(np.concatenate(oob_rows)) == ROWS.tolist()
    for part in oob_rows:
        of_classes = np.bincount(LABELS[part], minlength=3)
        assert (abs(of_classes - np.array([60, 30, 11]) / 8) < 1).all()


def test_more_members_than_folds_are_dealt_anew():
    """Member 8 of eight folds leaves out another fold than member 0 did."""
    ours = bags(n_estimators=16, n_folds=8)

    assert sorted(np.concatenate([ours.oob_rows(k) for k in range(8, 16)])) == ROWS.tolist()
    assert set(ours.oob_rows(8)) != set(ours.oob_rows(0))


def test_a_bootstrap_draws_as_many_rows_as_there_are():
    """Counts sum to the number of rows or to max_samples of them, and about 37 % of all rows are out-of-bag."""
    whole, half = bags(bagging="bootstrap"), bags(bagging="bootstrap", max_samples=0.5)

    assert whole.sample_counts(0, ROWS).sum() == len(ROWS)
    assert half.sample_counts(0, ROWS).sum() == round(len(ROWS) / 2)
    assert 0.2 < len(whole.oob_rows(0)) / len(ROWS) < 0.5


@pytest.mark.parametrize("kind", ["folds", "bootstrap"])
def test_a_member_does_not_depend_on_the_others(kind):
    """Member 3 has the same bag among 4 and among 40, and not member 2's."""
    few, many = bags(bagging=kind, n_estimators=4), bags(bagging=kind, n_estimators=40)

    np.testing.assert_array_equal(few.sample_counts(3, ROWS), many.sample_counts(3, ROWS))
    assert not np.array_equal(few.sample_counts(3, ROWS), few.sample_counts(2, ROWS))


def test_without_bagging_all_see_all():
    """bagging=None trains every member on every row."""
    ours = bags(bagging=None)

    assert (ours.sample_counts(5, ROWS) == 1).all()
    assert not ours.has_oob
    assert len(ours.oob_rows(5)) == 0


def test_feature_subsets_take_whole_columns():
    """A member has the configured share of columns, with all features of a column or none."""
    groups = np.array([0, 1, 1, 1, 2, 3, 3])
    settings = validated(PRESETS["default"], {"max_features": 0.5})
    masks = [feature_mask(settings, groups[:, None], 0, member) for member in range(20)]

    for mask in masks:
        columns = {group: set(mask[groups == group]) for group in range(4)}
        assert all(len(values) == 1 for values in columns.values())
        assert sum(values == {True} for values in columns.values()) == 2
    assert len({tuple(mask) for mask in masks}) > 3


def test_a_pair_is_visible_where_both_columns_are():
    """Its statistics tell of both."""
    groups = np.array([[0, 0], [1, 1], [2, 2], [0, 2]])
    settings = validated(PRESETS["default"], {"max_features": 2})
    masks = [feature_mask(settings, groups, 0, member) for member in range(20)]

    assert all(mask[3] == (mask[0] and mask[2]) for mask in masks)
    assert {mask[3] for mask in masks} == {True, False}


@pytest.mark.parametrize(("share", "number"), [(1.0, 10), (0.25, 2), (3, 3), (99, 10), (0.001, 1)])
def test_amounts(share, number):
    """A share is a fraction or a number, at least one and at most all."""
    assert number_from_share(share, 10) == number


@pytest.mark.parametrize("bagging", ["folds", "bootstrap"])
def test_groups_are_left_out_whole(bagging):
    """A member trains on all rows of a group equally often, and leaves some groups out."""
    groups = np.repeat(np.arange(30), 4)
    labels = np.arange(120) % 2
    settings = validated(PRESETS["default"], {"bagging": bagging, "n_estimators": 5, "n_folds": 3})
    bags = bags_for(settings, labels, 0, groups)

    for member in range(5):
        sample_counts = bags.sample_counts(member, np.arange(120)).reshape(30, 4)
        assert (sample_counts == sample_counts[:, :1]).all()
        assert 0 < (sample_counts[:, 0] == 0).sum() < 20


def test_there_are_no_more_folds_than_groups():
    """Two groups are two folds."""
    settings = validated(PRESETS["default"], {"n_estimators": 4, "n_folds": 8})
    bags = bags_for(settings, np.zeros(6, int), 0, np.array([0, 0, 0, 1, 1, 1]))

    assert bags.n_folds == 2
    assert {len(bags.oob_rows(member)) for member in range(4)} == {3}
