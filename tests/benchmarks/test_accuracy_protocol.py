"""The protocol of the accuracy benchmark: the split, the figures, and what is kept of a run."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest

import accuracy_protocol as protocol
from accuracy_splits import Division


def _answer(parts, probabilities=None):
    """Return an answer with equal probabilities for the classes 0, 1, 2."""
    if probabilities is None:
        probabilities = np.full((len(parts.test), 3), 1 / 3)
    return protocol.Answer(probabilities, np.array(["0", "1", "2"]), 1.0, 2.0)


def test_only_tables_are_in_a_suite(suite):
    """A suite is the Parquet files that its manifest lists, in that order."""
    expected = [("first", suite / "first.parquet"), ("second", suite / "second.parquet")]

    assert list(protocol.tables(suite)) == expected


def test_a_split_gives_raw_columns_and_text_labels(suite):
    """Numbers come as float64 with NaN, the rest with None, labels as text, a fifth for testing."""
    parts = protocol.split(suite / "first.parquet", seed=0)

    assert (len(parts.train), len(parts.test)) == (160, 40)
    assert (len(parts.train_labels), len(parts.test_labels)) == (160, 40)
    assert [parts.train[name].dtype.kind for name in parts.train] == ["f", "f", "f", "O"]
    assert parts.train["size"].isna().any()
    assert set(parts.train["colour"]) == {"red", "green", None}
    assert set(parts.train_labels) == {"0", "1", "2"}
    assert "target" not in parts.train


def test_a_split_belongs_to_its_seed(suite):
    """The same seed splits alike, another one differently."""
    path = suite / "first.parquet"
    one, again, other = (protocol.split(path, seed) for seed in (0, 0, 1))

    pd.testing.assert_frame_equal(one.train, again.train)
    assert not one.train.equals(other.train)


def test_a_split_keeps_to_its_caps_and_to_the_shares_of_classes(suite):
    """Capped parts have so many rows, and classes in their shares."""
    path = suite / "first.parquet"
    whole, parts = protocol.split(path, 0), protocol.split(path, 0, train_cap=80, test_cap=20)

    assert (len(parts.train), len(parts.test)) == (80, 20)
    _, counts = np.unique(parts.train_labels, return_counts=True)
    _, before = np.unique(whole.train_labels, return_counts=True)
    assert np.abs(counts - before / 2).max() <= 1


def test_a_class_too_rare_to_split_is_left_out(tmp_path):
    """A class of four rows takes no part."""
    target = ["rare"] * 4 + ["a"] * 40 + ["b"] * 40
    pd.DataFrame({"x": range(84), "target": target}).to_parquet(tmp_path / "t.parquet")
    parts = protocol.split(tmp_path / "t.parquet", 0)

    assert {*parts.train_labels, *parts.test_labels} == {"a", "b"}


def test_figures_are_those_worked_by_hand():
    """Log-loss, error, AUC and calibration error of three rows."""
    p = np.array([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
    got = protocol.figures(np.array(["a", "a", "b"]), p, np.array(["a", "b"]))

    assert got["log_loss"] == pytest.approx(-math.log(0.8 * 0.4 * 0.7) / 3)
    assert got["error"] == pytest.approx(1 / 3)
    assert got["auc"] == pytest.approx(1.0)
    assert got["ece"] == pytest.approx((0.2 + 0.6 + 0.3) / 3)


def test_the_area_is_undefined_without_every_class():
    """Test rows of two out of three classes have no AUC."""
    p = np.full((2, 3), 1 / 3)

    assert protocol.figures(np.array(["a", "b"]), p, np.array(["a", "b", "c"]))["auc"] is None


def test_a_wrong_certainty_costs_a_bounded_loss():
    """A probability of 0 for the truth is taken for 1e-7."""
    got = protocol.figures(np.array(["a"]), np.array([[0.0, 1.0]]), np.array(["a", "b"]))

    assert got["log_loss"] == pytest.approx(-math.log(1e-7), rel=1e-6)


def test_classes_out_of_order_are_refused():
    """Classes that do not sort would be compared with the wrong columns."""
    with pytest.raises(ValueError, match="do not sort"):
        protocol.figures(np.array(["a"]), np.array([[0.5, 0.5]]), np.array(["b", "a"]))


def test_a_run_keeps_figures_and_warnings(suite):
    """What a method warns of stands beside its figures, once."""

    def method(parts):
        for _ in range(2):
            warnings.warn("look out", UserWarning, stacklevel=1)
        return _answer(parts)

    row = protocol.run(method, suite / "first.parquet", 0)

    assert (row["n_train"], row["n_test"], row["fit_s"], row["predict_s"]) == (160, 40, 1.0, 2.0)
    assert row["log_loss"] == pytest.approx(math.log(3))
    assert row["warnings"] == ["UserWarning: look out"]


def test_a_split_may_be_by_a_column(tmp_path):
    """Test rows are those of the latest fifth of the times, and the column stays a feature."""
    frame = pd.DataFrame({"at": np.arange(50) % 10, "target": np.arange(50) % 2})
    frame.to_parquet(tmp_path / "t.parquet")
    parts = protocol.split(tmp_path / "t.parquet", 0, by=Division("time", "at"))

    assert set(parts.test["at"]) == {8.0, 9.0}
    assert set(parts.train["at"]) == set(map(float, range(8)))


def test_probabilities_are_kept_with_the_columns_of_the_labels(suite, tmp_path):
    """They are stored as float16, and the labels as numbers of their columns."""
    keep = tmp_path / "new" / "first-0.5-m.npy"
    parts = protocol.split(suite / "first.parquet", 0)
    p = np.full((40, 3), 0.25)
    p[:, 1] = 0.5

    protocol.run(lambda _: _answer(parts, p), suite / "first.parquet", 0, keep=keep)

    stored, columns = np.load(keep), np.load(tmp_path / "new" / "first-0.5-m.labels.npy")
    assert (stored.dtype, stored.shape) == (np.float16, (40, 3))
    np.testing.assert_array_equal(stored, p)
    np.testing.assert_array_equal(columns.astype(str), parts.test_labels)


def test_a_failure_is_a_result(suite):
    """A method that fails leaves a row that says how."""

    def method(parts):
        raise RuntimeError("no idea")

    row = protocol.run(method, suite / "first.parquet", 3)

    assert (row["failed"], row["seed"]) == ("RuntimeError: no idea", 3)
    assert "log_loss" not in row


def test_it_is_told_how_few_rows_make_up_half_of_the_loss():
    """One row of 101 with a tiny probability, and 100 that are nearly sure."""
    sure, lost = np.array([[0.99, 0.01]]), np.array([[1e-6, 1 - 1e-6]])
    p = np.concatenate([np.repeat(sure, 100, axis=0), lost])
    found = protocol.figures(np.array(["a"] * 101), p, np.array(["a", "b"]))
    losses = -np.log(p[:, 0])

    assert found["half_of_loss"] == 1
    assert found["log_loss_se"] == pytest.approx(losses.std() / np.sqrt(101))
    assert (
        protocol.figures(np.array(["a"] * 100), p[:100], np.array(["a", "b"]))["half_of_loss"] == 50
    )
