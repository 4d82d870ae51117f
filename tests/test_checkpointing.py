"""A fit that was ended goes on from its checkpoint, and ends with the same bytes as one that was not."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from epochal import EpochalClassifier
from epochal.checkpointing import digest_of, digests_of_rows
from epochal.errors import SettingError
from epochal.loader.batches import ArraySource, LazySource
from epochal.loader.disk import DiskLayout, Store
from epochal.loader.packed import PackedSource
from epochal.preprocessing.packing import Packing
from epochal.training import checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from epochal import EpochEvent

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 8, "random_state": 0, "early_stopping": True}


class KilledError(Exception):
    """The end of a fit that is not the user's."""


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a checkpoint after every segment."""
    written = checkpoints.Checkpoints.__call__

    def and_wait(self: checkpoints.Checkpoints, state: Any, *, last: bool = False) -> None:
        """Write at once."""
        self.next = 0.0
        written(self, state, last=last)
        self.wait()

    monkeypatch.setattr(checkpoints.Checkpoints, "__call__", and_wait)


def rows(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table with numbers, few categories and many names, and labels."""
    X = pd.DataFrame(rng.normal(size=(600, 3)), columns=["a", "b", "c"])
    X["kind"] = np.array(["x", "y", "z"])[rng.integers(3, size=600)]
    X["name"] = [f"n{number}" for number in rng.integers(100, size=600)]
    return X, (X["a"] * X["b"] + rng.normal(size=600) > 0).astype(int).to_numpy()


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "default": ({"preset": "default", "n_estimators": 4, "n_folds": 4}, {}),
    "fast": ({"preset": "fast"}, {}),
    "classic": ({"preset": "classic"}, {}),
    "bootstrap": ({"preset": "fast", "bagging": "bootstrap"}, {}),
    "groups": ({"preset": "fast"}, {"groups": np.arange(600) // 3}),
    "times": ({"preset": "fast"}, {"timestamps": np.arange(600)}),
    "weights": ({"preset": "fast", "solver": "sgd"}, {"sample_weight": 1.0 + np.arange(600) % 3}),
    "rates": ({"preset": "fast", "learning_rate": "adaptive", "tol": 0.1}, {}),
    "cooldown": ({"preset": "fast", "n_iter_no_change": 1}, {}),
    "validation rows": ({"preset": "fast"}, {"X_val": 100}),
    "texts": ({"preset": "fast", "text_features": ["name"]}, {}),
    "best": ({"preset": "best", "n_estimators": 4}, {}),
    "images": ({"preset": "default", "n_estimators": 2, "n_folds": 2}, {}),
    "memory": ({"preset": "fast", "memory_limit": "400MB"}, {}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("always")
def test_it_ends_with_the_same_bytes(case: str, rng: np.random.Generator, tmp_path: Path) -> None:
    """Whatever the preset, bags, groups, times, weights and memory; afterwards no checkpoint is left."""
    settings, given = CASES[case]
    X, y = rows(rng)
    if case == "memory":
        path = tmp_path / "rows.parquet"
        X.assign(y=y).to_parquet(path)
        X, y = str(path), "y"
    if case == "images":
        X = rng.integers(0, 256, (600, 4, 4), dtype=np.uint8)
        y = (X[:, 0, 0] > X[:, 2, 2]).astype(int)
    if "X_val" in given:
        number = given["X_val"]
        given = {"X_val": X[:number], "y_val": y[:number]}

    def fitted(name: str, end: int | None = None) -> list[int]:
        """Fit, up to an epoch, and save; return the epochs that were trained."""
        trained: list[int] = []

        def observe(event: EpochEvent) -> None:
            """Remember an epoch, and end the fit after the last one."""
            trained.append(event.epoch)
            if event.epoch == end:
                raise KilledError

        model = EpochalClassifier(
            **(SMALL | settings), callbacks=[observe], checkpoint_dir=str(tmp_path / name)
        )
        model.fit(X, y, **given).save(tmp_path / f"{name}.epochal")
        return trained

    whole = fitted("whole")
    with pytest.raises(KilledError):
        fitted("ended", end=5)
    rest = fitted("ended")

    assert whole == list(range(1, 9))
    assert rest[-1] == 8
    assert 1 < rest[0] <= 5 or case == "classic"
    assert (tmp_path / "whole.epochal").read_bytes() == (tmp_path / "ended.epochal").read_bytes()
    assert not (tmp_path / "ended").exists()


@pytest.mark.skipif(os.name != "posix", reason="a signal is raised as on POSIX systems")
@pytest.mark.parametrize(("segments", "batch"), [(4, 5), (3, 0)])
def test_an_interrupted_fit_resumes_from_the_batch_where_it_was(
    segments: int,
    batch: int,
    rng: np.random.Generator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C writes a last checkpoint, within an epoch or after it; the folder stays, and the rest has the same bytes."""
    # So that an epoch has two segments.
    monkeypatch.setattr("epochal.training.loop.MAX_WORK", 1_000_000)
    X, y = rows(rng)
    written, seen, kept = checkpoints.Checkpoints.__call__, [], []

    def and_interrupt(self: checkpoints.Checkpoints, state: Any, *, last: bool = False) -> None:
        """Write the first checkpoint only, and the last; interrupt after some segments."""
        self.next = 0.0 if not seen else float("inf")
        seen.append(state().progress.batch)
        written(self, state, last=last)
        self.wait()
        if last:
            kept.append(state().progress.batch)
        elif len(seen) == segments and not kept:
            signal.raise_signal(signal.SIGINT)

    def fitted(name: str, **more: Any) -> EpochalClassifier:
        """Fit and save."""
        model = EpochalClassifier(preset="fast", **SMALL, **more).fit(X, y)
        model.save(tmp_path / f"{name}.epochal")
        return model

    fitted("whole")
    monkeypatch.setattr(checkpoints.Checkpoints, "__call__", and_interrupt)
    folder = tmp_path / "state"
    with pytest.warns(UserWarning, match="interrupted"):
        model = fitted("part", checkpoint_dir=str(folder))
    assert model.history_.outcome[0] == "interrupted by the user"
    assert len(list(folder.iterdir())) == 2
    fitted("again", checkpoint_dir=str(folder))

    assert set(seen) == {0, 5}
    assert kept == [batch]
    assert (tmp_path / "again.epochal").read_bytes() == (tmp_path / "whole.epochal").read_bytes()
    assert not folder.exists()


@pytest.mark.usefixtures("always")
def test_another_fit_is_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    """With other rows, labels or settings it is not the same training."""
    X, y = rows(rng)

    def killed(event: EpochEvent) -> None:
        """End the fit."""
        if event.epoch == 3:
            raise KilledError

    model = EpochalClassifier(preset="fast", checkpoint_dir=str(tmp_path / "ended"), **SMALL)
    with pytest.raises(KilledError):
        model.set_params(callbacks=[killed]).fit(X, y)
    model.set_params(callbacks=None)
    moved = X.assign(a=np.roll(X["a"], 1))
    with pytest.raises(SettingError, match="is of another training: other data"):
        model.fit(moved, y)
    with pytest.raises(SettingError, match="other data"):
        model.fit(X, 1 - y)
    with pytest.raises(SettingError, match="settings: l2 was .* and is 0.25"):
        model.set_params(l2=0.25).fit(X, y)
    assert list((tmp_path / "ended").iterdir())


@pytest.mark.parametrize("table", [np.asarray, csr_array])
@pytest.mark.usefixtures("always")
def test_two_exchanged_rows_are_other_data(
    table: Callable[[np.ndarray], Any],
    rng: np.random.Generator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows of one label in another order train other batches, though all columns have the same statistics."""
    # So that a segment has one epoch.
    monkeypatch.setattr("epochal.training.loop.MAX_SEGMENT_WORK", 1)
    # Sums of these are exact in any order.
    x = np.repeat(rng.choice([-1, 1], (100, 4)), 2, axis=0).astype(np.float32)
    x[1::2] *= -1
    y = np.arange(200) // 2 % 2
    exchanged = x.copy()
    exchanged[[0, 1]] = x[[1, 0]]

    def killed(event: EpochEvent) -> None:
        """End the fit."""
        if event.epoch == 3:
            raise KilledError

    settings = SMALL | {"early_stopping": False, "preset": "classic"}
    model = EpochalClassifier(**settings, checkpoint_dir=str(tmp_path / "ended"))
    with pytest.raises(KilledError):
        model.set_params(callbacks=[killed]).fit(table(x), y)
    model.set_params(callbacks=None)
    with pytest.raises(SettingError, match="is of another training: other data"):
        model.fit(table(exchanged), y)
    model.fit(table(x), y)


def test_rows_have_the_same_digest_wherever_they_are(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, a sparse table and an array of the same rows are equal; the order of rows counts in each."""
    monkeypatch.setattr("epochal.checkpointing.CHUNK_BYTES", 4 * 5 * 7)

    def digests(x: np.ndarray) -> list[list[str]]:
        """Return the digests of rows in each place."""
        store = Store(DiskLayout(len(x), 5, 3), str(tmp_path), None)
        store.write(x)
        lazy = LazySource(len(x), 5, lambda rows: x[rows])
        packed = PackedSource(ArraySource(x), Packing(5, ()))
        places = (ArraySource(x), lazy, packed, store.source())
        return [digests_of_rows(source) for source in places]

    x = rng.normal(size=(30, 5)).astype(np.float32)
    found, exchanged = digests(x), digests(x[::-1].copy())
    assert all(one == found[0] for one in found)
    assert all(one == exchanged[0] for one in exchanged)
    assert found[0] != exchanged[0]
    assert len(found[0]) == 5


@pytest.mark.usefixtures("always")
def test_a_fit_with_checkpoints_has_the_bits_of_one_without(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    """They only watch; `partial_fit` writes none."""
    X, y = rows(rng)
    plain = EpochalClassifier(preset="fast", **SMALL).fit(X, y)
    watched = EpochalClassifier(preset="fast", checkpoint_dir=str(tmp_path / "new"), **SMALL)
    watched.fit(X, y)
    np.testing.assert_array_equal(watched.predict_proba(X), plain.predict_proba(X))
    watched.partial_fit(X, y)
    assert not (tmp_path / "new").exists()


def test_digests_tell_apart() -> None:
    """Types, shapes, order and nesting count; the order of a dict's keys does not."""
    values = [
        [1, 2],
        [[1], 2],
        [1, [2]],
        ["1", 2],
        [np.array([1, 2])],
        [np.array([1.0, 2.0])],
        [np.array([[1, 2]])],
        [np.array(["a", "b"], object)],
        [{"a": 1, "b": 2}],
        [None],
    ]
    assert len({digest_of(*value) for value in values}) == len(values)
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
