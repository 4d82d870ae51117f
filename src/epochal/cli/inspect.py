"""`epochal inspect`: what a model is, without running it; or what data hold, before any training."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochal.cli.columns_file import fill_in
from epochal.cli.csv_options import csv_options
from epochal.cli.inputs import STANDARD_STREAM, open_inputs
from epochal.cli.options import spelled
from epochal.cli.printing import counted, out_of_bag_lines, outcome_lines, row, shortened
from epochal.cli.profiling import Look, counted_cells, described
from epochal.cli.reading import roles_of
from epochal.config.presets import PRESETS
from epochal.config.settings import AUTO
from epochal.io.columns import labelled
from epochal.io.discovery import is_data
from epochal.model.artifact import load
from epochal.tables.labels import encode_labels
from epochal.tables.sample_weights import present, warn_of_few

if TYPE_CHECKING:
    import argparse

    from epochal.config.csv_options import CsvOptions
    from epochal.model.description import Model
    from epochal.tables.schema import Column, Schema

COLUMNS_SHOWN, NAME = 40, 28


def run(arguments: argparse.Namespace) -> int:
    """Print what the model is, or what the data hold; return the exit code."""
    fill_in(arguments)
    names_data = _names_data(arguments)
    if names_data:
        open_inputs(arguments)
    csv = csv_options(arguments, arguments.path)
    if names_data:
        arguments.output.result(*_data_described(arguments, csv))
        return 0
    model = load(Path(arguments.path))
    values = {"model": arguments.path} | _described(model)
    arguments.output.result(values, [arguments.path, *_lines(model)])
    return 0


def _data_described(
    arguments: argparse.Namespace, csv: CsvOptions
) -> tuple[dict[str, Any], list[str]]:
    """Return what data hold, for a machine and for a person; warn of what training would warn of."""
    read = labelled(
        arguments.path,
        roles_of(arguments),
        categorical=arguments.categorical,
        drop=arguments.drop,
        streamed=arguments.memory is not None,
        csv=csv,
    )
    with read.origin.naming_rows():
        _, numbers = encode_labels(read.labels, read.label_source)
    warn_of_few(len(numbers) if read.weight is None else present(read.weight, "weight").sum())
    look = Look(read, numbers)
    cells = counted_cells(arguments.path, read, arguments.target)
    return described(arguments.path, read, look, cells)


def _names_data(arguments: argparse.Namespace) -> bool:
    """Return whether data are to be inspected, and not a model."""
    said = arguments.target is not None or arguments.format is not None
    return said or arguments.path == STANDARD_STREAM or is_data(arguments.path)


def _lines(model: Model) -> list[str]:
    """Return the description for a person."""
    labels = [shortened(str(label)) for label in model.classes]
    shown = ", ".join(labels[:8]) + (f", … ({len(labels)} in all)" if len(labels) > 8 else "")
    sizes = " → ".join(map(str, model.layer_sizes))
    made = ", ".join(f"{name} {version}" for name, version in sorted(model.versions.items()))
    lines = [
        row("target", model.target or "not named"),
        row("classes", shown),
        row("members", f"{len(model.members)} networks of {sizes}"),
        row("weights", f"{_parameters(model):,}"),
        row("seed", str(model.seed)),
        row("missing values", ", ".join(model.preprocessor.schema.missing_values)),
        row("made by", made),
        "",
        "Training",
        *outcome_lines(model.history),
    ]
    if model.out_of_bag is not None:
        scored = counted(model.out_of_bag.rows, "training row")
        lines += ["", f"Scores on {scored}, each by members that left it out"]
        lines += out_of_bag_lines(model.out_of_bag)
    return [*lines, "", *_column_lines(model.preprocessor.schema), "", *_setting_lines(model)]


def _column_lines(schema: Schema) -> list[str]:
    """Return the columns with their kinds; of an array only its shape."""
    kinds = Counter(column.kind for column in schema.columns)
    if not schema.named:
        return ["Columns", row("array", f"rows of shape {' x '.join(map(str, schema.shape))}")]
    head = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    lines = [f"Columns ({head})"]
    lines += [
        f"  {shortened(column.name, NAME):<{NAME + 2}}{_column_kind(column)}"
        for column in schema.columns[:COLUMNS_SHOWN]
    ]
    more = len(schema.columns) - COLUMNS_SHOWN
    return [*lines, f"  … and {more} more"] if more > 0 else lines


def _column_kind(column: Column) -> str:
    """Return what a column holds."""
    kind: str = column.kind
    if column.kind == "category":
        others = " and others" if column.other else ""
        kind = f"{counted(len(column.categories), 'category', 'categories')}{others}"
    return f"{kind}, may be missing" if column.has_missing else kind


def _setting_lines(model: Model) -> list[str]:
    """Return the settings, those that differ from the default preset marked."""
    default = asdict(PRESETS["default"])
    lines = ["Settings (* differs from the default)"]
    for name, value in asdict(model.settings).items():
        # What is resolved from the data is not a choice.
        mark = " " if default[name] in (value, AUTO) else "*"
        lines.append(f"{mark} {name:<22}{spelled(value)}")
    return lines


def _described(model: Model) -> dict[str, Any]:
    """Return the description for a machine."""
    return {
        "target": model.target,
        "classes": model.classes.tolist(),
        "members": len(model.members),
        "layer_sizes": model.layer_sizes,
        "weights": _parameters(model),
        "seed": model.seed,
        "versions": model.versions,
        "settings": model.settings.to_dict(),
        **model.preprocessor.schema.to_dict(),
        "history": model.history.to_dict(),
        "out_of_bag": model.out_of_bag and model.out_of_bag.to_dict(),
    }


def _parameters(model: Model) -> int:
    """Return the number of weights and biases of all members."""
    return sum(array.size for layers in model.members for layer in layers for array in layer)
