"""A predictor gives what the saved classifier gives, without the libraries that trainings need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.sparse import coo_array

from epochal import (
    ColumnError,
    DataError,
    EpochalClassifier,
    MissingFileError,
    Predictor,
    load,
    load_predictor,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SETTINGS = {"preset": "fast", "hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


@pytest.fixture
def frame(rng: np.random.Generator) -> pd.DataFrame:
    """Return a table of numbers, texts, gaps and dates."""
    return pd.DataFrame(
        {
            "x": np.where(rng.random(80) < 0.1, np.nan, rng.normal(size=80)),
            "kind": rng.choice(["a", "b", "c"], 80),
            "flag": rng.random(80) < 0.5,
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, 80), "D"),
        }
    )


@pytest.fixture
def saved(frame: pd.DataFrame, tmp_path: Path) -> str:
    """Return the path of a model of the table, whose labels are texts."""
    y = np.where(frame["kind"] == "a", "yes", "no")
    path = str(tmp_path / "model.epochal")
    EpochalClassifier(**SETTINGS).fit(frame, y).save(path)
    return path


def given(frame: pd.DataFrame, tmp_path: Path) -> dict[str, Any]:
    """Return the same rows in every way in which a table is given."""
    path = tmp_path / "rows.parquet"
    frame.to_parquet(path)
    return {
        "frame": frame,
        "other order": frame[frame.columns[::-1]],
        "arrow": pa.Table.from_pandas(frame),
        "file": str(path),
        "path": path,
        "one row": frame[:1],
        "no row": frame[:0],
    }


def test_it_gives_what_the_classifier_gives(
    saved: str, frame: pd.DataFrame, tmp_path: Path
) -> None:
    """Bit for bit, for every kind of rows; labels too."""
    classifier, predictor = load(saved), load_predictor(saved)
    assert isinstance(predictor, Predictor)
    for name, rows in given(frame, tmp_path).items():
        expected = classifier.predict_proba(rows)
        np.testing.assert_array_equal(predictor.predict_proba(rows), expected, err_msg=name)
        np.testing.assert_array_equal(predictor.predict(rows), classifier.predict(rows))
    np.testing.assert_array_equal(predictor.classes_, classifier.classes_)
    np.testing.assert_array_equal(predictor.feature_names_in_, classifier.feature_names_in_)
    assert predictor.n_features_in_ == classifier.n_features_in_ == 4


def test_arrays_are_taken_by_position(rng: np.random.Generator, tmp_path: Path) -> None:
    """Lists and sparse arrays too; images keep their shape; a model of arrays has no names."""
    for name, x in {"rows": rng.normal(size=(60, 3)), "images": rng.random((60, 4, 4))}.items():
        path = tmp_path / name
        ours = EpochalClassifier(**SETTINGS).fit(x, x.reshape(60, -1)[:, 0] > 0.5)
        ours.save(path)
        predictor, expected = load_predictor(path), ours.predict_proba(x)
        kinds = [x, x.astype(object), x.tolist()] + ([coo_array(x)] if x.ndim == 2 else [])
        for rows in kinds:
            np.testing.assert_array_equal(predictor.predict_proba(rows), expected)
        assert predictor.n_features_in_ == ours.n_features_in_
        with pytest.raises(AttributeError, match="trained on arrays"):
            _ = predictor.feature_names_in_
        with pytest.raises(DataError, match="expected"):
            predictor.predict_proba(x[:, :2])


def test_other_columns_are_refused(saved: str, frame: pd.DataFrame, tmp_path: Path) -> None:
    """By name; and what is no model is refused as by `load`."""
    with pytest.raises(ColumnError, match="kind"):
        load_predictor(saved).predict_proba(frame.drop(columns="kind"))
    with pytest.raises(DataError, match="'x' holds 'text'"):
        load_predictor(saved).predict_proba(frame.assign(x="text"))
    with pytest.raises(MissingFileError, match="there is no model file"):
        load_predictor(tmp_path / "missing.epochal")


def test_it_needs_neither_scikit_learn_nor_jax(
    saved: str, in_new_process: Callable[..., str]
) -> None:
    """Nor what they import; Arrow itself looks for pandas when it takes values of Python."""
    code = (
        "import sys, epochal, pyarrow;"
        f"rows = epochal.load_predictor({saved!r});"
        "table = pyarrow.table({'x': [0.5], 'kind': ['a'], 'flag': [True],"
        "'when': pyarrow.array([10**9], pyarrow.timestamp('s'))});"
        "rows.predict(table);"
        "print({'sklearn', 'jax', 'scipy', 'joblib'} & set(sys.modules))"
    )
    assert in_new_process(code) == "set()"
