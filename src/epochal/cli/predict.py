"""`epochal predict`: new rows in, labels and probabilities out, in bounded memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from epochal.cli.counting import counting
from epochal.cli.csv_options import csv_options, reading_as
from epochal.cli.parser import piece_rows
from epochal.cli.printing import counted
from epochal.cli.writing import check_output, prediction_writer
from epochal.data.unseen import Unseen
from epochal.model.artifact import load
from epochal.use.predict import predict_ahead, unlabelled_batches, warn_of_unseen

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Write predictions for all rows at DATA; return the exit code."""
    model = load(arguments.model)
    csv = csv_options(arguments, arguments.data, stored=model.preprocessor.schema.csv)
    model = reading_as(model, csv)
    check_output(arguments.out, arguments.data)
    with (
        counting(sys.stderr, quiet=arguments.quiet) as count,
        prediction_writer(arguments.out, model.classes) as write,
    ):
        rows = arguments.batch_rows or piece_rows(arguments.memory)
        pieces = unlabelled_batches(arguments.data, model, rows, csv)
        unseen = Unseen()
        for _, found in predict_ahead(model, ((None, piece) for piece in pieces)):
            write(found.probabilities)
            count.add(len(found.probabilities))
            unseen = unseen.merge(found.unseen)
    warn_of_unseen(model, unseen)
    if not arguments.quiet and arguments.out is not None:
        print(f"wrote {counted(count.rows, 'prediction')} to {arguments.out}", file=sys.stderr)
    return 0
