"""`epochal predict`: labels and probabilities of new rows, in bounded memory."""

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
from epochal.inference.predict import predict_pieces, unlabelled, unlabelled_batches, warn_of_unseen
from epochal.io import files
from epochal.model.persistence import load
from epochal.preprocessing.unseen_categories import UnseenCounts
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
    copied = list(dict.fromkeys(arguments.keep))
    # Refused before data are read from a pipe, whatever types they have.
    prediction_types(model.classes, pa.schema([(name, pa.null()) for name in copied]))
    open_inputs(arguments)
    csv = csv_options(arguments, arguments.data, stored=model.preprocessor.schema.csv)
    model = reading_as(model, csv)
    types, pieces = _pieces(arguments, model, copied, csv)
    unseen = UnseenCounts()
    with (
        counting(sys.stderr, quiet=arguments.quiet or arguments.json) as count,
        table_writer(to, prediction_types(model.classes, types)) as write,
    ):
        for front, found in predict_pieces(model, pieces):
            write(predictions(model.classes, found.probabilities, decision, front))
            count.add(len(found.probabilities))
            unseen = unseen.merge(found.unseen)
    warn_of_unseen(model, unseen)
    _print_result(arguments, to, count.rows)
    return 0


def _checked_destination(arguments: argparse.Namespace) -> Destination:
    """Return where predictions are written; raises an error for an input or what cannot be written."""
    to = destination(arguments.out, arguments.out_format)
    refuse_inputs(STANDARD_STREAM if to.path is None else to.path, arguments)
    check_destination(to)
    if to.path is None:
        arguments.output.reserve_for_predictions()
    return to


def _pieces(
    arguments: argparse.Namespace, model: Model, copied: list[str], csv: CsvOptions
) -> tuple[pa.Schema, Pieces]:
    """Return the rows at DATA piece by piece, each with the copied columns, and their types."""
    rows = arguments.batch_rows or piece_rows(arguments.memory)
    if not copied:
        return pa.schema([]), (
            (None, p) for p in unlabelled_batches(arguments.data, model, rows, csv)
        )
    types, pieces = files.batches_with(arguments.data, rows, copied, csv)
    return types, (
        (front, Piece(unlabelled(piece.rows, model, copied), piece.origin))
        for piece, front in pieces
    )


def _print_result(arguments: argparse.Namespace, to: Destination, rows: int) -> None:
    """Write the number of predictions and their file; returns nothing."""
    out: Path | str = STANDARD_OUTPUT if to.path is None else to.path
    if to.path is not None:
        arguments.output.notice(f"wrote {counted(rows, 'prediction')} to {out}")
    if arguments.json:
        values = {"model": str(arguments.model), "data": arguments.data, "out": str(out)}
        arguments.output.result(values | {"rows": rows, "format": to.form}, [])
