"""Saving and loading."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from epochal.errors import MissingFileError, ModelError, WriteError
from epochal.model import persistence
from epochal.model.persistence import load, save
from epochal.nn.layers import Layer, apply

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochal.model.description import Model

FLOATS = arrays.from_dtype(np.dtype(np.float32), allow_nan=False, allow_infinity=False)


def test_a_model_comes_back_bit_for_bit(model: Model, saved: Path) -> None:
    """A saved and loaded model is equal, with the types of its parts."""
    back = load(saved)
    assert back == model
    assert back.settings == model.settings
    assert back.classes.dtype == model.classes.dtype
    assert back.history.training_loss[0] == model.history.training_loss[0]
    assert np.isnan(back.history.training_loss[1][1])
    assert back.history.best_loss == model.history.best_loss
    assert back.out_of_bag == model.out_of_bag


def test_saving_again_gives_identical_bytes(saved: Path, tmp_path: Path) -> None:
    """A file depends on the content only: not on time, path or machine."""
    os.utime(saved, (0, 0))
    save(load(saved), tmp_path / "again.epochal")
    assert (tmp_path / "again.epochal").read_bytes() == saved.read_bytes()


def test_a_loaded_model_computes_the_same_bits(model: Model, saved: Path) -> None:
    """Members give the logits that they gave before."""
    x = np.random.default_rng(0).normal(size=(5, model.preprocessor.n_features))
    x = x.astype(np.float32)
    for before, after in zip(model.members, load(saved).members, strict=True):
        assert apply(before, x, "relu").tobytes() == apply(after, x, "relu").tobytes()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    weights=arrays.arrays(np.float32, (3, 3), elements=FLOATS),
    seed=st.integers(0, 2**128),
    target=st.none() | st.text(),
    classes=st.sampled_from(
        [
            np.array([-1, 0, 2**62]),
            np.array([0, 7, 255], dtype=np.uint8),
            np.array([0.1, 0.2, 3.0], dtype=np.float32),
            np.array(["a", "b", "ß"], dtype="<U9"),
            np.array(["a", "b", "\ud800"], dtype=object),
        ]
    ),
)
def test_any_content_comes_back(
    build: Callable[..., Model],
    tmp_path: Path,
    weights: np.ndarray,
    seed: int,
    target: str | None,
    classes: np.ndarray,
) -> None:
    """Any finite weights, seed, target and labels survive the disk."""
    plain = build(classes=classes)
    last = Layer(weights, plain.members[0][2].bias)
    members = ((*plain.members[0][:2], last), plain.members[1])
    model = replace(plain, members=members, seed=seed, target=target)
    save(model, tmp_path / "any.epochal")
    assert load(tmp_path / "any.epochal") == model


def test_text_paths_are_taken(model: Model, tmp_path: Path) -> None:
    """A path may be a string."""
    save(model, str(tmp_path / "text.epochal"))
    assert load(str(tmp_path / "text.epochal")) == model


def test_a_failed_saving_leaves_the_old_file(
    model: Model, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full half-way, the old model is still there and nothing else is."""
    before = saved.read_bytes()

    def full(file: object, description: bytes, weights: bytes) -> None:
        """Write a part, then fail as a full disk does."""
        file.write(description)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(persistence, "pack", full)
    with pytest.raises(WriteError, match="no space left"):
        save(model, saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_model_is_not_written_over_a_device(model: Model) -> None:
    """A device is refused, not replaced."""
    with pytest.raises(WriteError, match="device"):
        save(model, "/dev/full")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Nothing at the path is its own error, which is also Python's FileNotFoundError."""
    with pytest.raises(MissingFileError, match=r"none\.epochal"):
        load(tmp_path / "none.epochal")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.epochal")


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    """The message says that it is a folder."""
    with pytest.raises(ModelError, match="is a folder"):
        load(tmp_path)


def test_loading_imports_no_jax(saved: Path, in_new_process: Callable[..., str]) -> None:
    """A model is read without JAX."""
    code = (
        "import sys; from epochal.model.persistence import load; "
        f"load({str(saved)!r}); print('jax' in sys.modules)"
    )
    assert in_new_process(code) == "False"


def test_messages_begin_with_the_path(saved: Path) -> None:
    """The message names the file, whatever is wrong inside."""
    shutil.copy(saved, saved.with_name("copy.epochal"))
    saved.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(ModelError) as caught:
        load(saved)
    assert str(caught.value).startswith(str(saved))
