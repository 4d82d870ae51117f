"""The scikit-learn door: contract, tools, data of every kind, continuing, saving."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from epochal import EpochalClassifier, EpochalError, load
from epochal.config.csv_options import CsvOptions
from epochal.config.presets import PRESETS, preset
from epochal.config.resolution import resolved
from epochal.config.settings import SETTINGS, validated
from epochal.errors import DataError, SettingError
from epochal.fit import fit
from epochal.fit_types import RunConfig
from epochal.io.columns import Roles, labelled
from epochal.model.persistence import save

SMALL = {"n_estimators": 2, "hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}
X, Y = load_iris(return_X_y=True)


def classifier(**settings):
    """Return a small classifier."""
    return EpochalClassifier(**(SMALL | settings))


# Which rows are kept apart, and which meet in a batch, is not the same for a weight
# of 2 and a row given twice: scikit-learn makes this check of its MLPClassifier with
# a solver of full batches, and so it is made here. It compares to 1e-7, where a sum
# of float32 in another order differs by 6e-8: a few small steps stay within it,
# and differ a million times as much where weights are not looked at.
WITH_FULL_BATCHES = {
    "preset": "classic",
    "early_stopping": False,
    "batch_size": 1000,
    "learning_rate_init": 1e-3,
    "max_iter": 5,
}
# A recipe whose programs compile in a third of the time: for tests of arguments, attributes and
# messages, each with rows of another shape. These checks look at what the default recipe learns;
# the others also do without the program of validation.
SIMPLE = {"embedding_size": None, "ema_decay": 0.0, "calibrate": False}
LEARNED = r"classifiers_train|estimator_sparse|_dtypes|_pickle|idempotent|invariance"


@parametrize_with_checks([EpochalClassifier(n_estimators=2, hidden_layer_sizes=(32,), max_iter=30)])
def test_scikit_learn_contract(estimator, check):
    """The estimator passes scikit-learn's own checks."""
    if "sample_weight_equivalence" in str(check):
        estimator = clone(estimator).set_params(**WITH_FULL_BATCHES)
    elif not re.search(LEARNED, str(check)):
        estimator = clone(estimator).set_params(**SIMPLE, early_stopping=False)
    check(estimator)


def test_settings_and_parameters_are_the_same():
    """Every setting is a parameter, and every parameter is a setting or the door's own."""
    own = {"preset", "oob_score", "categorical_features", "text_features", "class_weight"}
    own |= {"warm_start", "random_state", "verbose", "device", "callbacks"}
    own |= {"memory_limit", "cache_dir", "checkpoint_dir", "n_jobs"}

    assert set(EpochalClassifier().get_params()) == set(SETTINGS) | own


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_the_settings(preset):
    """By default the model's settings are the resolved ones of the preset."""
    ours = EpochalClassifier(preset=preset, max_iter=1, n_estimators=1, early_stopping=False).fit(
        X, Y
    )

    expected = resolved(PRESETS[preset], *X.shape)
    assert ours.model_.settings.l2 == expected.l2
    assert ours.model_.settings.hidden_layer_sizes == expected.hidden_layer_sizes
    assert isinstance(ours.model_.settings.batch_size, int)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, about in SETTINGS.items() for value in about.constraint.breaking()],
)
def test_wrong_settings_are_refused_by_name(name, value):
    """A value that cannot be is refused at fit, in scikit-learn's words."""
    with pytest.raises(ValueError, match=f"The '{name}' parameter of EpochalClassifier must be"):
        classifier(**{name: value}).fit(X, Y)


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "arrow"]
)
def test_frames_give_what_arrays_give(frame):
    """Numbers in any data frame train and predict like an array."""
    columns = {f"c{i}": X[:, i] for i in range(4)}
    table = frame(columns)
    ours = classifier().fit(table, Y)

    np.testing.assert_array_equal(
        ours.predict_proba(table), classifier().fit(X, Y).predict_proba(X)
    )
    assert ours.feature_names_in_.tolist() == list(columns)


def test_mixed_columns():
    """Strings, booleans, dates, categories and missing values train and predict as they come."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "number": np.where(random.random(80) < 0.2, np.nan, random.normal(size=80)),
            "text": random.choice(["red", "green", None], size=80),
            "flag": random.random(80) < 0.5,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 900, 80), "D"),
            "kind": pd.Categorical(random.choice(["a", "b"], size=80)),
        }
    )
    labels = np.where(frame["flag"], "in", "out")
    ours = classifier(max_iter=30, learning_rate_init=0.01).fit(frame, labels)
    new = frame.assign(text="violet")

    assert ours.score(frame, labels) > 0.9
    with pytest.warns(UserWarning, match="'text' holds a category unknown to the model in 100.0 %"):
        assert np.isfinite(ours.predict_proba(new)).all()
    np.testing.assert_array_equal(
        ours.predict_proba(frame[frame.columns[::-1]]), ours.predict_proba(frame)
    )


@pytest.mark.parametrize("holder", ["array", "frame", "path", "limited"])
def test_numbers_may_be_categories(holder, tmp_path):
    """By name or by number, whatever holds them: codes become categories, also after loading."""
    random = np.random.default_rng(0)
    codes = random.integers(0, 9, 300)
    columns = {"size": random.normal(size=300), "code": codes}
    y = np.isin(codes, (0, 3, 4, 8)).astype(int)
    frame = pd.DataFrame(columns)
    frame.assign(label=y).to_csv(tmp_path / "t.csv", index=False)
    limited = {"memory_limit": "1GB"} if holder == "limited" else {}
    rows, name = {
        "array": (frame.to_numpy(), 1),
        "frame": (frame, "code"),
    }.get(holder, (str(tmp_path / "t.csv"), "code"))
    labels = y if holder in {"array", "frame"} else "label"
    ours = classifier(categorical_features=[name], **limited).fit(rows, labels)
    ours.save(tmp_path / "m.epochal")

    code = ours.model_.preprocessor.schema.columns[1]
    assert (code.kind, sorted(code.categories)) == ("category", list("012345678"))
    assert (
        load(tmp_path / "m.epochal").predict_proba(rows).tobytes()
        == ours.predict_proba(rows).tobytes()
    )


@pytest.mark.parametrize("columns", [[2], [-1], ["zip"], [False, True], np.array([False, True])])
def test_categories_that_are_not_there_are_refused(columns):
    """A number that is no column's, a name that is not there, a mask."""
    with pytest.raises(DataError, match=r"categorical_features|'zip'"):
        classifier(categorical_features=columns).fit(X[:, :2], Y)


@pytest.mark.parametrize("columns", [[2], [-1], ["zip"], [False, True]])
def test_texts_that_are_not_there_are_refused(columns):
    """As categories are, by the parameter that names them."""
    with pytest.raises(DataError, match=r"text_features|'zip'"):
        classifier(text_features=columns).fit(X[:, :2], Y)


@pytest.mark.parametrize(("names", "texts"), [(["x1"], ["x1"]), ([1], [0, 1]), (["x0", 1], ["x1"])])
def test_a_column_is_not_both_names_and_texts(names, texts):
    """By name or by number."""
    with pytest.raises(SettingError, match="'x1' is in categorical_features and in text_features"):
        classifier(categorical_features=names, text_features=texts).fit(X[:, :2], Y)


def test_columns_are_matched_by_name():
    """A missing column is refused by name, and a surplus one ignored with a warning."""
    frame = pd.DataFrame(X, columns=list("abcd"))
    ours = classifier().fit(frame, Y)

    with pytest.raises(KeyError, match="'c'"):
        ours.predict(frame.drop(columns="c"))
    with pytest.warns(UserWarning, match="'extra'"):
        more = ours.predict_proba(frame.assign(extra=1))
    np.testing.assert_array_equal(more, ours.predict_proba(frame))


def test_infinity_is_refused_by_column_and_row():
    """An infinite value names its column and row."""
    frame = pd.DataFrame(X.copy(), columns=list("abcd"))
    frame.loc[7, "c"] = np.inf

    with pytest.raises(EpochalError, match=r"(?s)'c'.*7|7.*'c'"):
        classifier().fit(frame, Y)


@pytest.mark.parametrize(
    "labels", [Y.astype(float), Y.astype(str), Y == 1, np.array(list("abc"), object)[Y]]
)
def test_labels_come_back_as_they_came(labels):
    """Predictions are labels of the training labels' type."""
    ours = classifier().fit(X, labels)

    assert ours.predict(X).dtype == labels.dtype
    assert set(ours.predict(X)) <= set(labels)


def test_sparse_rows():
    """A CSR matrix trains and predicts."""
    rows = sparse.csr_array(X * (X > 2))

    assert classifier().fit(rows, Y).predict_proba(rows).shape == (150, 3)


def test_images():
    """Images of shape (rows, height, width) train and predict."""
    images = np.random.default_rng(0).normal(size=(40, 6, 5))
    ours = classifier(patch=(4, 4), **SIMPLE).fit(images, np.tile([0, 1], 20))

    assert ours.predict(images).shape == (40,)


def test_scikit_learn_tools():
    """It works in pipelines, grid search, cross-validated prediction, calibration and clone."""
    simple = classifier(**SIMPLE)
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), simple)
    search = GridSearchCV(simple, {"l2": [0.0, 0.1]}, cv=2)
    calibrated = CalibratedClassifierCV(simple, cv=2)

    for tool in (pipeline, search, calibrated):
        assert tool.fit(X, Y).predict(X).shape == (150,)
    assert cross_val_predict(simple, X, Y, cv=2, method="predict_proba").shape == (150, 3)
    assert clone(classifier(l2=0.5)).l2 == 0.5


def test_the_same_random_state_gives_the_same_bits():
    """An int fixes every bit, another int gives another model, None differs each time."""
    first, again, other = (classifier(random_state=s).fit(X, Y).predict_proba(X) for s in (1, 1, 2))
    free = [classifier(random_state=None).fit(X, Y).predict_proba(X) for _ in range(2)]

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(*free)


def test_validation_rows_choose_the_epoch():
    """With X_val the curves are of those rows, weighted; without y_val it is refused."""
    ours = classifier().fit(X, Y, X_val=X[:30], y_val=Y[:30], sample_weight_val=np.ones(30))

    assert len(ours.validation_loss_curve_) == ours.n_iter_
    assert not ours.out_of_bag_.optimistic
    with pytest.raises(ValueError, match="y_val"):
        classifier().fit(X, Y, X_val=X)


def test_warm_start_goes_on():
    """Two fits of five epochs are one of ten, optimiser state and order included."""
    going = classifier(warm_start=True, early_stopping=False)
    going.fit(X, Y).fit(X, Y)
    whole = classifier(early_stopping=False, max_iter=10).fit(X, Y)

    assert going.n_iter_ == 10
    np.testing.assert_array_equal(going.predict_proba(X), whole.predict_proba(X))


def test_partial_fit_goes_on():
    """Calls of partial_fit are the epochs of a fit, and need all classes at first."""
    going = classifier(bagging=None)
    for _ in range(5):
        going.partial_fit(X, Y, classes=[0, 1, 2])
    whole = classifier(early_stopping=False, bagging=None).fit(X, Y)

    np.testing.assert_array_equal(going.predict_proba(X), whole.predict_proba(X))
    new = classifier(**SIMPLE).partial_fit(X[:50], Y[:50], classes=[0, 1, 2])
    assert new.partial_fit(X[50:], Y[50:]).predict_proba(X).shape == (150, 3)
    with pytest.raises(ValueError, match="classes"):
        new.partial_fit(X[:2], [0, 7])


def test_files_are_read_as_in_the_first_training(tmp_path):
    """A model keeps the words that mean a missing value, for prediction at a path and for going on."""
    path, model = tmp_path / "a.csv", tmp_path / "a.epochal"
    rows = [f"{'unknown' if k % 5 == 0 else k % 7},{'pq'[k % 2]}" for k in range(60)]
    path.write_text("n,y\n" + "\n".join(rows) + "\n")
    read = labelled(str(path), Roles("y"), csv=CsvOptions(missing_values=("unknown",)))
    small = SIMPLE | {"n_estimators": 2, "n_folds": 2}
    settings = validated(preset("fast"), small | {"max_iter": 2})
    save(replace(fit(read, settings, RunConfig(0)).model, target="y"), model)

    loaded = load(model)
    assert loaded.predict_proba(str(path)).shape == (60, 2)
    loaded.set_params(warm_start=True, max_iter=1, **small)
    loaded.fit(str(path), "y")
    loaded.partial_fit(str(path), "y")
    assert loaded.model_.preprocessor.schema.missing_values == ("unknown",)
    loaded.set_params(warm_start=False).fit(str(path), "y")
    assert loaded.model_.preprocessor.schema.columns[0].kind == "category"


def test_one_network_has_coefficients():
    """coefs_ and intercepts_ are of the one network; an ensemble points to estimators_."""
    one, many = classifier(n_estimators=1, **SIMPLE).fit(X, Y), classifier(**SIMPLE).fit(X, Y)

    assert [w.shape for w in one.coefs_] == [(4, 8), (8, 3)]
    assert [b.shape for b in one.intercepts_] == [(8,), (3,)]
    with pytest.raises(AttributeError, match="estimators_"):
        _ = many.coefs_
    assert len(many.estimators_) == 2
    mean = np.mean([member.predict_proba(X) for member in many.estimators_], axis=0)
    np.testing.assert_allclose(mean, many.predict_proba(X), atol=1e-12)


def test_curves_are_kept_per_member():
    """history_ has a training and a validation curve for each member."""
    ours = classifier().fit(X, Y)

    assert [len(curve) for curve in ours.history_.training_loss] == [5, 5]
    assert ours.loss_curve_[0] == pytest.approx(
        np.mean([c[0] for c in ours.history_.training_loss])
    )
    assert ours.estimators_[1].validation_loss_curve_ == list(ours.history_.validation_loss[1])


def test_out_of_bag_attributes():
    """oob_score_ is the accuracy on out-of-bag rows; without any it is refused."""
    ours = classifier(n_folds=2, oob_score=True).fit(X, Y)
    found = ours.oob_decision_function_.argmax(axis=1)

    assert ours.oob_score_ == pytest.approx((found == Y).mean())
    with pytest.raises(ValueError, match="oob_score"):
        classifier(bagging=None, oob_score=True).fit(X, Y)


def test_pickled_predicts_the_same_bits():
    """A pickled classifier, as joblib sends it, predicts the same."""
    ours = classifier().fit(X, Y)

    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(ours)).predict_proba(X), ours.predict_proba(X)
    )


def test_callbacks_and_verbose(capsys):
    """Callbacks get each epoch, and verbose prints a line for each."""
    heard = []
    classifier(callbacks=[heard.append], verbose=True).fit(X, Y)

    assert [event.epoch for event in heard] == [1, 2, 3, 4, 5]
    assert capsys.readouterr().out.count("epoch") == 5


def test_an_unknown_device_is_refused():
    """A device that this machine lacks is refused, with the devices that it has."""
    with pytest.raises(ValueError, match="device"):
        classifier(device="gpu").fit(X, Y)
    with pytest.raises(ValueError, match="device"):
        classifier(device="abacus").fit(X, Y)


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_estimators", 3), ("hidden_layer_sizes", (9,)), ("activation", "tanh"), ("solver", "sgd")],
)
def test_going_on_with_another_network_is_refused(name, value):
    """A warm start with a setting that the network was made with changed is refused by name."""
    ours = classifier(warm_start=True).fit(X, Y)

    with pytest.raises(ValueError, match=f"{name}.*continues"):
        ours.set_params(**{name: value}).fit(X, Y)


def test_going_on_keeps_the_earlier_low():
    """A warm start that makes the network worse returns the earlier checkpoint."""
    ours = classifier(warm_start=True).fit(X, Y, X_val=X, y_val=Y)
    before, epochs = ours.predict_proba(X), ours.n_iter_
    ours.set_params(learning_rate_init=30.0).fit(X, Y, X_val=X, y_val=Y)

    np.testing.assert_array_equal(ours.predict_proba(X), before)
    assert max(ours.history_.best_epoch) <= epochs < ours.n_iter_


def test_the_history_goes_on():
    """After going on the curves are of all epochs, and best epochs count from the first."""
    ours = classifier(bagging=None)
    for _ in range(3):
        ours.partial_fit(X, Y)
    whole = classifier(bagging=None, early_stopping=False, max_iter=3).fit(X, Y)

    assert ours.loss_curve_ == pytest.approx(whole.loss_curve_)
    assert ours.history_.best_epoch == (3, 3)


def test_scores_after_going_on_are_optimistic():
    """What the members trained on before is not known, so their estimates are not honest."""
    ours = classifier(warm_start=True, early_stopping=False).fit(X, Y)
    assert not ours.out_of_bag_.optimistic

    assert ours.fit(X, Y).out_of_bag_.optimistic


def test_a_generator_as_random_state_is_drawn_from_once():
    """A warm start keeps the seed of the first fit; a new fit draws another."""
    going = classifier(random_state=np.random.RandomState(0), warm_start=True).fit(X, Y)
    first = going.model_.seed
    anew = classifier(random_state=np.random.RandomState(0)).fit(X, Y)

    assert going.fit(X, Y).model_.seed == first == anew.model_.seed
    assert anew.fit(X, Y).model_.seed != first


def test_validation_rows_must_weigh_something():
    """Validation weights of 0 alone are refused."""
    with pytest.raises(ValueError, match="non-zero|positive weight"):
        classifier().fit(X, Y, X_val=X, y_val=Y, sample_weight_val=np.zeros(150))


def test_weights_that_are_not_finite_are_refused():
    """A network that diverges in its very last step is not returned."""
    ours = classifier(
        preset="classic",
        early_stopping=False,
        learning_rate_init=1e38,
        l2=100.0,
        max_iter=1,
        batch_size=150,
    )

    with pytest.raises(EpochalError, match="learning_rate_init"):
        ours.fit(X, Y)


def test_groups_and_timestamps_may_be_lists_and_series():
    """Fit accepts the groups that scikit-learn's splitters accept; wrong lengths are refused."""
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    ours = classifier(**SIMPLE)
    by_list = clone(ours).fit(X, y, groups=[f"g{k // 4}" for k in range(40)])
    by_series = clone(ours).fit(X, y, groups=pd.Series(np.arange(40) // 4))
    timed = clone(ours).fit(X, y, timestamps=pd.date_range("2024-01-01", periods=40))

    np.testing.assert_array_equal(by_list.predict_proba(X), by_series.predict_proba(X))
    assert timed.out_of_bag_ is None
    with pytest.raises(DataError, match="3 values for 40 rows"):
        EpochalClassifier().fit(X, y, groups=[1, 2, 3])


@pytest.mark.parametrize(
    ("more", "settings", "words"),
    [
        ({"groups": range(9)}, {}, "both timestamps and groups"),
        ({"X_val": [[1.0]], "y_val": [1]}, {}, "both timestamps and X_val"),
        ({}, {"early_stopping": False}, "early_stopping"),
    ],
)
def test_timestamps_beside_what_contradicts_them_are_refused(more, settings, words):
    """Only one argument may define the validation rows."""
    X, y = np.arange(9.0)[:, None], [0, 1, 0] * 3
    with pytest.raises(SettingError, match=words):
        EpochalClassifier(**settings).fit(X, y, timestamps=range(9), **more)


@pytest.mark.parametrize("memory_limit", [None, "1GB"])
def test_a_path_stands_for_rows(iris_file, tmp_path, memory_limit):
    """Fit and predict accept a file; labels, weights and groups are then names of its columns."""
    ours = classifier(n_folds=3, memory_limit=memory_limit)
    frame = pd.read_parquet(iris_file)
    rows = frame[["x0", "x1", "x2", "x3"]]
    ours.fit(iris_file, "kind", "w", groups="bed")
    same = classifier(n_folds=3).fit(rows, frame["kind"], frame["w"], groups=frame["bed"])

    with pytest.warns(UserWarning, match="columns 'bed', 'w' ignored"):
        np.testing.assert_array_equal(ours.predict_proba(iris_file), same.predict_proba(rows))
    rows.to_parquet(iris_file)
    assert ours.predict(str(iris_file)).tolist() == same.predict(rows).tolist()
    assert ours.feature_names_in_.tolist() == list(rows)
    ours.save(tmp_path / "m.epochal")
    assert load(tmp_path / "m.epochal").model_.target == "kind"


def test_a_limit_bounds_rows_in_memory_too(iris_file):
    """Arrays and frames train the same model with a limit as without, and a limit must be a size."""
    limited = classifier(memory_limit="1GB").fit(X, Y)

    np.testing.assert_array_equal(limited.predict_proba(X), classifier().fit(X, Y).predict_proba(X))
    assert limited.oob_score_ > 0
    with pytest.raises(AttributeError, match="memory is limited"):
        _ = limited.oob_decision_function_
    with pytest.raises(SettingError, match="memory_limit is 'small'"):
        classifier(memory_limit="small").fit(X, Y)
