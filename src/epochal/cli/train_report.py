"""Reports of `epochal train`: the data before the training, and the result after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epochal.cli.layout import Part, TextTable
from epochal.cli.printing import (
    class_shares,
    counted,
    evaluation_report,
    out_of_bag_report,
    outcome_table,
    typed_command,
)
from epochal.cli.profiling import dropped_row, warning_report, warning_values
from epochal.cli.reading import class_counts, columns_found
from epochal.cli.track import clock

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from epochal.cli.profiling import DataProfile
    from epochal.config.csv_options import CsvOptions
    from epochal.model.description import Model
    from epochal.records import Evaluation
    from epochal.tables.dataset import Labelled


class Split(NamedTuple):
    """The rows to train, to validate and to test on, and their profile (None where it is not shown)."""

    train: Labelled
    valid: Labelled | None
    test: Labelled | None
    profile: DataProfile | None
    csv: CsvOptions


class TrainResult(NamedTuple):
    """A model, its file, the duration of the training (seconds), and figures on test rows."""

    model: Model
    out: Path
    seconds: float
    test: Evaluation | None
    interrupted: bool = False


def data_report(arguments: argparse.Namespace, split: Split, profile: DataProfile) -> list[Part]:
    """Return the data of a training for a person."""
    train = split.train
    test_rows = len(split.test.labels) if split.test else 0
    rows = [
        ("inputs", columns_found(train.rows)),
        ("classes", class_shares(class_counts(train.labels))),
    ]
    if train.dropped:
        rows.append(dropped_row(train))
    if split.valid:
        validation_rows = counted(len(split.valid.labels), "row")
        rows.append(("validation", f"{validation_rows} of {arguments.valid}"))
    if test_rows:
        latest = ", the latest" if arguments.time else ""
        rows.append(("test", f"{counted(test_rows, 'row')} held out{latest}"))
    rows += _option_rows(arguments, train)
    rows += profile.duplicate_rows()
    head = f"{counted(len(train.labels) + test_rows, 'row')} of {arguments.data}"
    return [head, TextTable(rows), *warning_report(profile.data_warnings), ""]


def data_values(
    arguments: argparse.Namespace, split: Split, profile: DataProfile
) -> dict[str, Any]:
    """Return the data of a training for a machine."""
    return {
        "data": arguments.data,
        "rows": len(split.train.labels),
        "dropped": split.train.dropped,
        "classes": class_counts(split.train.labels),
        "validation_rows": len(split.valid.labels) if split.valid else 0,
        "test_rows": len(split.test.labels) if split.test else 0,
        "duplicates": profile.duplicates,
        "warnings": warning_values(profile.data_warnings),
    }


def _option_rows(arguments: argparse.Namespace, train: Labelled) -> list[tuple[str, str]]:
    """Return groups, weights and the memory limit as table rows, where they were given."""
    rows = []
    if train.groups is not None:
        groups = counted(len(np.unique(train.groups)), "group")
        rows.append(("groups", f"{groups} of {arguments.group!r}, never split"))
    if train.weight is not None:
        rows.append(("weights", f"from {arguments.weight!r}"))
    if arguments.memory is not None:
        size = f"{arguments.memory / 1e6:,g} MB"
        rows.append(("memory", f"{size}: rows are read as they are needed"))
    return rows


def result_report(arguments: argparse.Namespace, trained: TrainResult) -> list[Part]:
    """Return the result of a training for a person."""
    model, out, seconds, test, _ = trained
    members = counted(len(model.members), "member")
    parts: list[Part] = [f"Trained {members} in {clock(seconds)}", outcome_table(model.history)]
    if model.out_of_bag is not None:
        parts += out_of_bag_report(model.out_of_bag)
    if test is not None:
        parts += ["", f"Scores on {counted(test.rows, 'test row')}", *evaluation_report(test)]
    new = arguments.test or arguments.data
    form = ("--format", arguments.format) if arguments.format else ()
    predict = typed_command("predict", out, new, *form, "--out", "predictions.csv")
    saved = f"{out} ({counted(round(out.stat().st_size / 1000), 'kB', 'kB')})"
    return [*parts, "", f"Saved: {saved}", f"Predict: {predict}"]


def result_values(arguments: argparse.Namespace, trained: TrainResult) -> dict[str, Any]:
    """Return the result of a training for a machine."""
    model, out, seconds, test, interrupted = trained
    history = model.history
    return {
        "data": arguments.data,
        "model": str(out),
        "classes": model.classes.tolist(),
        "seconds": seconds,
        "interrupted": interrupted,
        "best_epoch": history.best_epoch,
        "best_loss": history.best_loss,
        "outcome": history.outcome,
        "out_of_bag": model.out_of_bag and model.out_of_bag.to_dict(),
        "test": test and test.to_dict(),
    }
