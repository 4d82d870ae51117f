"""`epochal evaluate`, through the real entry point."""

from __future__ import annotations

import json
import re

import pytest


def test_all_metrics_are_printed(run, model, table):
    """Scores, the classes and the confusion matrix, on standard output."""
    ended = run("evaluate", model, table)

    assert ended.code == 0
    for words in ("160 rows", "log-loss", "balanced accuracy", "AUC", "calibration", "high", "low"):
        assert words in ended.out
    assert ended.err == ""


def test_json_is_one_object_with_all_figures(run, model, table):
    """A machine gets the same figures under the names of the record."""
    figures = json.loads(run("evaluate", model, table, "--json").out)

    assert figures["data"] == str(table)
    assert sum(map(sum, figures["confusion"])) == figures["rows"] == 160
    assert [one["label"] for one in figures["classes"]] == ["high", "low"]
    assert figures["accuracy"] == sum(figures["confusion"][k][k] for k in (0, 1)) / 160


@pytest.mark.parametrize("rows", [1, 33])
def test_the_size_of_the_pieces_changes_nothing(run, model, table, rows):
    """Figures are of all rows, however they are read."""
    whole = json.loads(run("evaluate", model, table, "--json").out)
    pieces = json.loads(run("evaluate", model, table, "--json", "--batch-rows", rows).out)

    assert pieces["confusion"] == whole["confusion"]
    assert pieces["log_loss"] == pytest.approx(whole["log_loss"], abs=1e-12)


def test_an_inexact_auc_is_a_warning(run, model, table, monkeypatch):
    """A warning gives the error bound of the AUC only if it affects the digits shown."""
    silent = run("evaluate", model, table)
    monkeypatch.setattr("epochal.metrics.classification.DISTINCT", 3)
    monkeypatch.setattr("epochal.metrics.classification.FEWEST", 3)
    warned = run("evaluate", model, table, "--quiet")

    assert silent.code == warned.code == 0
    assert silent.err == ""
    assert re.search(r"warning: the AUC is known to ±0\.\d{4} only", warned.err)


def test_no_row_with_a_label_is_an_error(run, model, table):
    """There is nothing to measure where every label is missing."""
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([head, *(line.rpartition(",")[0] + "," for line in rows)]) + "\n")
    ended = run("evaluate", model, table)

    assert ended.code == 4
    assert "no row with a label" in ended.err


def test_another_column_may_hold_the_truth(run, model, table):
    """`--target` names it; the default is the column of the training."""
    table.write_text(table.read_text().replace("income", "wealth", 1))

    assert run("evaluate", model, table).code == 4
    assert run("evaluate", model, table, "--target", "wealth").code == 0


def test_rows_without_a_label_are_left_out(run, model, table):
    """A missing label is no label."""
    table.write_text(table.read_text() + "31,clerk,true,2020-01-15,\n")

    assert json.loads(run("evaluate", model, table, "--json").out)["rows"] == 160


def test_a_label_that_the_model_does_not_know_is_named(run, model, table):
    """The error names the label and the classes there are."""
    table.write_text(table.read_text().replace("high", "hihg", 1))
    ended = run("evaluate", model, table)

    assert ended.code == 4
    assert "'hihg'" in ended.err
    assert "did you mean 'high'?" in ended.err
    assert ended.out == ""


def test_rows_may_count_differently(run, model, table):
    """With weights of 1 and 0 the figures are those of the rows that count."""
    lines = table.read_text().splitlines()
    rows = [f"{line},{int(k < 80)}" for k, line in enumerate(lines[1:])]
    weighted, half = table.with_name("weighted.csv"), table.with_name("half.csv")
    weighted.write_text("\n".join([lines[0] + ",heavy", *rows]) + "\n")
    half.write_text("\n".join(lines[:81]) + "\n")
    all_rows = json.loads(run("evaluate", model, weighted, "--json", "--weight", "heavy").out)
    some = json.loads(run("evaluate", model, half, "--json").out)

    assert all_rows["log_loss"] == pytest.approx(some["log_loss"], rel=1e-9)
    assert all_rows["accuracy"] == pytest.approx(some["accuracy"])
