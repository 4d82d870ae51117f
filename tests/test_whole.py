"""What holds for the whole, from rows to probabilities: the unit of a column does not matter."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epochal import EpochalClassifier
from epochal.settings import PRESETS

ROWS = 120
FEW = {"n_estimators": 2, "hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
# Units in which a column is brought to other digits, and units that change none.
DECIMAL = (1e-9, 1e-6, 1e6, 1e-30, 1e30)
BINARY = (2.0**-100, 2.0**20)


def narrow(unit):
    """Return a table of numbers in a unit, with gaps, beside a category, a truth value and a date."""
    random = np.random.default_rng(0)
    gaps = random.random(ROWS) < 0.1
    days = np.datetime64("2024-01-01") + random.integers(0, 400, ROWS)
    return pa.table(
        {
            "gaps": pa.array(unit * random.normal(3, 1, ROWS), mask=gaps),
            "heavy": unit * random.standard_t(2, ROWS),
            "counts": unit * random.poisson(2, ROWS),
            "never varied": np.full(ROWS, 0.1 * unit),
            "job": random.choice(["clerk", "cook", "smith"], ROWS),
            "smokes": random.random(ROWS) < 0.5,
            "since": days,
        }
    )


def wide(unit):
    """Return an array of so many columns that roots are taken of those that are never negative."""
    random = np.random.default_rng(1)
    return unit * random.gamma(0.5, 2, (ROWS, 520))


def images(unit):
    """Return images of fractions."""
    return wide(unit)[:, :196].reshape(ROWS, 14, 14)


def trained(rows, preset):
    """Return a small classifier of the rows."""
    labels = np.random.default_rng(2).integers(0, 2, ROWS)
    return EpochalClassifier(preset=preset, **FEW).fit(rows, labels)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("make", [narrow, wide, images])
def test_units_do_not_matter(make, preset):
    """In other units rows have the same features and nearly the same probabilities, and mostly the same bits."""
    here = trained(make(1.0), preset)
    features, expected = (
        here.model_.preprocessor.encode(make(1.0)),
        here.predict_proba(make(1.0)),
    )

    assert np.ptp(expected, axis=0).min() > 0.01
    for unit in DECIMAL:
        there, rows = trained(make(unit), preset), make(unit)
        assert there.model_.preprocessor.schema == here.model_.preprocessor.schema
        encoded = there.model_.preprocessor.encode(rows)
        np.testing.assert_allclose(encoded, features, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(there.predict_proba(rows), expected, atol=1e-3)
    for unit in BINARY:
        np.testing.assert_array_equal(
            trained(make(unit), preset).predict_proba(make(unit)), expected
        )


@pytest.mark.parametrize("preset", PRESETS)
def test_units_of_float32_do_not_matter(preset):
    """Rows of float32 are brought to one unit like those of float64."""
    rows = wide(1.0)[:, :6].astype(np.float32)
    expected = trained(rows, preset).predict_proba(rows)

    for unit in (2.0**-100, 2.0**60):
        scaled = rows * np.float32(unit)
        assert scaled.dtype == np.float32
        np.testing.assert_array_equal(trained(scaled, preset).predict_proba(scaled), expected)


@pytest.mark.parametrize("memory", [None, "1GB"])
def test_units_of_files_do_not_matter(tmp_path, memory):
    """A file that is read as it is needed has the model of any other unit, whole and over chunks."""
    frames = {unit: narrow(unit).append_column("y", [["a", "b"] * (ROWS // 2)]) for unit in BINARY}
    ours = []
    for unit, frame in frames.items():
        path = tmp_path / f"{unit}.parquet"
        pq.write_table(frame, path)
        ours.append(EpochalClassifier(memory_limit=memory, **FEW).fit(path, "y"))
    pairs = zip(ours, frames.values(), strict=True)
    first, second = (one.predict_proba(frame.drop_columns("y")) for one, frame in pairs)

    np.testing.assert_array_equal(first, second)


def test_units_of_chunks_do_not_matter():
    """partial_fit keeps the statistics of its first rows, in whichever unit all of them come."""
    labels = np.arange(ROWS) % 2
    ours = []
    for unit in (1.0, *BINARY):
        rows, one = narrow(unit), EpochalClassifier(**FEW)
        for start in (0, 60):
            one.partial_fit(rows.slice(start, 60), labels[start : start + 60], classes=[0, 1])
        ours.append(one.predict_proba(rows))

    assert all(np.array_equal(one, ours[0]) for one in ours)
