"""`epochal predict`: new rows in, labels and probabilities out, in bounded memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pyarrow as pa

from epochal.cli.counting import counting
from epochal.cli.csv_options import csv_options, reading_as
from epochal.cli.inputs import STANDARD_STREAM, open_inputs, refuse_inputs
from epochal.cli.output import STANDARD_OUTPUT
from epochal.cli.parser import piece_rows
from epochal.cli.printing import counted
from epochal.cli.writing import (
    check_destination,
    destination,
    prediction_types,
    predictions,
    table_writer,
)
from epochal.inference.decision import Decision
from epochal.inference.predict import predict_ahead, unlabelled, unlabelled_batches, warn_of_unseen
from epochal.io import files
from epochal.model.artifact import load
from epochal.preprocessing.unseen import Unseen
from epochal.tables.origin import Piece

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from epochal.cli.writing import Destination
    from epochal.config.csv_options import CsvOptions
    from epochal.model.description import Model

    Pieces = Iterator[tuple[pa.Table | None, Piece]]


def run(arguments: argparse.Namespace) -> int:
    """Write predictions for all rows at DATA; return the exit code."""
    to = _checked_destination(arguments)
    model = load(arguments.model)
    decision = Decision(arguments.threshold, arguments.abstain_below)
    decision.check(len(model.classes))
    kept = list(dict.fromkeys(arguments.keep))
    # Refused before data are read from a pipe, whatever types they have.
    prediction_types(model.classes, pa.schema([(name, pa.null()) for name in kept]))
    open_inputs(arguments)
    csv = csv_options(arguments, arguments.data, stored=model.preprocessor.schema.csv)
    model = reading_as(model, csv)
    types, pieces = _pieces(arguments, model, kept, csv)
    unseen = Unseen()
    with (
        counting(sys.stderr, quiet=arguments.quiet or arguments.json) as count,
        table_writer(to, prediction_types(model.classes, types)) as write,
    ):
        for beside, found in predict_ahead(model, pieces):
            write(predictions(model.classes, found.probabilities, decision, beside))
            count.add(len(found.probabilities))
            unseen = unseen.merge(found.unseen)
    warn_of_unseen(model, unseen)
    _tell(arguments, to, count.rows)
    return 0


def _checked_destination(arguments: argparse.Namespace) -> Destination:
    """Return where predictions go, which can be written and is nothing that is read."""
    to = destination(arguments.out, arguments.out_format)
    refuse_inputs(STANDARD_STREAM if to.path is None else to.path, arguments)
    check_destination(to)
    if to.path is None:
        arguments.output.leave_to_predictions()
    return to


def _pieces(
    arguments: argparse.Namespace, model: Model, kept: list[str], csv: CsvOptions
) -> tuple[pa.Schema, Pieces]:
    """Return the rows at DATA piece by piece, each with the columns that are kept, and their types."""
    rows = arguments.batch_rows or piece_rows(arguments.memory)
    if not kept:
        return pa.schema([]), (
            (None, p) for p in unlabelled_batches(arguments.data, model, rows, csv)
        )
    types, pieces = files.batches_with(arguments.data, rows, kept, csv)
    return types, (
        (beside, Piece(unlabelled(piece.rows, model, kept), piece.origin))
        for piece, beside in pieces
    )


def _tell(arguments: argparse.Namespace, to: Destination, rows: int) -> None:
    """Say what was written, and where; returns nothing."""
    out: Path | str = STANDARD_OUTPUT if to.path is None else to.path
    if to.path is not None:
        arguments.output.notice(f"wrote {counted(rows, 'prediction')} to {out}")
    if arguments.json:
        values = {"model": str(arguments.model), "data": arguments.data, "out": str(out)}
        arguments.output.result(values | {"rows": rows, "format": to.form}, [])
