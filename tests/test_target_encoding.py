"""Target statistics through a whole fit: no label leaks, and every way to the rows gives the same."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epochal import EpochalClassifier, load
from epochal.inference import routes
from epochal.loader import target_tables
from epochal.preprocessing import name_selection

ROWS = 2000
QUICK = {"preset": "fast", "n_estimators": 4, "n_folds": 4, "max_iter": 6, "random_state": 0}


def people(rng: np.random.Generator, rows: int = ROWS, shops: int = 300) -> pd.DataFrame:
    """Return a table with a column of many names, one of texts, and one of numbers."""
    return pd.DataFrame(
        {
            "shop": [f"shop {n:04d}x" for n in rng.integers(shops, size=rows)],
            "title": [f"a{i} b{j} c{k}" for i, j, k in rng.integers(40, size=(rows, 3))],
            "age": rng.normal(size=rows),
        }
    )


def labels_of(frame: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Return labels that the shop decides, but for a tenth."""
    decided = frame["shop"].map(lambda name: hash_of(name) % 2).to_numpy()
    return np.where(rng.random(len(frame)) < 0.1, 1 - decided, decided)


def hash_of(name: str) -> int:
    """Return a number that is the same in every process."""
    return sum(ord(letter) * (7 + place) for place, letter in enumerate(name)) // 3


def fitted(
    X: Any, y: Any, *, fit: dict[str, Any] | None = None, **settings: Any
) -> EpochalClassifier:
    """Return a quick fit."""
    return EpochalClassifier(**(QUICK | settings)).fit(X, y, **(fit or {}))


class Learned(NamedTuple):
    """A model of some people, and other people with their labels."""

    X: pd.DataFrame
    y: np.ndarray
    model: EpochalClassifier
    new: pd.DataFrame
    truth: np.ndarray


@pytest.fixture(scope="session")
def learned() -> Learned:
    """Return a model, trained once for all tests; not to be changed."""
    rng = np.random.default_rng(2026)
    X = people(rng)
    y, new = labels_of(X, rng), people(rng)
    return Learned(X, y, fitted(X, y), new, labels_of(new, rng))


def test_names_are_learned(learned: Learned) -> None:
    """Most names are beyond the 64 with vectors: with statistics far fewer rows are wrong."""
    plain = fitted(learned.X, learned.y, target_encoding=False)
    error, without = (
        (model.predict(learned.new) != learned.truth).mean() for model in (learned.model, plain)
    )
    assert error < 0.25
    assert without > 0.35


@pytest.mark.parametrize(
    "how", [{}, {"bagging": "bootstrap"}, {"fit": "groups"}], ids=["folds", "bootstrap", "groups"]
)
def test_random_labels_stay_random(rng: np.random.Generator, how: dict[str, Any]) -> None:
    """Out of bag the log-loss is that of chance, within two standard errors, or worse."""
    X = people(rng, 4000, 2000)
    y = rng.integers(2, size=len(X))
    groups = {"groups": rng.integers(500, size=len(X))} if how.get("fit") else {}
    settings = {name: value for name, value in how.items() if name != "fit"}
    model = fitted(X, y, fit=groups, oob_score=True, **settings)
    p = model.oob_decision_function_
    there = np.isfinite(p[:, 0])
    losses = -np.log(p[there, y[there]])
    chance = np.log(2.0)
    assert losses.mean() > chance - 2 * losses.std() / np.sqrt(there.sum())


def test_out_of_bag_is_as_good_as_new(rng: np.random.Generator) -> None:
    """The loss of rows that members leave out is that of new rows, within three standard errors."""
    X = people(rng, 4000, 1500)
    y, new = labels_of(X, rng), people(rng, 4000, 1500)
    truth = labels_of(new, rng)
    model = fitted(X, y, oob_score=True)
    p = model.oob_decision_function_
    there = np.isfinite(p[:, 0])
    out_of_bag = -np.log(p[there, y[there]])
    # Members one by one: out of bag a row has the predictions of one of them.
    losses = np.stack(
        [-np.log(m.predict_proba(new)[np.arange(len(new)), truth]) for m in model.estimators_]
    ).mean(axis=0)
    error = np.hypot(out_of_bag.std() / np.sqrt(len(out_of_bag)), losses.std() / np.sqrt(len(new)))
    assert abs(out_of_bag.mean() - losses.mean()) < 3 * error


def test_a_name_that_never_occurs_changes_nothing(rng: np.random.Generator) -> None:
    """A category of a data frame's type without rows is no name."""
    X = people(rng)
    y = labels_of(X, rng)
    named = X.assign(shop=X["shop"].astype("category"))
    more = named.assign(shop=named["shop"].cat.add_categories(["nowhere"]))
    one, other = (fitted(frame, y).predict_proba(X) for frame in (named, more))
    np.testing.assert_array_equal(one, other)


def test_a_streamed_file_gives_the_same_model(rng: np.random.Generator, tmp_path: Any) -> None:
    """With a bound on memory the tables are those of rows in memory, bit for bit."""
    X = people(rng)
    table = pa.Table.from_pandas(X.assign(y=labels_of(X, rng)), preserve_index=False)
    pq.write_table(table, tmp_path / "people.parquet", row_group_size=300)
    path = str(tmp_path / "people.parquet")
    whole = fitted(path, "y").model_
    bounded = fitted(path, "y", memory_limit="900MB").model_
    assert whole.preprocessor.vocabularies == bounded.preprocessor.vocabularies
    for one, other in zip(whole.members, bounded.members, strict=True):
        np.testing.assert_allclose(
            one[0].target.target_table, other[0].target.target_table, rtol=1e-4, atol=1e-5
        )


def test_the_routes_of_a_prediction_agree(learned: Learned, monkeypatch: Any) -> None:
    """The C kernels', NumPy's and the compiled program's, within rounding."""
    model, new = learned.model, learned.new.head(50)
    by_kernels = model.predict_proba(new)
    monkeypatch.setitem(vars(model.model_), "compiled", None)
    small = model.predict_proba(new)
    monkeypatch.setattr(routes, "SMALL", 0)
    np.testing.assert_allclose(small, by_kernels, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(new), small, rtol=1e-4, atol=1e-6)


def test_a_saved_model_predicts_the_same_bits(learned: Learned, tmp_path: Any) -> None:
    """Its vocabularies and tables are in the file."""
    X, model = learned.X, learned.model
    model.save(tmp_path / "people.epochal")
    again = load(tmp_path / "people.epochal")
    assert again.model_ == model.model_
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_further_rows_are_learned_from(rng: np.random.Generator) -> None:
    """What a partial fit adds has the statistics of the first rows, whose labels it is not among."""
    X, more = people(rng), people(rng)
    y = labels_of(X, rng)
    model = EpochalClassifier(**QUICK).partial_fit(X, y, classes=[0, 1])
    before = [layers[0].target.target_table for layers in model.model_.members]
    model.partial_fit(more, labels_of(more, rng))
    for layers, table in zip(model.model_.members, before, strict=True):
        np.testing.assert_array_equal(layers[0].target.target_table, table)
    assert (model.predict(X) == y).mean() > 0.7


def test_a_training_goes_on_with_the_same_rows(rng: np.random.Generator, tmp_path: Any) -> None:
    """Also from a file: each row still has the statistics of other folds, and nothing is lost."""
    X = people(rng)
    y = labels_of(X, rng)
    model = fitted(X, y, warm_start=True)
    first = model.out_of_bag_.log_loss
    model.save(tmp_path / "people.epochal")
    for one in (model, load(tmp_path / "people.epochal")):
        one.fit(X, y)
        assert one.out_of_bag_.log_loss < first + 0.02


def test_time_orders_the_statistics(rng: np.random.Generator) -> None:
    """With timestamps a fit has members that use what was before, and predicts what is to come."""
    X = people(rng)
    y = labels_of(X, rng)
    model = fitted(X, y, fit={"timestamps": np.arange(len(X))})
    assert (model.predict(X.tail(300)) == y[-300:]).mean() > 0.6


def test_an_identifier_does_no_harm(rng: np.random.Generator) -> None:
    """One name a row has no vocabulary, and the other columns are learned from."""
    X = people(rng)
    y = (X["age"] > 0).astype(int).to_numpy()
    X = X.assign(shop=[f"id{n}" for n in range(len(X))])
    model = fitted(X, y)
    columns = [vocabulary.columns for vocabulary in model.model_.preprocessor.vocabularies]
    assert ("shop",) not in columns
    new = people(rng)
    assert (model.predict(new) == (new["age"] > 0)).mean() > 0.85


def test_missing_and_unknown_names_are_predicted(rng: np.random.Generator) -> None:
    """Rows of which nothing is known have probabilities, as every row has."""
    X = people(rng)
    X.loc[::7, "shop"] = None
    X.loc[::5, "title"] = None
    model = fitted(X, labels_of(X.fillna("x"), rng))
    new = pd.DataFrame({"shop": [None, "new"], "title": ["q r", None], "age": [0.0, None]})
    assert np.isfinite(model.predict_proba(new)).all()


def test_many_classes_have_projected_statistics(rng: np.random.Generator) -> None:
    """Of 40 classes, one for each of the names, most rows are right."""
    X = people(rng, 4000, 200)
    y = X["shop"].map(lambda name: hash_of(name) % 40).to_numpy()
    model = fitted(X, y, max_iter=20)
    assert (model.predict(X) == y).mean() > 0.8


@pytest.mark.parametrize("settings", [{"preset": "classic"}, {"embedding_size": None}])
def test_the_classical_recipe_has_none(rng: np.random.Generator, settings: dict[str, Any]) -> None:
    """Without an embedding columns are encoded as they were."""
    X = people(rng, 300)
    model = fitted(X, labels_of(X, rng), **settings)
    assert model.model_.preprocessor.vocabularies == ()


def test_few_categories_have_none(rng: np.random.Generator) -> None:
    """Where each category has a vector, nothing changes."""
    X = people(rng, 300, 30).drop(columns="title")
    model = fitted(X, labels_of(X, rng))
    assert model.model_.preprocessor.vocabularies == ()


def test_names_without_statistics_of_their_own_share_some(
    rng: np.random.Generator, tmp_path: Any, monkeypatch: Any
) -> None:
    """A warning says so, the shared ones are informative, and a file keeps the bits."""
    monkeypatch.setattr(target_tables, "MAX_TABLE_SIZE", 2 * 200)
    X = people(rng).drop(columns="title")
    y, new = labels_of(X, rng), people(rng).drop(columns="title")
    with pytest.warns(UserWarning, match=r"'shop' has too many names: .* the others share 1\d\d"):
        model = fitted(X, y, max_categories=4)
    (vocabulary,) = model.model_.preprocessor.vocabularies
    is_absent = ~new["shop"].isin(vocabulary.names).to_numpy()
    assert 0.4 < is_absent.mean() < 0.9
    truth = labels_of(new, rng)
    assert model.score(new[is_absent], truth[is_absent]) > 0.55
    model.save(tmp_path / "shops.epochal")
    again = load(tmp_path / "shops.epochal").predict_proba(new)
    np.testing.assert_array_equal(again, model.predict_proba(new))


def test_shared_statistics_of_random_labels_stay_random(
    rng: np.random.Generator, monkeypatch: Any
) -> None:
    """Out-of-bag rows are at chance, even if statistics that say nothing are inputs."""
    monkeypatch.setattr(target_tables, "MAX_TABLE_SIZE", 2 * 200)
    monkeypatch.setattr(name_selection, "MIN_SCORE", -1.0)
    X, y = people(rng).drop(columns="title"), rng.integers(2, size=ROWS)
    with pytest.warns(UserWarning, match="the others share"):
        scores = fitted(X, y).out_of_bag_
    assert scores is not None
    assert abs(scores.accuracy - 0.5) < 3 * 0.5 / np.sqrt(ROWS)


def test_words_are_used_as_the_user_says(rng: np.random.Generator) -> None:
    """Numbers whose digits behind the point decide tell nothing as amounts, or as names that never recur."""
    whole, digits = rng.integers(10_000, size=(2, 6000))[:, : 2 * ROWS]
    digits = digits % 80 + 11
    X = pd.DataFrame({"code": [float(f"{a}.{b}") for a, b in zip(whole, digits, strict=True)]})
    y = (digits * 7 % 11 < 5).astype(int)
    known, new = slice(None, ROWS), slice(ROWS, None)
    error = {}
    for name in ("nothing", "categorical_features", "text_features"):
        told = {} if name == "nothing" else {name: ["code"]}
        model = fitted(X[known], y[known], max_iter=15, **told)
        error[name] = (model.predict(X[new]) != y[new]).mean()
    assert error["text_features"] < 0.1
    assert min(error["nothing"], error["categorical_features"]) > 0.35


@pytest.mark.filterwarnings("ignore:column 'title' holds a category unknown")
def test_words_of_few_texts_are_used_if_the_user_says_so(rng: np.random.Generator) -> None:
    """Of texts that training did not have the words are known."""
    a, b = rng.integers(8, size=(2, ROWS))
    X = pd.DataFrame(
        {"title": [f"{'abcdefgh'[i]} {'stuvwxyz'[j]}" for i, j in zip(a, b, strict=True)]}
    )
    y, is_new = a % 2, (a * 3 + b) % 8 == 0
    plain, told = (
        fitted(X[~is_new], y[~is_new], max_iter=15, text_features=columns)
        for columns in (None, ["title"])
    )
    assert plain.model_.preprocessor.vocabularies == ()
    assert [v.words for v in told.model_.preprocessor.vocabularies] == [1]
    assert (told.predict(X[is_new]) == y[is_new]).all()
    assert (plain.predict(X[is_new]) == y[is_new]).mean() < 0.9
