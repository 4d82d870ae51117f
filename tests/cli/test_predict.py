"""`epochal predict`, through the real entry point."""

from __future__ import annotations

import csv
import subprocess
import sys

import numpy as np
import pyarrow.parquet
import pytest

from epochal.classifier import load


def shares(path) -> np.ndarray:
    """Return the probabilities of a CSV file of predictions."""
    with path.open(newline="") as file:
        return np.array([row[1:] for row in csv.reader(file)][1:], dtype=float)


def test_predictions_are_those_of_the_classifier(run, model, table, tmp_path):
    """What is written is what `predict` and `predict_proba` return, row by row."""
    ended = run("predict", model, table, "--out", "p.parquet")
    written = pyarrow.parquet.read_table(tmp_path / "p.parquet")
    classifier = load(model)
    rows = pyarrow.csv.read_csv(table).drop_columns(["income"])

    assert ended == (0, "", "wrote 160 predictions to p.parquet\n")
    assert written.column_names == ["prediction", "probability_high", "probability_low"]
    assert written.column("prediction").to_pylist() == classifier.predict(rows).tolist()
    assert np.array_equal(
        np.column_stack([written.column(k) for k in (1, 2)]), classifier.predict_proba(rows)
    )


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_the_size_of_the_pieces_changes_nothing(run, model, table, tmp_path, rows):
    """Streaming in pieces of any size gives the same predictions in the same order."""
    run("predict", model, table, "--out", "whole.csv")
    run("predict", model, table, "--out", "pieces.csv", "--batch-rows", rows)
    whole, pieces = shares(tmp_path / "whole.csv"), shares(tmp_path / "pieces.csv")

    assert whole.shape == (160, 2)
    np.testing.assert_allclose(pieces, whole, rtol=0, atol=1e-12)


def test_without_out_csv_goes_to_standard_output(model, table):
    """The table alone stands on standard output."""
    command = [sys.executable, "-m", "epochal", "predict", str(model), str(table)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = ended.stdout.splitlines()

    assert lines[0] == "prediction,probability_high,probability_low"
    assert len(lines) == 161
    assert ended.stderr == ""


def test_a_few_rows_need_no_jax(model, table):
    """Small inputs are predicted without loading JAX or scikit-learn."""
    script = (
        "import sys; from epochal.cli.main import main;"
        f"code = main(['predict', {str(model)!r}, {str(table)!r}]);"
        "sys.exit(code or str({'jax', 'sklearn'} & set(sys.modules)).replace('set()', ''))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert ended.stderr.strip() == b""


def test_surplus_columns_are_named_once(run, model, table):
    """A column the model does not know is ignored with one warning, however many the pieces."""
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0] + ",hobby", *(line + ",chess" for line in lines[1:])]))
    ended = run("predict", model, table, "--out", "p.csv", "--batch-rows", 20)

    assert ended.code == 0
    assert ended.err.count("epochal: warning:") == 1
    assert "hobby" in ended.err


@pytest.mark.parametrize(
    ("change", "code", "found"),
    [
        (lambda text: text.replace("age", "aage", 1), 4, "'age'"),
        (
            lambda text: text.replace("\n", "\nabout forty,cook,true,2020-01-15,low\n", 1),
            4,
            "about",
        ),
        (lambda text: text + "about forty,cook,true,2020-01-15,low\n", 4, "in row 160"),
        (lambda text: text + "1,2\n", 3, "line 162"),
        (lambda _: "", 3, "people.csv"),
    ],
)
def test_rows_that_do_not_fit_leave_no_file(run, model, table, tmp_path, change, code, found):
    """One message, its exit code, and nothing half-written."""
    table.write_text(change(table.read_text()))
    ended = run("predict", model, table, "--out", "p.csv", "--batch-rows", 50)

    assert ended.code == code, ended.err
    assert found in ended.err
    assert set(tmp_path.iterdir()) == {model, table}


def test_models_that_are_none_are_refused(run, model, table, tmp_path):
    """A missing, a foreign and a damaged model have messages and codes of their own."""
    missing = run("predict", "nothing.epochal", table)
    foreign = run("predict", table, table)
    model.write_bytes(model.read_bytes()[:-100])
    damaged = run("predict", model, table, "--out", "p.csv")

    assert (missing.code, foreign.code, damaged.code) == (3, 5, 5)
    assert "nothing.epochal" in missing.err
    assert not (tmp_path / "p.csv").exists()


def test_the_input_is_never_written_over(run, model, table):
    """`--out` may not be the file that is read."""
    before = table.read_bytes()

    assert run("predict", model, table, "--out", table).code == 2
    assert table.read_bytes() == before
