"""How tables are divided: at random, by time, by group."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import accuracy_splits as splits
from accuracy_splits import Division


def test_a_manifest_says_which_column_divides(tmp_path):
    """Tables without the column are split at random, and so are all without a wish."""
    entries = [
        {"name": "a", "time_column": "at", "group_column": None},
        {"name": "b", "time_column": None, "group_column": "who"},
        {"name": "c"},
    ]
    (tmp_path / "manifest.json").write_text(json.dumps(entries))

    by_time, by_group = (splits.divisions_in(tmp_path, kind) for kind in ("time", "group"))
    assert by_time == {"a": Division("time", "at"), "b": splits.RANDOM, "c": splits.RANDOM}
    assert by_group == {"a": splits.RANDOM, "b": Division("group", "who"), "c": splits.RANDOM}
    assert set(splits.divisions_in(tmp_path, "random").values()) == {splits.RANDOM}


def test_the_latest_rows_test(rng):
    """Texts are read as times; the latest fifth tests, in whatever order the rows are."""
    at = pd.date_range("2020-01-01", periods=50, freq="D")
    order = rng.permutation(50)
    frame = pd.DataFrame({"at": at.astype(str).to_numpy()[order]})
    train, test = splits.divided(frame, np.zeros(50), 0, Division("time", "at"))

    assert sorted(order[test]) == list(range(40, 50))
    assert sorted([*train, *test]) == list(range(50))


@pytest.mark.parametrize(("counts", "tested"), [((60, 15, 25), 25), ((60, 25, 5), 30), ((9, 1), 1)])
def test_rows_of_a_time_stay_together(counts, tested):
    """The border is between two times, where the share of test rows is nearest to a fifth."""
    frame = pd.DataFrame({"year": np.repeat(np.arange(len(counts)), counts)})
    train, test = splits.divided(frame, np.zeros(len(frame)), 0, Division("time", "year"))

    assert len(test) == tested
    assert frame["year"][train].max() < frame["year"][test].min()


def test_a_single_time_cannot_divide():
    """There would be no row before."""
    frame = pd.DataFrame({"year": [2000, 2000]})

    with pytest.raises(ValueError, match="all rows have the same year"):
        splits.divided(frame, np.zeros(2), 0, Division("time", "year"))


def test_groups_stay_on_one_side():
    """A fifth of the groups tests, other groups with another seed; missing is a group."""
    who = np.array([*map(str, range(9)), None], object)
    frame = pd.DataFrame({"who": np.repeat(who, 5)})
    one, other = (
        splits.divided(frame, np.zeros(50), seed, Division("group", "who")) for seed in (0, 1)
    )

    for train, test in (one, other):
        assert (len(train), len(test)) == (40, 10)
        assert not set(frame["who"][train].fillna("?")) & set(frame["who"][test].fillna("?"))
    assert set(one[1]) != set(other[1])


def test_columns_that_only_divide_are_no_features():
    """The groups and weights of a table that is known for them are left out; elsewhere they stay."""
    frame = pd.DataFrame({"caseid": ["1"], "weight": [2.0], "x": [3.0]})

    assert list(splits.features_of(frame, Path("nass_cds_deaths.parquet"))) == ["x"]
    assert list(splits.features_of(frame, Path("other.parquet"))) == ["caseid", "weight", "x"]
