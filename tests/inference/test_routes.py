"""The routes of a prediction: they agree, blocks do not show, and JAX is loaded only by its own route."""

import jax
import numpy as np
import pytest

from epochal import EpochalClassifier
from epochal.inference import routes
from epochal.kernels.library import opened


@pytest.fixture(scope="module")
def rows():
    """Return rows."""
    return np.random.default_rng(0).normal(size=(300, 5))


@pytest.fixture(scope="module")
def ours(rows):
    """Return a small fitted classifier."""
    return EpochalClassifier(
        n_estimators=3, hidden_layer_sizes=(8, 4), max_iter=3, random_state=0
    ).fit(rows, (rows[:, 0] > 0).astype(int))


@pytest.fixture
def without_kernels(ours, monkeypatch):
    """Predict without the C kernels."""
    monkeypatch.setitem(vars(ours.model_), "compiled", None)


def test_the_routes_agree(ours, rows, monkeypatch):
    """The C kernels, NumPy and the compiled program give the same probabilities, to float32 rounding."""
    by_kernels = ours.predict_proba(rows)
    monkeypatch.setitem(vars(ours.model_), "compiled", None)
    by_numpy = ours.predict_proba(rows)
    monkeypatch.setattr(routes, "SMALL", 0)
    by_xla = ours.predict_proba(rows)

    assert not np.array_equal(by_numpy, by_xla)
    assert np.array_equal(by_numpy, by_kernels) == (opened().library is None)
    np.testing.assert_allclose(by_numpy, by_xla, atol=2e-6)
    np.testing.assert_allclose(by_numpy, by_kernels, atol=2e-6)
    np.testing.assert_allclose(by_xla.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("pieces", [1, 3, 32])
@pytest.mark.usefixtures("without_kernels")
def test_blocks_at_once_do_not_show(ours, rows, monkeypatch, pieces):
    """Rows in many blocks, several of which are under way, and pieces have the probabilities of one."""
    monkeypatch.setattr(routes, "SMALL", 0)
    whole = ours.predict_proba(rows)
    monkeypatch.setattr(routes, "PIECE", 16)
    monkeypatch.setattr(routes, "PIECES", pieces)

    np.testing.assert_allclose(ours.predict_proba(rows), whole, atol=1e-6)


@pytest.mark.skipif(opened().library is None, reason="the operations in C are not in use")
def test_an_accelerator_has_the_large_work(ours, monkeypatch):
    """And the kernels the small."""
    monkeypatch.setattr(routes, "_has_accelerator", lambda: True)
    model, kernels = ours.model_, ours.model_.compiled.mean_probabilities

    small = routes.route_for(model, model.members, model.calibration, 10)
    large = routes.route_for(model, model.members, model.calibration, 10**9)

    assert small == kernels
    assert large != kernels


@pytest.mark.parametrize(("native", "number"), [("", 10**6), ("0", 3)])
def test_predictions_load_no_jax(ours, tmp_path, native, number, in_new_process):
    """Neither with the C kernels, however many rows there are, nor few rows without."""
    if not native and opened().library is None:
        pytest.skip("the operations in C are not in use")
    path = tmp_path / "model.epochal"
    ours.save(path)
    code = (
        "import sys, numpy as np; from epochal import load; from epochal.inference import routes;"
        f"routes.SMALL = 10**6; load({str(path)!r}).predict_proba(np.zeros(({number}, 5)));"
        "print(any(name.split('.')[0] in ('jax', 'jaxlib') for name in sys.modules))"
    )

    assert in_new_process(code, EPOCHAL_NATIVE=native) == "False"


def test_a_prediction_without_memory_is_a_memory_error():
    """Python's own, as in training, and not XLA's."""

    def program(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: no memory")

    with pytest.raises(MemoryError, match="fewer rows at a time"):
        routes._by_blocks(program, np.zeros(1), np.zeros((3, 2), np.float32), "relu")
