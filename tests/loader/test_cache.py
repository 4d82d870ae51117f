"""What is kept for the next fit: found by its origin, whole, or made anew."""

import numpy as np
import pandas as pd
import pytest

from epochal import EpochalClassifier
from epochal.errors import WriteError
from epochal.loader.cache import PreprocessingCache
from epochal.loader.memory_items import Shares, Storage
from epochal.loader.memory_plan import MemoryPlan
from epochal.preprocessing.preprocessor import Preprocessor

X = np.random.default_rng(0).normal(size=(50, 3))
SMALL = {"n_estimators": 2, "hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}
HOW = {"variance_epsilon": 1e-8, "clip": 3.0, "max_categories": 64}


def test_what_was_kept_is_not_made_again(tmp_path):
    """The second time the preprocessing is read, and is the same bit for bit."""
    made = []

    def make():
        """Return a preprocessor, and count."""
        made.append(1)
        return Preprocessor.fit(X, n_bins=(4, 8), **HOW)

    cache = PreprocessingCache.of(str(tmp_path), "data", 1)
    first, again = cache.preprocessor(make), cache.preprocessor(make)

    assert made == [1]
    assert first == again
    assert len(list(tmp_path.iterdir())) == 1


def test_another_origin_has_another_name(tmp_path):
    """Other data, arrays with other values, types or shapes, and other numbers are other origins."""
    ones = np.ones(6, np.int32)
    origins = [
        PreprocessingCache.of(str(tmp_path), data, *more).origin
        for data in ("a", "b")
        for more in (
            (),
            (1,),
            (None,),
            ("1",),
            (ones,),
            (ones.astype(np.float32),),
            (ones.reshape(2, 3),),
            (ones * 2,),
            (ones, ones),
            (np.broadcast_to(np.int32(3), 6),),
        )
    ]

    assert len(set(origins)) == len(origins)
    assert PreprocessingCache.of(str(tmp_path), "a", ones) == PreprocessingCache.of(
        str(tmp_path), "a", np.ones(6, np.int32)
    )


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not whole", None])
def test_what_is_damaged_is_made_anew(tmp_path, damage):
    """A file that cannot be read is as none; it is replaced."""
    cache = PreprocessingCache.of(str(tmp_path), "data")
    whole = cache.preprocessor(lambda: Preprocessor.fit(X, **HOW))
    path = cache.path("columns")
    path.write_bytes(path.read_bytes()[:100] if damage is None else damage)

    assert cache.load("columns") is None
    assert cache.preprocessor(lambda: Preprocessor.fit(X, **HOW)) == whole
    assert cache.load("columns") is not None


def test_a_folder_that_is_not_there_is_told(tmp_path):
    """The folder is named."""
    with pytest.raises(WriteError, match="nowhere"):
        PreprocessingCache.of(str(tmp_path / "nowhere"), "data")


@pytest.fixture
def cache_dir(tmp_path, monkeypatch):
    """Return a folder for rows, which never fit into memory."""
    folder = tmp_path / "cache_dir"
    plan = MemoryPlan(10**9, str(folder), Shares(Storage.DISK, buffer=1000, validation=500))
    monkeypatch.setattr("epochal.preparation.plan_for", lambda *_: plan)
    folder.mkdir()
    return folder


def test_preparation_that_is_kept_is_used_again(iris_file, cache_dir, monkeypatch):
    """With a cache folder, a second fit on a file reuses the preprocessing; a fit on other data does not."""
    made = []
    fit = Preprocessor.fit
    monkeypatch.setattr(
        Preprocessor, "fit", lambda *rows, **how: made.append(1) or fit(*rows, **how)
    )
    frame = pd.read_parquet(iris_file)[["x0", "x1", "x2", "x3", "bed"]][:5]

    def fitted(**more):
        """Return the probabilities of a new fit."""
        ours = EpochalClassifier(**(SMALL | more), memory_limit="1GB", cache_dir=str(cache_dir))
        return ours.fit(iris_file, "kind", "w").predict_proba(frame)

    first = fitted()
    cache = sorted(entry.name for entry in cache_dir.iterdir())
    again, slower = fitted(), fitted(learning_rate_init=1e-4)

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, slower)
    assert len(made) == 1
    assert {name.rsplit(".")[1] for name in cache} == {"columns", "parts", "rows"}
    assert cache == sorted(entry.name for entry in cache_dir.iterdir())
    pd.read_parquet(iris_file).iloc[::-1].to_parquet(iris_file)
    fitted()
    assert len(made) == 2


def test_a_fit_that_goes_on_takes_no_rows_that_another_has_encoded(iris_file, tmp_path, cache_dir):
    """With the means of an earlier fit rows are others than with their own: none are mixed up."""
    plain = {"embedding_size": None, "warm_start": True, "memory_limit": "1GB"}
    shifted = pd.read_parquet(iris_file)
    shifted[["x0", "x1", "x2", "x3"]] += 5.0
    shifted.to_parquet(tmp_path / "shifted.parquet")
    cache = EpochalClassifier(**SMALL, cache_dir=str(cache_dir), **plain).fit(iris_file, "kind")
    apart = EpochalClassifier(**SMALL, **plain).fit(iris_file, "kind")
    EpochalClassifier(**SMALL, cache_dir=str(cache_dir), **plain).fit(
        tmp_path / "shifted.parquet", "kind"
    )

    for ours in (cache, apart):
        ours.fit(tmp_path / "shifted.parquet", "kind")
    rows = shifted.drop(columns="kind")
    np.testing.assert_array_equal(cache.predict_proba(rows), apart.predict_proba(rows))
