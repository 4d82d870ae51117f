"""Prediction: two routes that agree, chunks that do not show, no JAX for small work."""

import subprocess
import sys

import jax
import numpy as np
import pyarrow as pa
import pytest

from epochal import EpochalClassifier
from epochal.inference import predict

X = np.random.default_rng(0).normal(size=(300, 5))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def ours():
    """Return a small fitted classifier."""
    return EpochalClassifier(
        n_estimators=3, hidden_layer_sizes=(8, 4), max_iter=3, random_state=0
    ).fit(X, Y)


def test_both_routes_agree(ours, monkeypatch):
    """The compiled program and NumPy give the same probabilities, to float32 rounding."""
    direct = ours.predict_proba(X)
    monkeypatch.setattr(predict, "SMALL", 0)
    compiled = ours.predict_proba(X)

    assert not np.array_equal(direct, compiled)
    np.testing.assert_allclose(direct, compiled, atol=2e-6)
    np.testing.assert_allclose(compiled.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("small", [0, 10**12], ids=["compiled", "direct"])
def test_chunks_do_not_show(ours, monkeypatch, small):
    """Rows in many chunks have the probabilities of rows in one."""
    monkeypatch.setattr(predict, "SMALL", small)
    whole = ours.predict_proba(X)
    monkeypatch.setattr(predict, "chunk_rows", lambda features: 64)

    np.testing.assert_allclose(ours.predict_proba(X), whole, atol=1e-6)


@pytest.mark.parametrize("pieces", [1, 3, 32])
def test_blocks_at_once_do_not_show(ours, monkeypatch, pieces):
    """Rows in many blocks, several of which are under way, and pieces have the probabilities of one."""
    monkeypatch.setattr(predict, "SMALL", 0)
    whole = ours.predict_proba(X)
    monkeypatch.setattr(predict, "PIECE", 16)
    monkeypatch.setattr(predict, "PIECES", pieces)

    np.testing.assert_allclose(ours.predict_proba(X), whole, atol=1e-6)


def test_a_row_does_not_depend_on_its_company(ours):
    """A row alone has the probabilities that it has among others."""
    together = ours.predict_proba(X[:20])
    alone = np.concatenate([ours.predict_proba(X[i : i + 1]) for i in range(20)])

    np.testing.assert_allclose(alone, together, rtol=1e-12)


def test_no_rows_have_no_probabilities(ours):
    """An empty table gives an empty result of the right width."""
    rows = pa.table({f"x{i}": pa.array([], pa.float64()) for i in range(5)})

    assert predict.predict_proba(ours.model_, rows).shape == (0, 2)


def test_small_work_loads_no_jax(ours, tmp_path):
    """Loading a model and predicting a few rows imports no JAX."""
    path = tmp_path / "model.epochal"
    ours.save(path)
    code = (
        "import sys, numpy as np; from epochal import load;"
        f"load({str(path)!r}).predict_proba(np.zeros((3, 5)));"
        "print(any(name.split('.')[0] in ('jax', 'jaxlib') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_a_prediction_without_memory_is_a_memory_error():
    """Python's own, as in training, and not XLA's."""

    def program(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: no memory")

    with pytest.raises(MemoryError, match="fewer rows at a time"):
        predict._by_blocks(program, np.zeros(1), np.zeros((3, 2), np.float32), "relu")
