"""The peers: how they are named, and what they are given."""

from __future__ import annotations

import numpy as np
import pandas as pd

import accuracy_peers
from accuracy_protocol import Split


def _parts():
    """Return a small split of a mixed table."""
    train = pd.DataFrame({"a[1]": [1.0, np.nan, 3.0], "b": np.array(["x", None, "y"], object)})
    test = pd.DataFrame({"a[1]": [2.0], "b": np.array(["z"], object)})
    return Split(train, np.array(["n", "y", "n"]), test, np.array(["n"]))


def test_peers_are_known_by_name():
    """Every peer of the page can be run again; another name is none."""
    for name in (
        "lgbm",
        "lgbm_es",
        "lgbm_bag8",
        "xgb",
        "xgb_es",
        "xgb_bag8",
        "cat",
        "cat_es",
        "cat_bag8",
        "realmlp",
        "realmlp_ce",
        "tabm",
    ):
        assert callable(accuracy_peers.method_of(name))
    assert accuracy_peers.method_of("forest") is None


def test_categories_are_those_of_training_rows():
    """Texts become categories of both parts, unseen ones missing, and names become plain."""
    train, test = accuracy_peers._categories(_parts())

    assert list(train) == list(test) == ["f0", "f1"]
    assert list(train["f1"].cat.categories) == ["x", "y"]
    assert test["f1"].isna().all()
    assert list(accuracy_peers._texts(train)["f1"]) == ["x", "__na__", "y"]


def test_rows_to_stop_by_are_a_fifth_and_rare_classes_stay():
    """Both parts are whole rows; a class of two rows is in the training part only."""
    labels = np.array(["n", "y"] * 20 + ["r", "r"])
    train, stop, classes = accuracy_peers._stopping(labels)

    assert (len(train), len(stop)) == (34, 8)
    assert sorted([*train, *stop]) == list(range(42))
    assert set(labels[stop]) == {"n", "y"}
    assert (labels[train] == "r").sum() == 2
    assert list(classes) == ["n", "r", "y"]


class _Constant:
    """A model that predicts the class shares of the rows it was fitted to."""

    def fit(self, labels):
        """Remember the shares."""
        self.shares = np.bincount(labels) / len(labels)

    def predict_proba(self, test):
        """Return the shares of every row."""
        return np.tile(self.shares, (len(test), 1))


def split_of_80():
    """Return 80 rows of one column, and their split: a quarter of the labels is y."""
    train = pd.DataFrame({"a": np.arange(80.0)})
    labels = np.array(["n", "n", "n", "y"] * 20)
    parts = Split(train, labels, train[:3], labels[:3])
    return train, parts


def test_a_bag_averages_the_models_of_its_folds():
    """Eight models, each of the other folds' rows and stopped by its own fold; rows sum to 1."""
    train, parts = split_of_80()
    seen = []

    def stopped(rows, numbers, held, held_numbers):
        """Return a model, and what fits it."""
        seen.append((len(rows), len(held), len(held_numbers)))
        model = _Constant()
        return model, lambda: model.fit(numbers)

    answer = accuracy_peers._bagged(stopped, (train, train[:3]), parts)

    assert seen == [(70, 10, 10)] * 8
    np.testing.assert_allclose(answer.probabilities, [[0.75, 0.25]] * 3, atol=0.02)


def test_a_stopped_model_has_the_rows_and_labels_of_its_part():
    """It is fitted to four fifths, stopped by the rest, and asked about the test rows."""
    train, parts = split_of_80()
    seen = []

    def stopped(rows, numbers, held, held_numbers):
        """Return a model, and what fits it."""
        seen.append((len(rows), len(held)))
        for part, own in ((rows, numbers), (held, held_numbers)):
            np.testing.assert_array_equal(
                np.array(["n", "y"])[own], parts.train_labels[part["a"].astype(int)]
            )
        model = _Constant()
        return model, lambda: model.fit(numbers)

    answer = accuracy_peers._stopped(stopped, (train, train[:3]), parts)

    assert seen == [(64, 16)]
    np.testing.assert_allclose(answer.probabilities, [[0.75, 0.25]] * 3)
    assert list(answer.classes) == ["n", "y"]


def test_a_plain_model_is_fitted_to_all_rows():
    """Its labels are numbers of classes, in the order of the classes."""
    train = pd.DataFrame({"a": np.arange(4.0)})
    parts = Split(train, np.array(["y", "n", "y", "y"]), train[:1], np.array(["y"]))

    class Whole(_Constant):
        """A model that remembers its rows."""

        def fit(self, rows, labels):
            """Remember the rows and the shares."""
            self.rows, self.labels = len(rows), list(labels)
            super().fit(labels)

    model = Whole()
    answer = accuracy_peers._plain(model, (train, train[:1]), parts)

    assert (model.rows, model.labels) == (4, [1, 0, 1, 1])
    np.testing.assert_allclose(answer.probabilities, [[0.25, 0.75]])
    assert list(answer.classes) == ["n", "y"]
