"""`epochal inspect`: the description of a model, or the profile of data, without training or prediction."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochal.cli.columns_file import fill_in
from epochal.cli.csv_options import csv_options
from epochal.cli.inputs import STANDARD_STREAM, open_inputs
from epochal.cli.layout import Part, TextTable
from epochal.cli.options import spelled
from epochal.cli.printing import counted, out_of_bag_report, outcome_table, shortened
from epochal.cli.profiling import DataProfile, cleaned_cells_of, profile_report
from epochal.cli.reading import roles_of
from epochal.config.presets import PRESETS
from epochal.config.settings import AUTO
from epochal.io.columns import SHELL, labelled
from epochal.io.discovery import is_data
from epochal.model.parameters import COLUMNS
from epochal.model.persistence import load
from epochal.nn.layers import number_of_parameters
from epochal.tables.labels import encode_labels
from epochal.tables.sample_weights import present, warn_of_few

if TYPE_CHECKING:
    import argparse

    from epochal.config.csv_options import CsvOptions
    from epochal.model.description import Model
    from epochal.preprocessing.preprocessor import Preprocessor
    from epochal.tables.read_as import ReadAs
    from epochal.tables.schema import Column

COLUMNS_LISTED, CLASSES_LISTED = 40, 8


def run(arguments: argparse.Namespace) -> int:
    """Print the description of a model or the profile of data; return the exit code."""
    fill_in(arguments)
    is_of_data = _is_of_data(arguments)
    if is_of_data:
        open_inputs(arguments)
    csv = csv_options(arguments, arguments.path)
    if is_of_data:
        arguments.output.result(*_profile(arguments, csv))
        return 0
    model = load(Path(arguments.path))
    values = {"model": arguments.path} | _model_values(model)
    arguments.output.result(values, [arguments.path, *_model_report(model)])
    return 0


def _profile(arguments: argparse.Namespace, csv: CsvOptions) -> tuple[dict[str, Any], list[Part]]:
    """Return the profile of data, for a machine and for a person; raises the warnings of training."""
    read = labelled(
        arguments.path,
        roles_of(arguments),
        categorical=arguments.categorical,
        text=arguments.text,
        drop=arguments.drop,
        streamed=arguments.memory is not None,
        csv=csv,
    )
    with read.origin.naming_rows():
        _, numbers = encode_labels(read.labels, read.label_source)
    warn_of_few(len(numbers) if read.weight is None else present(read.weight, "weight").sum())
    data = DataProfile(read, numbers)
    cells = cleaned_cells_of(arguments.path, read, arguments.target)
    return profile_report(arguments.path, read, data, cells)


def _is_of_data(arguments: argparse.Namespace) -> bool:
    """Return whether the path leads to data, and not to a model."""
    has_option = arguments.target is not None or arguments.format is not None
    return has_option or arguments.path == STANDARD_STREAM or is_data(arguments.path)


def _model_report(model: Model) -> list[Part]:
    """Return the description of a model for a person."""
    labels = [shortened(str(label)) for label in model.classes]
    more = f", … ({len(labels)} in all)" if len(labels) > CLASSES_LISTED else ""
    sizes = " → ".join(map(str, model.layer_sizes))
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(model.versions.items()))
    summary = [
        ("target", model.target or "not named"),
        ("classes", ", ".join(labels[:CLASSES_LISTED]) + more),
        ("members", f"{len(model.members)} networks of {sizes}"),
        ("weights", f"{_weight_count(model):,}"),
        ("seed", str(model.seed)),
        ("missing values", ", ".join(model.preprocessor.schema.missing_values)),
        ("made by", libraries),
    ]
    scores = [] if model.out_of_bag is None else out_of_bag_report(model.out_of_bag)
    parts = [TextTable(summary), "", "Training", outcome_table(model.history), *scores]
    columns = _column_report(model)
    parts += ["", *columns, *_statistics_report(model.preprocessor)]
    return [*parts, "", *_setting_report(model)]


def _column_report(model: Model) -> list[Part]:
    """Return the columns with their kinds; of an array only its shape."""
    schema = model.preprocessor.schema
    if not schema.named:
        shape = " x ".join(map(str, schema.shape))
        return ["Columns", TextTable([("array", f"rows of shape {shape}")])]
    kinds = Counter(column.kind for column in schema.columns)
    head = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    listed = schema.columns[:COLUMNS_LISTED]
    read_as = model.parameters.read_as(schema.names)
    table = TextTable([(shortened(c.name), _column_kind(c, read_as)) for c in listed])
    more = len(schema.columns) - COLUMNS_LISTED
    return [f"Columns ({head})", table, *([f"  … and {more} more"] if more > 0 else [])]


def _column_kind(column: Column, read_as: ReadAs) -> str:
    """Return the kind of a column: of categories their number; and whether values may be missing."""
    missing = ", may be missing" if column.has_missing else ""
    if column.kind != "category":
        return column.kind + missing
    others = " and others" if column.other else ""
    kind = f"{counted(len(column.categories), 'category', 'categories')}{others}{missing}"
    options = {None: "", True: f" ({SHELL.text})", False: f" ({SHELL.categorical})"}
    option = options[read_as.has_words(column.name)]
    return kind + option


def _statistics_report(preprocessor: Preprocessor) -> list[Part]:
    """Return what has target statistics; nothing if nothing has."""
    if not preprocessor.vocabularies:
        return []
    units = ("name", "names"), ("word", "words"), ("pair of words", "pairs of words")
    rows = []
    for vocabulary in preprocessor.vocabularies:
        own = counted(len(vocabulary.names), *units[vocabulary.words])
        shared = f"; the others share {vocabulary.buckets:,}" if vocabulary.buckets else ""
        rows.append((" and ".join(map(shortened, vocabulary.columns)), own + shared))
    return ["", "Target statistics", TextTable(rows)]


def _setting_report(model: Model) -> list[Part]:
    """Return the settings; those that differ from the default preset are marked."""
    default = asdict(PRESETS["default"])
    rows = []
    for name, value in asdict(model.settings).items():
        # A value that "auto" was resolved to is the default, too.
        mark = " " if default[name] in (value, AUTO) else "*"
        rows.append((f"{mark} {name}", spelled(value)))
    return ["Settings (* differs from the default)", TextTable(rows)]


def _model_values(model: Model) -> dict[str, Any]:
    """Return the description of a model for a machine."""
    return {
        "target": model.target,
        "classes": model.classes.tolist(),
        "members": len(model.members),
        "layer_sizes": model.layer_sizes,
        "weights": _weight_count(model),
        "seed": model.seed,
        "versions": model.versions,
        "settings": model.settings.to_dict(),
        **{name: model.parameters.column_lists().get(name, []) for name in COLUMNS},
        **model.preprocessor.schema.to_dict(),
        "target_statistics": [
            {
                "columns": list(vocabulary.columns),
                "words": vocabulary.words,
                "names": len(vocabulary.names),
                "buckets": vocabulary.buckets,
            }
            for vocabulary in model.preprocessor.vocabularies
        ],
        "history": model.history.to_dict(),
        "out_of_bag": model.out_of_bag and model.out_of_bag.to_dict(),
    }


def _weight_count(model: Model) -> int:
    """Return the number of weights and biases of all members."""
    return sum(map(number_of_parameters, model.members))
