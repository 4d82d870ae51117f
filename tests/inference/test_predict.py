"""Prediction: chunks that do not show, rows that do not depend on their company, no rows."""

import pickle

import numpy as np
import pyarrow as pa
import pytest

from epochal import EpochalClassifier
from epochal.inference import predict
from epochal.kernels.library import opened


@pytest.fixture(scope="module")
def data():
    """Return rows and labels."""
    X = np.random.default_rng(0).normal(size=(300, 5))
    return X, (X[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def ours(data):
    """Return a small fitted classifier."""
    return EpochalClassifier(
        n_estimators=3, hidden_layer_sizes=(8, 4), max_iter=3, random_state=0
    ).fit(*data)


def test_chunks_do_not_show(ours, data, monkeypatch):
    """Rows in many chunks have the probabilities of rows in one."""
    whole = ours.predict_proba(data[0])
    monkeypatch.setattr(predict, "chunk_rows", lambda features: 64)

    np.testing.assert_allclose(ours.predict_proba(data[0]), whole, rtol=1e-12)


def test_a_row_does_not_depend_on_its_company(ours, data):
    """A row alone has the probabilities that it has among others; with the C kernels the same bits."""
    together = ours.predict_proba(data[0])[:20]
    alone = np.concatenate([ours.predict_proba(data[0][i : i + 1]) for i in range(20)])

    if opened().library is None:
        np.testing.assert_allclose(alone, together, rtol=1e-12)
    else:
        np.testing.assert_array_equal(alone, together)


def test_one_member_predicts_alone(ours, data):
    """Its probabilities, with its calibration; the ensemble's are others."""
    first, whole = (predict.predict_proba(ours.model_, data[0], member) for member in (0, None))

    np.testing.assert_allclose(first.sum(axis=1), 1, rtol=1e-12)
    assert not np.allclose(first, whole)
    np.testing.assert_array_equal(first, ours.estimators_[0].predict_proba(data[0]))


def test_a_classifier_that_has_predicted_can_be_pickled(ours, data):
    """What is laid out for the C kernels stays behind, and is made again."""
    before = ours.predict_proba(data[0])

    copy = pickle.loads(pickle.dumps(ours))

    np.testing.assert_array_equal(copy.predict_proba(data[0]), before)


def test_no_rows_have_no_probabilities(ours):
    """An empty table gives an empty result of the right width."""
    rows = pa.table({f"x{i}": pa.array([], pa.float64()) for i in range(5)})

    assert predict.predict_proba(ours.model_, rows).shape == (0, 2)
