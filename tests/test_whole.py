"""What holds for the whole, from rows to probabilities: units do not matter, few rows are no mistake."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epochal import EpochalClassifier
from epochal.cli.main import main
from epochal.config.presets import PRESETS
from epochal.errors import FewRowsWarning

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
    """Return an array with so many columns that non-negative ones get the square-root transform."""
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


# -------------------------------------------------------------------------------- few rows

TINY = {"max_iter": 2, "n_estimators": 4, "hidden_layer_sizes": (4,), "random_state": 0}
TWENTY = np.random.default_rng(3).normal(size=(20, 3))
HALVES = np.arange(20) % 2


# Every preset, and every way to draw rows.
WAYS = [*((preset, "auto") for preset in PRESETS), ("fast", "bootstrap"), ("fast", None)]


def one_of(*rows):
    """Return weights of 20 rows: 1 for some, 0 for the others."""
    weight = np.zeros(20)
    weight[list(rows)] = 1
    return weight


FEW_ROWS = {
    "two rows": (2, {}),
    "three rows": (3, {}),
    "two that weigh something": (20, {"sample_weight": one_of(3, 4)}),
    "two of one class that weigh something": (20, {"sample_weight": one_of(3, 5)}),
    "two groups": (4, {"groups": [0, 0, 1, 1]}),
    "two times": (2, {"timestamps": [0, 1]}),
    "one to validate on": (20, {"X_val": TWENTY[:1], "y_val": HALVES[:1]}),
}


@pytest.mark.parametrize(("preset", "bagging"), WAYS)
@pytest.mark.parametrize("name", FEW_ROWS)
def test_few_rows_give_an_answer_and_a_warning(name, preset, bagging):
    """In every preset, with every way to draw rows."""
    rows, more = FEW_ROWS[name]
    ours = EpochalClassifier(preset=preset, bagging=bagging, **TINY)
    with pytest.warns(FewRowsWarning, match=r"there are \d+ rows to learn from, fewer than 50"):
        ours.fit(TWENTY[:rows], HALVES[:rows], **more)

    assert np.isfinite(ours.predict_proba(TWENTY)).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_one_row_of_each_class_gives_an_answer(preset):
    """As many classes as rows."""
    ours = EpochalClassifier(preset=preset, **TINY).fit(TWENTY, np.arange(20))

    assert ours.predict_proba(TWENTY).shape == (20, 20)


@pytest.mark.parametrize(("preset", "bagging"), WAYS)
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda ours: ours.fit(TWENTY, HALVES, one_of(3)), "one row only has a positive weight"),
        (lambda ours: ours.partial_fit(TWENTY[:1], [1], classes=[0, 1]), "there is one row only"),
        (lambda ours: ours.fit(TWENTY[:1], [1]), "one class only"),
        (lambda ours: ours.fit(TWENTY[:3], [1, 1, 1]), "one class only"),
        (lambda ours: ours.fit(TWENTY, HALVES, np.zeros(20)), "non-zero|positive weight"),
    ],
)
def test_too_few_rows_are_refused_before_training(preset, bagging, call, words):
    """By an error of ours or scikit-learn's, in every preset, before any epoch."""
    heard = []
    ours = EpochalClassifier(preset=preset, bagging=bagging, callbacks=[heard.append], **TINY)
    with pytest.raises(ValueError, match=words):
        call(ours)

    assert heard == []


def test_enough_rows_are_not_warned_of():
    """There is no warning for fifty rows, nor for few rows in a continued training."""
    rows, labels = np.tile(TWENTY, (3, 1)), np.tile(HALVES, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FewRowsWarning)
        ours = EpochalClassifier(**TINY).fit(rows[:50], labels[:50])
        ours.partial_fit(rows[:5], labels[:5]).partial_fit(rows[:1], labels[:1])
    with pytest.warns(FewRowsWarning, match="there are 49 rows"):
        EpochalClassifier(**TINY).fit(rows[:49], labels[:49])


def test_the_program_warns_of_few_rows(tmp_path, capsys):
    """In one line, and trains."""
    table = narrow(1.0).append_column("y", [["a", "b"] * (ROWS // 2)]).slice(0, 20)
    pq.write_table(table, tmp_path / "t.parquet")
    words = ["train", str(tmp_path / "t.parquet"), "--target", "y", "--preset", "classic"]

    assert main([*words, "--quiet", "--out", str(tmp_path / "m.epochal")]) == 0
    told = capsys.readouterr().err.splitlines()
    assert [line for line in told if "warning: there are 20 rows to learn from" in line] == told


# --------------------------------------------------------------------------------- weights


@pytest.mark.parametrize("more", [{}, {"class_weight": "balanced"}, {"class_weight": {0: 1e308}}])
@pytest.mark.parametrize("preset", PRESETS)
def test_the_unit_of_weights_does_not_matter(preset, more):
    """Enormous and tiny weights, of training and of validation rows, train as plain ones do."""
    weight = np.random.default_rng(4).integers(1, 9, 20) / 8
    few = TINY | more
    validation = {"X_val": TWENTY, "y_val": HALVES}
    for given in ({}, validation):
        ours = []
        for unit in (1.0, 2.0**996, 2.0**-996, 1.7e308):
            other = {"sample_weight_val": weight * unit} if given else {}
            one = EpochalClassifier(preset=preset, **few)
            one.fit(TWENTY, HALVES, weight * unit, **given, **other)
            ours.append(one.predict_proba(TWENTY))

        assert all(np.array_equal(one, ours[0]) for one in ours[:3])
        np.testing.assert_allclose(ours[3], ours[0], atol=1e-4)


def test_weights_that_are_nothing_beside_others_are_none():
    """A row that weighs 1 beside rows of 1e300 is as if it were not there."""
    weight = np.where(np.arange(20) < 12, 1e300, 1.0)
    ours = EpochalClassifier(**TINY).fit(TWENTY, HALVES, weight)
    same = EpochalClassifier(**TINY).fit(TWENTY, HALVES, np.where(weight > 1, 1.0, 0.0))

    np.testing.assert_array_equal(ours.predict_proba(TWENTY), same.predict_proba(TWENTY))


@pytest.mark.parametrize("memory", [[], ["--memory", "1GB"]])
def test_enormous_weights_of_files_are_weights(tmp_path, memory, capsys):
    """Trained on, validated, tested and evaluated as plain ones are."""
    paths = []
    for unit in (1.0, 2.0**996):
        table = narrow(1.0).append_column("y", [["a", "b"] * (ROWS // 2)])
        table = table.append_column("w", pa.array((1 + np.arange(ROWS) % 4) / 4 * unit))
        paths.append(tmp_path / f"{len(paths)}.parquet")
        pq.write_table(table, paths[-1])
    told = []
    for path in paths:
        out = str(path.with_suffix(".epochal"))
        options = ["--preset", "fast", "--max-iter", "2", "--target", "y", "--weight", "w", *memory]
        more = ["--valid", str(path), "--test", str(path), "--out", out, "--json"]
        assert main(["train", str(path), *options, *more]) == 0
        assert main(["evaluate", out, str(path), "--weight", "w", "--json"]) == 0
        told.append(capsys.readouterr().out.splitlines()[-1])
    first, second = (json.loads(line) for line in told)

    assert math.isfinite(first["log_loss"])
    for name in ("log_loss", "accuracy", "auc", "calibration_error"):
        assert second[name] == first[name]
