"""What `epochal train` says: what the data hold before the training, and the result after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epochal.cli.printing import (
    class_shares,
    counted,
    evaluation_lines,
    out_of_bag_lines,
    outcome_lines,
    row,
    typed_command,
)
from epochal.cli.profiling import warning_lines, warning_values
from epochal.cli.reading import class_counts, columns_found
from epochal.cli.track import clock
from epochal.training.early_stopping import Outcome

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from epochal.cli.profiling import Look
    from epochal.config.csv_options import CsvOptions
    from epochal.model.description import Model
    from epochal.records import Evaluation
    from epochal.tables.dataset import Labelled


class Parts(NamedTuple):
    """The rows to train on, and those that are kept apart."""

    train: Labelled
    valid: Labelled | None
    test: Labelled | None
    look: Look | None  # None where nobody is told what was seen
    csv: CsvOptions


class TrainResult(NamedTuple):
    """A model, its file, how long the training took (seconds), and figures on test rows."""

    model: Model
    out: Path
    seconds: float
    test: Evaluation | None


def data_lines(arguments: argparse.Namespace, parts: Parts, look: Look) -> list[str]:
    """Return for a person what was found in the data."""
    train = parts.train
    apart = len(parts.test.labels) if parts.test else 0
    lines = [
        f"{counted(len(train.labels) + apart, 'row')} of {arguments.data}",
        row("inputs", columns_found(train.rows)),
        row("classes", class_shares(class_counts(train.labels))),
    ]
    if train.dropped:
        lines.append(row("left out", f"{counted(train.dropped, 'row')} without a label"))
    if parts.valid:
        lines.append(
            row("validation", f"{counted(len(parts.valid.labels), 'row')} of {arguments.valid}")
        )
    if apart:
        late = ", the latest" if arguments.time else ""
        lines.append(row("kept apart", f"{counted(apart, 'row')} to test on{late}"))
    lines += _beside_lines(arguments, train)
    return [*lines, *look.lines(), *warning_lines(look.data_warnings), ""]


def data_found(arguments: argparse.Namespace, parts: Parts, look: Look) -> dict[str, Any]:
    """Return for a machine what was found in the data."""
    return {
        "data": arguments.data,
        "rows": len(parts.train.labels),
        "dropped": parts.train.dropped,
        "classes": class_counts(parts.train.labels),
        "validation_rows": len(parts.valid.labels) if parts.valid else 0,
        "test_rows": len(parts.test.labels) if parts.test else 0,
        "duplicates": look.in_both,
        "warnings": warning_values(look.data_warnings),
    }


def _beside_lines(arguments: argparse.Namespace, train: Labelled) -> list[str]:
    """Return the lines that tell what else is known of rows, and where they are."""
    lines = []
    if train.groups is not None:
        groups = len(np.unique(train.groups))
        lines.append(
            row("groups", f"{counted(groups, 'group')} of {arguments.group!r}, kept whole")
        )
    if train.weight is not None:
        lines.append(row("weights", f"from {arguments.weight!r}"))
    if arguments.memory is not None:
        size = f"{arguments.memory / 1e6:,g} MB"
        lines.append(row("memory", f"{size}: rows are read as they are needed"))
    return lines


def result_lines(arguments: argparse.Namespace, trained: TrainResult) -> list[str]:
    """Return the result for a person."""
    model, out, seconds, test = trained
    lines = [f"Trained {counted(len(model.members), 'member')} in {clock(seconds)}"]
    lines += outcome_lines(model.history)
    if model.out_of_bag is not None:
        scored = counted(model.out_of_bag.rows, "training row")
        lines += ["", f"Scores on {scored}, each by members that left it out"]
        lines += out_of_bag_lines(model.out_of_bag)
    if test is not None:
        lines += ["", f"Test figures on {counted(test.rows, 'row')} kept apart"]
        lines += evaluation_lines(test)
    new = arguments.test or arguments.data
    form = ("--format", arguments.format) if arguments.format else ()
    predict = typed_command("predict", out, new, *form, "--out", "predictions.csv")
    saved = f"{out} ({counted(round(out.stat().st_size / 1000), 'kB', 'kB')})"
    return [*lines, "", f"Saved    {saved}", f"Predict  {predict}"]


def result_values(arguments: argparse.Namespace, trained: TrainResult) -> dict[str, Any]:
    """Return the result for a machine."""
    model, out, seconds, test = trained
    history = model.history
    return {
        "data": arguments.data,
        "model": str(out),
        "classes": model.classes.tolist(),
        "seconds": seconds,
        "interrupted": Outcome.INTERRUPTED in history.outcome,
        "best_epoch": history.best_epoch,
        "best_loss": history.best_loss,
        "outcome": history.outcome,
        "out_of_bag": model.out_of_bag and model.out_of_bag.to_dict(),
        "test": test and test.to_dict(),
    }
