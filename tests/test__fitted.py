"""Learned attributes before and after a fit, and after a fit that fails; parameters that come back.

The values of learned attributes are tested in test_classifier.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from epochal import EpochalClassifier, load
from epochal._fitted import FittedAttributes
from epochal.cli.main import main
from epochal.errors import SettingError

SMALL = {"preset": "classic", "hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
X = np.random.default_rng(0).normal(size=(80, 3))
Y = np.where(X[:, 0] > 0, "up", "down")
COLUMNS = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]}
NAMES = [name for name in vars(FittedAttributes) if name.endswith("_") and name[0] != "_"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_learned_before_a_fit(name):
    """Each attribute raises AttributeError on an estimator that is not fitted."""
    with pytest.raises(AttributeError, match="not fitted"):
        getattr(EpochalClassifier(), name)


def test_there_are_attributes():
    """The list above is not empty."""
    assert len(NAMES) >= 10


def small(**parameters):
    """Return a small classifier."""
    return EpochalClassifier(**(SMALL | parameters))


def stop(event):
    """Raise from within a training, after its first epoch."""
    raise RuntimeError(f"stopped in epoch {event.epoch}")


FAILING = {
    "other columns, in an array": lambda ours: ours.fit(X[:, :2], ["one"] * 80),
    "other columns, in a frame": lambda ours: ours.fit(pd.DataFrame({"z": X[:, 0]}), [1] * 80),
    "a label that is missing": lambda ours: ours.fit(X[:, :2], [None] * 80),
    "infinity": lambda ours: ours.fit(np.full((80, 2), np.inf), Y),
    "a setting": lambda ours: ours.set_params(l2=-1.0).fit(X[:, :2], Y),
    "a callback": lambda ours: ours.set_params(callbacks=[stop]).fit(X[:, :2], Y),
    "validation rows": lambda ours: ours.fit(X[:, :2], Y, X_val=X, y_val=Y),
    "a chunk": lambda ours: ours.partial_fit(X, ["left"] * 80),
    "a chunk, in training": lambda ours: ours.set_params(callbacks=[stop]).partial_fit(X, Y),
}


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_fit_that_fails_leaves_the_model_whole(name, named):
    """After a failed fit, attributes and predictions are those of the last one, which a warm start continues."""
    rows = pd.DataFrame(COLUMNS) if named else X
    ours, same = (small(preset="fast").fit(rows, Y) for _ in range(2))
    model, before = ours.model_, ours.predict_proba(rows)
    with pytest.raises((ValueError, RuntimeError)):
        FAILING[name](ours)

    assert ours.model_ is model
    assert ours.n_features_in_ == 3
    assert getattr(ours, "feature_names_in_", np.array([])).tolist() == [*"abc"] * named
    np.testing.assert_array_equal(ours.predict_proba(rows), before)
    ours.set_params(l2="auto", callbacks=None).partial_fit(rows, Y)
    same.partial_fit(rows, Y)
    np.testing.assert_array_equal(ours.predict_proba(rows), same.predict_proba(rows))


def test_a_first_fit_that_fails_leaves_nothing():
    """An estimator that was not fitted is not half fitted."""
    ours = small()
    with pytest.raises(ValueError, match="one class"):
        ours.fit(pd.DataFrame(COLUMNS), [1] * 80)

    assert vars(ours) == vars(small())


ASKED = {
    "nothing": {},
    "classes by number": {"class_weight": {0: 1.0, 1: 2.5}},
    "balanced": {"class_weight": "balanced"},
    "columns": {"categorical_features": ["b", 2]},
    "texts": {"text_features": ["c", 0]},
    "settings": {"l2": 0.1, "bagging": "folds", "n_estimators": 2, "hidden_layer_sizes": (5,)},
    "off": {"bagging": None, "clip": None, "embedding_size": None},
    "going on": {"warm_start": True, "oob_score": True, "bagging": "folds", "n_estimators": 2},
    "any seed": {"random_state": None},
    "preset": {"preset": "fast"},
    "loud": {"verbose": 1},
}


@pytest.mark.parametrize("name", ASKED)
def test_parameters_come_back(name, tmp_path, capsys):
    """A loaded classifier has the parameters as given; "auto" is "auto", and clones are equal."""
    ours = small(**ASKED[name]).fit(pd.DataFrame(COLUMNS), (Y == "up").astype(int))
    ours.save(tmp_path / "m.epochal")
    again = load(tmp_path / "m.epochal")

    assert again.get_params() == ours.get_params()
    assert clone(again).get_params() == ours.get_params()
    assert again.settings_ == ours.settings_
    assert again.batch_size == "auto"
    assert isinstance(again.settings_.batch_size, int)
    again.save(tmp_path / "again.epochal")
    assert (tmp_path / "again.epochal").read_bytes() == (tmp_path / "m.epochal").read_bytes()


def test_class_weights_keep_the_type_of_labels(tmp_path):
    """True is not 1, and "1" is neither."""
    for labels in ([True, False], [1, 0], ["1", "0"]):
        y = np.array(labels)[(Y == "up").astype(int)]
        weights = dict(zip(labels, (1.0, 3.0), strict=True))
        small(class_weight=weights).fit(X, y).save(tmp_path / "m.epochal")
        found = load(tmp_path / "m.epochal").class_weight

        assert found == weights
        assert list(map(type, found)) == list(map(type, weights))


def test_what_is_of_a_machine_or_a_run_does_not_come_back(tmp_path):
    """The device, limits of memory and threads, the cache folder, callbacks; of a generator, the seed."""
    machine = {
        "device": "cpu",
        "memory_limit": "1GB",
        "cache_dir": None,
        "n_jobs": 1,
        "callbacks": [lambda _: None],
    }
    ours = small(**machine, random_state=np.random.RandomState(3)).fit(X, Y)
    ours.save(tmp_path / "m.epochal")
    again = load(tmp_path / "m.epochal")

    assert {name: getattr(again, name) for name in machine} == {
        "device": "auto",
        "memory_limit": None,
        "cache_dir": None,
        "n_jobs": None,
        "callbacks": None,
    }
    assert again.random_state == ours.model_.seed


def test_what_is_set_after_the_fit_is_saved(tmp_path):
    """As a pickled classifier has it; the settings of the fit stay beside."""
    ours = small().fit(X, Y).set_params(warm_start=True, max_iter=7)
    ours.save(tmp_path / "m.epochal")
    again = load(tmp_path / "m.epochal")

    assert (again.warm_start, again.max_iter) == (True, 7)
    assert again.settings_.max_iter == 2
    with pytest.raises(SettingError, match="'max_iter'"):
        ours.set_params(max_iter=-1).save(tmp_path / "m.epochal")


def test_a_refit_resolves_anew(tmp_path):
    """What was left to the rows goes by the new rows, and so it is as in a classifier never saved."""
    ours = small().fit(X[:60], Y[:60])
    ours.save(tmp_path / "m.epochal")
    many, labels = np.tile(X, (20, 1)), np.tile(Y, 20)
    again = load(tmp_path / "m.epochal").fit(many, labels)

    assert ours.settings_.batch_size == 16 * 2
    assert again.settings_.batch_size == clone(ours).fit(many, labels).settings_.batch_size > 32
    expected = clone(ours).fit(many, labels).predict_proba(X)
    np.testing.assert_array_equal(again.predict_proba(X), expected)


def test_a_model_of_the_program_has_the_same_meaning(tmp_path):
    """Command-line options become the classifier's parameters; --from keeps those of its model."""
    frame = pd.DataFrame(COLUMNS | {"zip": np.arange(80) % 5, "size": np.arange(80) % 7, "y": Y})
    frame.to_csv(tmp_path / "t.csv", index=False)
    out = str(tmp_path / "m.epochal")
    words = ["train", str(tmp_path / "t.csv"), "--target", "y", "--quiet", "--out", out]
    typed = ["--preset", "fast", "--max-iter", "2", "--categorical", "zip", "--random-state", "5"]
    typed += ["--text", "size"]
    assert main([*words, *typed, "--class-weight", "balanced"]) == 0
    found = load(out)
    asked = {"preset": "fast", "max_iter": 2, "categorical_features": ["zip"], "random_state": 5}
    asked["text_features"] = ["size"]
    expected = EpochalClassifier(**asked, class_weight="balanced")

    assert found.get_params() == expected.get_params()
    same = expected.fit(frame.drop(columns="y"), Y)
    np.testing.assert_array_equal(found.predict_proba(frame), same.predict_proba(frame.drop(columns="y")))  # fmt: skip
    more = str(tmp_path / "more.epochal")
    assert main([*words[:-1], more, "--from", out, "--l2", "0.5"]) == 0
    further = load(more)
    assert further.get_params() == EpochalClassifier(**(asked | {"random_state": 0, "l2": 0.5})).get_params()  # fmt: skip
