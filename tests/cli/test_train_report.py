"""Reports of a training, before and after it."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from epochal.cli.layout import text_lines
from epochal.cli.profiling import DataProfile
from epochal.cli.train_report import (
    Split,
    TrainResult,
    data_report,
    data_values,
    result_report,
    result_values,
)
from epochal.config.csv_options import PLAIN
from epochal.io.columns import Roles, labelled
from epochal.io.opened_data import OpenedData
from epochal.model.persistence import load
from epochal.tables.labels import encode_labels


@pytest.fixture
def arguments(table) -> SimpleNamespace:
    """Return the arguments that reports show."""
    plain = dict.fromkeys(("valid", "test", "time", "group", "weight", "memory", "format"))
    return SimpleNamespace(data=str(table), **plain)


def test_a_person_and_a_machine_learn_the_same_of_the_data(arguments, table):
    """Both reports have rows, classes, rows without a label, and data warnings."""
    table.write_text(table.read_text() + "31,clerk,true,2020-01-15,\n")
    read = labelled(str(table), Roles("income"))
    profile = DataProfile(read, encode_labels(read.labels)[1])
    split = Split(read, None, None, profile, PLAIN)
    lines = text_lines(data_report(arguments, split, profile))
    values = data_values(arguments, split, profile)

    assert lines[0] == f"160 rows of {table}"
    assert any("1 row without a label" in line for line in lines)
    assert (values["rows"], values["dropped"], values["test_rows"]) == (160, 1, 0)
    assert sum(values["classes"].values()) == 160


@pytest.mark.parametrize(
    ("data", "form", "typed"),
    [
        ("people.csv", None, ["people.csv"]),
        (OpenedData("standard input", [], "-"), "parquet", ["-", "--format", "parquet"]),
        (OpenedData("-a.csv", [], "-a.csv"), None, ["./-a.csv"]),
    ],
)
def test_the_next_command_names_the_data_as_they_were_typed(arguments, trained, data, form, typed):
    """Standard input is a dash again, with its format."""
    arguments.data, arguments.format = data, form
    last = result_report(arguments, TrainResult(load(trained), trained, 3.0, None))[-1]

    assert shlex.split(last.split(" predict ")[1])[1:-2] == typed


def test_the_result_of_a_machine_is_that_of_the_model(arguments, trained):
    """Classes, epochs and scores are those of the file."""
    model = load(trained)
    values = result_values(arguments, TrainResult(model, Path(trained), 3.0, None))

    assert values["classes"] == ["high", "low"]
    assert values["best_epoch"] == model.history.best_epoch
    assert (values["seconds"], values["interrupted"], values["test"]) == (3.0, False, None)
