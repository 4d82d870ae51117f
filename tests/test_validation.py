"""What an estimator is given: rows of any kind, names of columns, classes, parameters."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from epochal import EpochalClassifier
from epochal.cli.main import main
from epochal.errors import ColumnError, DataError, SettingError
from epochal.validation import checked_classes, checked_labels, of_rows

ROWS = np.zeros((3, 2))
SMALL = {"preset": "classic", "hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
X = np.random.default_rng(0).normal(size=(80, 3))
Y = np.where(X[:, 0] > 0, "up", "down")
COLUMNS = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]}
FRAMES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "lazy polars": pl.LazyFrame,
    "arrow": pa.table,
    "batch": pa.RecordBatch.from_pydict,
}


def small(**parameters):
    """Return a small classifier."""
    return EpochalClassifier(**(SMALL | parameters))


def warned(call):
    """Return the messages of a call's warnings."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        call()
    return [str(one.message) for one in told]


def test_labels_and_weights_become_arrays():
    """Lists and series alike; without weights there are none."""
    labels, weight = checked_labels(ROWS, ["a", "b", "a"], pd.Series([1, 2, 0]))

    assert labels.tolist() == ["a", "b", "a"]
    assert weight.dtype == np.float64
    assert weight.tolist() == [1, 2, 0]
    assert checked_labels(ROWS, [0, 1, 0], None)[1] is None


@pytest.mark.parametrize(
    ("y", "weight", "words"),
    [
        ([0, 1], None, r"numbers of samples: \[3, 2\]"),
        ([0, 1, 0], [1.0], "sample_weight.shape"),
        ([0, 1, 0], [1.0, -1.0, 1.0], "[Nn]egative"),
        ([0, 1, 0], np.ma.array([1.0, 1.0, 1.0], mask=[0, 1, 0]), "NaN"),
        ([0, 1, 0], [10**400, 1, 1], "sample_weight cannot be read"),
    ],
)
def test_labels_and_weights_that_cannot_be_are_refused(y, weight, words):
    """Of another length, below 0, masked, or no numbers: in scikit-learn's words where it has some."""
    with pytest.raises(ValueError, match=words):
        checked_labels(ROWS, y, weight)


def test_groups_and_timestamps_have_one_value_for_each_row():
    """None stays None."""
    assert of_rows(ROWS, [7, 7, 8], "groups").tolist() == [7, 7, 8]
    assert of_rows(ROWS, None, "groups") is None
    with pytest.raises(DataError, match="timestamps has 2 values for 3 rows"):
        of_rows(ROWS, [1, 2], "timestamps")


# -------------------------------------------------------------------------------- classes


def test_classes_are_sorted_and_may_be_there_twice():
    """None stays None; the same classes are accepted again, in any order."""
    assert checked_classes(None, None) is None
    assert checked_classes(["b", "a", "b"], None).tolist() == ["a", "b"]
    assert checked_classes([1, 0], np.array([0, 1])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ([1], r"classes is \[1\]; expected at least two"),
        ([1, 1], "at least two classes"),
        ([], "at least two classes"),
        ([0, None], r"classes\[1\] is missing"),
        (["a", float("nan"), "b"], r"classes\[1\] is missing"),
        ("ab", "classes is 'ab'; expected a list"),
        ([["a", "b"]], r"classes is \[\['a', 'b'\]\]; expected a list"),
        ({"a"}, "classes is {'a'}; expected a list"),
        ([0.0, float("nan")], r"classes\[1\] is missing"),
        ([0.5, 1.5], "continuous"),
        ([["a"], ["b", "c"]], "classes cannot be read"),
    ],
)
def test_classes_that_cannot_be_are_refused(classes, words):
    """Before anything is trained."""
    heard = []
    ours = small(callbacks=[heard.append])
    with pytest.raises(DataError, match=words):
        ours.partial_fit(X, Y, classes=classes)

    assert heard == []
    assert not hasattr(ours, "n_features_in_")


def test_other_classes_in_a_later_call_are_refused():
    """Other classes are refused in scikit-learn's words, and leave the model unchanged; the same ones are accepted."""
    ours = small().partial_fit(X, Y, classes=["up", "down"])
    ours.partial_fit(X, Y).partial_fit(X, Y, classes=["down", "up", "up"])
    before = ours.predict_proba(X)

    with pytest.raises(DataError, match="is not the same as on last call to partial_fit, was: "):
        ours.partial_fit(X, Y, classes=["up", "down", "left"])
    np.testing.assert_array_equal(ours.predict_proba(X), before)


def test_a_label_that_is_no_class_is_named():
    """In the first call and later."""
    for ours in (small(), small().partial_fit(X, Y, classes=["up", "down"])):
        with pytest.raises(DataError, match="the label .left. in row 3"):
            ours.partial_fit(X[:4], ["up", "down", "up", "left"], classes=["up", "down"])


# ---------------------------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["pandas", "polars", "arrow"])
def test_names_after_none_and_none_after_names_are_warned_of(name):
    """Word for word as scikit-learn's own estimators do, and columns go by position."""
    frame, theirs = FRAMES[name](COLUMNS), LogisticRegression()
    unnamed, named = small().fit(X, Y), small().fit(frame, Y)

    for fit, ask, ours in ((X, frame, unnamed), (frame, X, named)):
        theirs.fit(pd.DataFrame(COLUMNS) if fit is frame else fit, Y)
        asked = pd.DataFrame(COLUMNS) if ask is frame else ask
        expected = [words.replace("LogisticRegression", "EpochalClassifier")
                    for words in warned(lambda asked=asked: theirs.predict(asked))]  # fmt: skip
        assert len(expected) == 1
        assert warned(lambda ours=ours, ask=ask: ours.predict(ask)) == expected
    with pytest.warns(UserWarning, match="fitted without feature names"):
        np.testing.assert_array_equal(unnamed.predict_proba(frame), unnamed.predict_proba(X))
    assert warned(lambda: named.predict(frame)) == []


def test_validation_rows_with_names_are_warned_of_too():
    """They are rows that come after the fit."""
    with pytest.warns(UserWarning, match="X has feature names, but EpochalClassifier"):
        small().fit(X, Y, X_val=pd.DataFrame(COLUMNS), y_val=Y)


def test_an_array_with_categories_is_asked_by_position(rng):
    """A model that was fitted on an array reads the columns of a frame in their order, with a warning."""
    rows = np.column_stack([X[:, 0], rng.integers(0, 5, 80)])
    ours = small(categorical_features=[1]).fit(rows, Y)

    with pytest.warns(UserWarning, match="fitted without feature names"):
        found = ours.predict_proba(pd.DataFrame(rows, columns=["a", "code"]))
    np.testing.assert_array_equal(found, ours.predict_proba(rows))


TWICE = {
    "pandas": pd.DataFrame(X[:, :2], columns=["a", "a"]),
    "arrow": pa.table([X[:, 0], X[:, 1]], names=["a", "a"]),
    "batch": pa.RecordBatch.from_arrays([pa.array(X[:, 0]), pa.array(X[:, 1])], ["a", "a"]),
    "numbers as names": pd.DataFrame(X[:, :2], columns=[1, 1]),
}


@pytest.mark.parametrize("name", TWICE)
def test_names_that_are_there_twice_are_refused_by_us(name):
    """At the fit, also where the target is one of the columns, and at prediction."""
    frame = TWICE[name]
    for call in (
        lambda: small().fit(frame, Y),
        lambda: small().fit(frame, "a"),
        lambda: small().fit(pd.DataFrame({"a": X[:, 0], "b": X[:, 1]}), Y).predict(frame),
    ):
        with pytest.raises(DataError, match="has 2 columns named '(a|1)'"):
            call()


def test_a_name_of_half_characters_is_refused():
    """No file of any kind could hold it."""
    frame = pd.DataFrame(X[:, :1], columns=pd.Index([chr(0xD800)], dtype=object))

    with pytest.raises(DataError, match=r"the name of column 0 of the data frame is '\\ud800'"):
        small().fit(frame, Y)


# ------------------------------------------------------------------------ columns by name


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_may_hold_all_that_is_said(name):
    """Target, weight, groups and timestamps by name: the same model as by values, and no features."""
    weight, groups, timestamps = 1 + np.arange(80) % 3, np.arange(80) // 4, np.arange(80)
    frame = FRAMES[name](
        COLUMNS | {"income": Y, "w": weight.astype(float), "g": groups, "t": timestamps}
    )
    ours = small(bagging="folds").fit(frame, "income", "w", groups="g")
    plain = FRAMES[name](COLUMNS | {"t": timestamps})
    same = small(bagging="folds").fit(plain, Y, weight, groups=groups)
    timed = small().fit(
        FRAMES[name](COLUMNS | {"income": Y, "t": timestamps}), "income", timestamps="t"
    )

    assert getattr(ours, "feature_names_in_", None) is not None
    assert ours.feature_names_in_.tolist() == ["a", "b", "c", "t"]
    assert timed.feature_names_in_.tolist() == ["a", "b", "c", "t"]
    assert ours.n_features_in_ == 4
    np.testing.assert_array_equal(ours.predict_proba(plain), same.predict_proba(plain))
    assert ours.model_.target == "income"


@pytest.mark.parametrize("name", FRAMES)
def test_the_target_is_left_out_at_prediction_without_a_word(name):
    """As files do; validation rows may name theirs too."""
    frame = FRAMES[name](COLUMNS | {"income": Y})
    ours = small().fit(frame, "income", X_val=frame, y_val="income")
    plain = FRAMES[name](COLUMNS)

    assert warned(lambda: ours.predict(frame)) == []
    np.testing.assert_array_equal(ours.predict_proba(frame), ours.predict_proba(plain))
    member = ours.estimators_[0]
    np.testing.assert_array_equal(member.predict_proba(frame), member.predict_proba(plain))
    assert not hasattr(ours, "income")


def test_names_and_values_may_stand_beside_each_other():
    """The target as values and the weight by name, and the other way round."""
    frame = pd.DataFrame(COLUMNS | {"w": np.ones(80), "income": Y})

    assert small().fit(frame.drop(columns="income"), Y, "w").feature_names_in_.tolist() == [*"abc"]
    both = small().fit(frame.drop(columns="w"), "income", np.ones(80))
    assert both.feature_names_in_.tolist() == [*"abc"]


def test_partial_fit_takes_names_too():
    """Chunks of a frame, and its target by name."""
    frame = pd.DataFrame(COLUMNS | {"income": Y})
    ours = small().partial_fit(frame[:40], "income").partial_fit(frame[40:], "income")

    assert ours.feature_names_in_.tolist() == [*"abc"]


def test_rows_without_a_label_are_told():
    """Rows with a missing label are dropped with a warning if labels are a column, and refused if values."""
    frame = pd.DataFrame(COLUMNS | {"income": Y})
    frame.loc[[3, 7], "income"] = None
    with pytest.warns(UserWarning, match="the data frame has 2 rows without a label: left out"):
        ours = small().fit(frame, "income")

    same = small().fit(frame.drop(index=[3, 7], columns="income"), np.delete(Y, [3, 7]))
    rows = frame.drop(columns="income")
    np.testing.assert_array_equal(ours.predict_proba(rows), same.predict_proba(rows))
    with pytest.raises(DataError, match="label is missing in row 3"):
        small().fit(rows, frame["income"])


def test_rows_of_a_file_without_a_label_are_told(tmp_path):
    """As those of a frame, in memory and with a limit."""
    frame = pd.DataFrame(COLUMNS | {"income": Y})
    frame.loc[[3], "income"] = None
    frame.to_csv(tmp_path / "t.csv", index=False)

    for limit in (None, "1GB"):
        with pytest.warns(UserWarning, match=r"t\.csv has 1 row without a label: left out"):
            small(memory_limit=limit).fit(tmp_path / "t.csv", "income")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda f: small().fit(X, "income"), DataError, "y is 'income', and X has no named"),
        (lambda f: small().fit(X.tolist(), "income"), DataError, "y is 'income'"),
        (lambda f: small().fit(sparse.csr_array(X), "income"), DataError, "y is 'income'"),
        (lambda f: small().fit(X, Y, "w"), DataError, "sample_weight is 'w'"),
        (lambda f: small().fit(f, "incme"), ColumnError, "did you mean 'income'"),
        (lambda f: small().fit(f, "income", groups="g"), ColumnError, "no column 'g'"),
        (
            lambda f: small().fit(f, Y, X_val=X, y_val="income"),
            DataError,
            "y_val is 'income', and X_val",
        ),
    ],
)
def test_names_that_are_no_columns_are_refused(call, error, words):
    """Of arrays, lists and sparse matrices, which have none, and of frames that lack them."""
    with pytest.raises(error, match=f"(?s){words}"):
        call(pd.DataFrame(COLUMNS | {"income": Y}))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sample_weight": "w"}, "omit sample_weight"),
        ({"groups": "g"}, "omit groups"),
        ({"timestamps": "t"}, "omit timestamps"),
    ],
)
def test_hints_name_arguments_in_python(more, words, tmp_path):
    """And not the options of a shell, of a file whose columns have no names."""
    np.save(tmp_path / "x.npy", np.column_stack([X, np.arange(80) % 2]))

    with pytest.raises(DataError, match=words):
        small().fit(tmp_path / "x.npy", "3", **more)
    for parameter in ("categorical_features", "text_features"):
        with pytest.raises(DataError, match=f"omit {parameter}"):
            small(**{parameter: ["a"]}).fit(tmp_path / "x.npy", "3")


def test_hints_name_options_in_a_shell(tmp_path, capsys):
    """Of the same file."""
    np.save(tmp_path / "x.npy", np.column_stack([X, np.arange(80) % 2]))
    words = ["train", str(tmp_path / "x.npy"), "--target", "3", "--quiet"]

    assert main([*words, "--weight", "w", "--out", str(tmp_path / "m.epochal")]) == 4
    assert "omit --weight" in capsys.readouterr().err


# ------------------------------------------------------------------------------- no rows


EMPTY = {
    "array": (X, X[:0]),
    "list": (X, []),
    "tuple": (X, ()),
    "objects": (X, np.empty((0, 3), object)),
    "sparse": (sparse.csr_array(X), sparse.csr_array((0, 3))),
    "sparse matrix": (sparse.csr_matrix(X), sparse.csc_matrix((0, 3))),
    "images": (np.random.default_rng(1).normal(size=(80, 8, 9)), np.empty((0, 8, 9))),
    "images in a list": (np.random.default_rng(1).normal(size=(80, 8, 9)), []),
    "pandas": (pd.DataFrame(COLUMNS), pd.DataFrame(COLUMNS)[:0]),
    "pandas without types": (pd.DataFrame(COLUMNS), pd.DataFrame(columns=["a", "b", "c"])),
    "polars": (pl.DataFrame(COLUMNS), pl.DataFrame(COLUMNS)[:0]),
    "arrow": (pa.table(COLUMNS), pa.table(COLUMNS)[:0]),
    "arrow without types": (pa.table(COLUMNS), pa.table({c: pa.nulls(0) for c in "abc"})),
}


@pytest.mark.parametrize("name", EMPTY)
def test_no_rows_have_no_probabilities(name):
    """An empty result of the right shape and type, from the ensemble and from each member."""
    rows, none = EMPTY[name]
    ours = small(n_estimators=2).fit(rows, Y)
    loaded_type = ours.classes_.dtype

    for one in (ours, *ours.estimators_):
        assert one.predict_proba(none).shape == (0, 2)
        assert one.predict_proba(none).dtype == np.float64
        assert one.predict(none).shape == (0,)
        assert one.predict(none).dtype == loaded_type


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_files_without_rows_have_no_predictions(ending, tmp_path, capsys):
    """In Python an empty result; the program writes the names of the columns and nothing more."""
    frame = pd.DataFrame(COLUMNS | {"job": ["a", "b"] * 40, "day": pd.Timestamp("2024-01-01")})
    ours = small().fit(frame, Y)
    path = tmp_path / f"none.{ending}"
    getattr(frame[:0], f"to_{ending}")(path, index=False)
    labelled = tmp_path / f"labelled.{ending}"
    getattr(frame[:0].assign(y=Y[:0]), f"to_{ending}")(labelled, index=False)
    ours.save(tmp_path / "m.epochal")

    assert ours.predict_proba(path).shape == (0, 2)
    assert ours.predict(path).dtype == ours.classes_.dtype
    assert main(["predict", str(tmp_path / "m.epochal"), str(path)]) == 0
    assert capsys.readouterr().out == "prediction,probability_down,probability_up\n"
    assert main(["evaluate", str(tmp_path / "m.epochal"), str(labelled), "--target", "y"]) == 3


def test_no_rows_of_other_columns_are_refused(tmp_path):
    """No rows are no reason to pass over a mistake."""
    ours = small().fit(pd.DataFrame(COLUMNS), Y)
    (tmp_path / "none.csv").write_text("a,b\n")

    with pytest.raises(ColumnError, match="'c'"):
        ours.predict(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="2 features"):
        small().fit(X, Y).predict(X[:0, :2])
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        small().fit(X[:0], Y[:0])


# --------------------------------------------------------------------- odd objects


ODD = {
    "None in a list": [[1.0, None], [2, 3.0]] * 20,
    "masked": np.ma.array(X[:40, :2], mask=X[:40, :2] > 1),
    "objects": np.array([[1, None], [2.5, True]] * 20, dtype=object),
}


@pytest.mark.parametrize("name", ODD)
def test_gaps_of_any_make_are_missing_values(name):
    """At the fit and at prediction, of the ensemble and of a member."""
    rows = ODD[name]
    plain = np.array([[np.nan if v is None or v is np.ma.masked else v for v in row]
                      for row in (rows.tolist() if hasattr(rows, "tolist") else rows)], float)  # fmt: skip
    ours, same = small().fit(rows, Y[:40]), small().fit(plain, Y[:40])

    assert np.isnan(plain).any()
    np.testing.assert_array_equal(ours.predict_proba(rows), same.predict_proba(plain))
    member = ours.estimators_[0]
    np.testing.assert_array_equal(member.predict_proba(rows), member.predict_proba(plain))


INTERVALS = pd.cut(np.arange(80), 2)


@pytest.mark.parametrize(
    "labels",
    [
        INTERVALS,
        pd.Series(INTERVALS),
        list(INTERVALS),
        np.array(list(INTERVALS), dtype=object),
        pd.IntervalIndex(INTERVALS),
    ],
    ids=["categorical", "series", "list", "array", "index"],
)
def test_intervals_are_classes_by_their_texts(labels):
    """What `pandas.cut` gives, in whatever holds it."""
    assert small().fit(X, labels).classes_.tolist() == ["(-0.079, 39.5]", "(39.5, 79.0]"]


@pytest.mark.parametrize("gap", [None, float("nan"), pd.NA, pd.NaT])
def test_a_gap_among_texts_is_no_class(gap):
    """In a list as in a series."""
    labels = Y.tolist()
    labels[5] = gap
    for given_labels in (labels, tuple(labels), pd.Series(labels), np.array(labels, dtype=object)):
        with pytest.raises(DataError, match="label is missing in row 5"):
            small().fit(X, given_labels)


@pytest.mark.parametrize(
    ("role", "message"),
    [
        ("y", "X is a path, and y is of type"),
        ("sample_weight", "X is a path, and sample_weight is of type"),
        ("groups", "X is a path, and groups is of type"),
    ],
)
def test_beside_a_path_stand_names_of_columns(tmp_path, role, message):
    """Values would have no rows to belong to."""
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,a\n2,b\n")
    values = {"y": "y"} | {role: np.ones(2)}
    with pytest.raises(DataError, match=message):
        EpochalClassifier().fit(str(path), **values)


@pytest.mark.parametrize("parameter", ["categorical_features", "text_features"])
def test_columns_are_a_list(parameter):
    """A text is no list of letters."""
    with pytest.raises(SettingError, match=f"{parameter} is 'x1'; expected a list") as caught:
        EpochalClassifier(**{parameter: "x1"}).fit(np.eye(4), [0, 1, 0, 1])
    assert "['x1']" in caught.value.hint
