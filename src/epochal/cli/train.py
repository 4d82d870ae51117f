"""`epochal train`: a labelled table in, a model file and its figures out."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from epochal.cli.checkpoints import checkpoint_plan, resume_hint_on_error, show_resume_hint
from epochal.cli.columns_file import fill_in
from epochal.cli.counting import counting
from epochal.cli.csv_options import csv_options, refuse_other_cells
from epochal.cli.evaluate import figures_of
from epochal.cli.inputs import STANDARD_STREAM, open_inputs, refuse_inputs
from epochal.cli.options import chosen_settings
from epochal.cli.parser import piece_rows
from epochal.cli.profiling import DataProfile
from epochal.cli.progress import progress_for
from epochal.cli.reading import (
    ROWS_PER_PIECE,
    indices_of,
    like,
    refuse_inputs_of,
    relabelled,
    roles_of,
)
from epochal.cli.saving import saved
from epochal.cli.train_report import (
    Split,
    TrainResult,
    data_report,
    data_values,
    result_report,
    result_values,
)
from epochal.config.csv_options import PLAIN
from epochal.config.presets import from_preset
from epochal.errors import SettingError
from epochal.fit_types import Fitted, RunConfig, check_timestamps
from epochal.io.atomic import check_writable
from epochal.io.columns import labelled, labelled_batches
from epochal.io.discovery import format_of
from epochal.io.pipes import is_piped
from epochal.keys import Purpose, generator_for
from epochal.loader.memory import Memory
from epochal.model.parameters import Parameters
from epochal.model.persistence import load
from epochal.signals import signal_code, stop_requests
from epochal.splitting.grouped import holdout_of_groups, numbered_groups
from epochal.splitting.stratified import holdout, latest
from epochal.tables.labels import encode_labels
from epochal.training.checkpoint_files import remove_checkpoints

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    import numpy as np

    from epochal.config.csv_options import CsvOptions
    from epochal.fit_types import CheckpointPlan
    from epochal.model.description import Model
    from epochal.records import Evaluation
    from epochal.tables.dataset import Labelled


def run(arguments: argparse.Namespace) -> int:
    """Train a model, save it, evaluate it and print the result; return the exit code."""
    fill_in(arguments)
    out = _checked_output(arguments)
    checkpoints = checkpoint_plan(arguments, out)
    open_inputs(arguments)
    earlier = _earlier(arguments)
    split = _split(arguments, earlier)
    if split.profile is not None:
        arguments.output.notice(*data_report(arguments, split, split.profile))
        arguments.output.event("data", **data_values(arguments, split, split.profile))
    began = time.monotonic()
    # A signal that comes after the training has begun leaves time to save the model.
    with stop_requests() as request, resume_hint_on_error(arguments.output, checkpoints):
        model = _trained(arguments, split, earlier, checkpoints)
        seconds = time.monotonic() - began
        out = saved(model, out, arguments.output, partial(refuse_inputs, arguments=arguments))
    if request.number is None:
        if checkpoints is not None:
            remove_checkpoints(checkpoints.folder)
        test = _test_scores(arguments, model, split)
        _print_result(arguments, TrainResult(model, out, seconds, test))
        return 0
    arguments.output.notice("interrupted: the best checkpoints so far are saved")
    show_resume_hint(arguments.output, checkpoints)
    _print_result(arguments, TrainResult(model, out, seconds, None, interrupted=True))
    return signal_code(request.number)


def _print_result(arguments: argparse.Namespace, trained: TrainResult) -> None:
    """Write the result, unless quiet without --json; returns nothing."""
    if arguments.json or not arguments.quiet:
        values = result_values(arguments, trained)
        arguments.output.result(values, result_report(arguments, trained))


def _checked_output(arguments: argparse.Namespace) -> Path:
    """Return the file for the model; raises an error for an input or what cannot be written."""
    out: Path = arguments.out or default_output(arguments.data)
    if str(out) == STANDARD_STREAM:
        raise SettingError("--out is '-', standard output", "the name of a file for the model")
    refuse_inputs(out, arguments)
    check_writable(out)
    return out


def default_output(data: str) -> Path:
    """Return the default name of the model file for data, in the current folder.

    >>> print(default_output("folder/people.csv.gz"), default_output("parts/*.csv"))
    people.epochal parts.epochal
    >>> print(default_output("-"))
    model.epochal
    """
    path = Path(data)
    if data == STANDARD_STREAM or (is_piped(path) and format_of(path) is None):
        return Path("model.epochal")
    if not path.exists() and ("*" in path.name or "?" in path.name):
        path = path.parent
    # pathlib raises an error for a link that leads to itself.
    name = os.path.basename(os.path.realpath(path)).removesuffix(".gz")  # noqa: PTH119
    return Path(Path(name).stem + ".epochal") if name else Path("model.epochal")


def _earlier(arguments: argparse.Namespace) -> Model | None:
    """Return the model that training continues from, if there is one; its target is the default."""
    if arguments.earlier is None:
        return None
    if arguments.preset is not None:
        raise SettingError("--preset with --from", "one of them: a model has its own settings")
    earlier = load(arguments.earlier)
    refuse_inputs_of(
        earlier,
        target=[arguments.target],
        weight=[arguments.weight],
        group=[arguments.group],
        drop=arguments.drop,
    )
    arguments.target = arguments.target or earlier.target
    return earlier


def _split(arguments: argparse.Namespace, earlier: Model | None) -> Split:
    """Return the parts of the data, split before anything is computed from them."""
    roles, categorical, text = roles_of(arguments), arguments.categorical, arguments.text
    if earlier is not None:
        columns = earlier.preprocessor.schema.columns
        categorical, text = [column.name for column in columns if column.kind == "category"], []
    streamed, csv = arguments.memory is not None, _csv(arguments, earlier)
    folder = arguments.cache_dir
    train = labelled(
        arguments.data,
        roles,
        categorical=categorical,
        text=text,
        drop=arguments.drop,
        streamed=streamed,
        csv=csv,
        folder=folder,
    )
    if earlier is None:
        with train.origin.naming_rows():
            classes, numbers = encode_labels(train.labels, train.label_source)
    else:
        classes = earlier.classes
        names = earlier.preprocessor.schema.names
        train = replace(relabelled(train, classes), read_as=earlier.parameters.read_as(names))
        numbers = indices_of(train, classes)
    valid = None
    if arguments.valid:
        path, drop = arguments.valid, arguments.drop
        valid = like(classes, path, roles, drop, csv, streamed=streamed, folder=folder)
    with train.origin.naming_rows():
        is_test = _holdout(arguments, train, numbers)
    data_profile = None if arguments.quiet else DataProfile(train, numbers, is_test)
    if data_profile and valid:
        data_profile.count_duplicates("validate", valid.pieces(ROWS_PER_PIECE))
    if arguments.test:
        # Errors in it are reported now, not after hours of training.
        test_pieces = _test_pieces(arguments, classes, csv)
        if data_profile:
            data_profile.count_duplicates("test", test_pieces)
        for _ in test_pieces:
            pass
    if is_test is None:
        return Split(train, valid, None, data_profile, csv)
    return Split(train.where(~is_test), valid, train.where(is_test), data_profile, csv)


def _csv(arguments: argparse.Namespace, earlier: Model | None) -> CsvOptions:
    """Return how CSV files are read; cells as in the model that training continues from."""
    stored = PLAIN if earlier is None else earlier.preprocessor.schema.csv
    paths = arguments.data, arguments.valid, arguments.test
    csv = csv_options(arguments, *paths, stored=stored)
    if earlier is not None:
        refuse_other_cells(csv, stored)
    return csv


def _holdout(
    arguments: argparse.Namespace, train: Labelled, numbers: np.ndarray
) -> np.ndarray | None:
    """Return the rows to test on, bool (rows,), or None without `--test-fraction`."""
    fraction = arguments.test_fraction
    if fraction is None:
        return None
    random = generator_for(arguments.random_state, Purpose.HOLDOUT, 1)
    if train.timestamps is not None:
        return latest(train.timestamps, fraction)
    if train.groups is not None:
        return holdout_of_groups(numbers, numbered_groups(train.groups), fraction, random)
    return holdout(numbers, fraction, random)


def _test_pieces(
    arguments: argparse.Namespace, classes: np.ndarray, csv: CsvOptions
) -> Iterator[Labelled]:
    """Yield the rows of the file to test on, whose labels are classes, piece by piece."""
    rows = piece_rows(arguments.memory)
    for piece in labelled_batches(arguments.test, roles_of(arguments), rows, arguments.drop, csv):
        indices_of(piece, classes)
        yield piece


def _trained(
    arguments: argparse.Namespace,
    split: Split,
    earlier: Model | None,
    checkpoints: CheckpointPlan | None,
) -> Model:
    """Return the trained model; its progress is shown."""
    before = {} if earlier is None else vars(earlier.settings)
    settings = from_preset(arguments.preset or "default", {**before, **chosen_settings(arguments)})
    check_timestamps(split.train, settings, validated=split.valid is not None)
    # Imported here, so that errors in files are reported before JAX is loaded.
    from epochal.fit import fit

    folder = None if checkpoints is None else checkpoints.folder
    with progress_for(arguments, settings, folder) as progress:
        run_config = RunConfig(
            arguments.random_state,
            arguments.class_weight,
            [progress],
            memory=Memory(arguments.memory, arguments.cache_dir),
            checkpoints=checkpoints,
            parameters=_parameters(arguments, earlier),
        )
        fitted = fit(
            split.train,
            settings,
            run_config,
            validation=split.valid,
            earlier=None if earlier is None else Fitted(earlier),
        )
    return replace(fitted.model, target=arguments.target)


def _parameters(arguments: argparse.Namespace, earlier: Model | None) -> Parameters:
    """Return the parameters given, on top of those of the earlier model."""
    before = Parameters() if earlier is None else earlier.parameters
    names, texts = arguments.categorical or None, arguments.text or None
    if earlier is not None:
        names, texts = before.categorical_features, before.text_features
    return Parameters.of(
        arguments.preset or before.preset,
        {**before.settings, **chosen_settings(arguments)},
        arguments.class_weight,
        categorical_features=names,
        text_features=texts,
        random_state=arguments.random_state,
    )


def _test_scores(arguments: argparse.Namespace, model: Model, split: Split) -> Evaluation | None:
    """Return the evaluation on the test rows; None without test rows."""
    rows = piece_rows(arguments.memory)
    if arguments.test:
        pieces = labelled_batches(
            arguments.test, roles_of(arguments), rows, arguments.drop, split.csv
        )
        with counting(sys.stderr, quiet=arguments.quiet or arguments.json) as count:
            return figures_of(model, pieces, arguments.test, count)
    if split.test is None:
        return None
    with counting(sys.stderr, quiet=True) as count:
        return figures_of(model, split.test.pieces(rows), arguments.data, count)
