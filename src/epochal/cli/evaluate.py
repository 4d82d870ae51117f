"""`epochal evaluate`: metrics of a model on labelled rows."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

from epochal.cli.counting import counting
from epochal.cli.csv_options import csv_options, reading_as
from epochal.cli.inputs import open_inputs
from epochal.cli.parser import piece_rows
from epochal.cli.printing import counted, evaluation_report
from epochal.cli.reading import refuse_inputs_of
from epochal.errors import DataError
from epochal.inference.predict import predict_pieces, warn_of_unseen
from epochal.io.columns import Roles, labelled_batches
from epochal.metrics.classification import MetricAccumulator
from epochal.model.persistence import load
from epochal.preprocessing.unseen_categories import UnseenCounts
from epochal.tables.label_matching import class_indices
from epochal.tables.origin import Piece

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from epochal.cli.counting import Count
    from epochal.model.description import Model
    from epochal.records import Evaluation
    from epochal.tables.dataset import Labelled

# The largest error of the AUC without a warning: one in its last digit shown.
AUC_ERROR = 1e-4


def run(arguments: argparse.Namespace) -> int:
    """Print the metrics of the model on the labelled rows at DATA; return the exit code."""
    model = load(arguments.model)
    open_inputs(arguments)
    csv = csv_options(arguments, arguments.data, stored=model.preprocessor.schema.csv)
    model = reading_as(model, csv)
    with counting(sys.stderr, quiet=arguments.quiet or arguments.json) as count:
        refuse_inputs_of(model, target=[arguments.target], weight=[arguments.weight])
        roles = Roles(arguments.target or model.target, weight=arguments.weight)
        rows = arguments.batch_rows or piece_rows(arguments.memory)
        pieces = labelled_batches(arguments.data, roles, rows, csv=csv)
        figures = figures_of(model, pieces, arguments.data, count)
    names = {"model": str(arguments.model), "data": arguments.data}
    head = f"{arguments.model} on {counted(figures.rows, 'row')} of {arguments.data}"
    arguments.output.result(names | figures.to_dict(), [head, *evaluation_report(figures)])
    return 0


def figures_of(model: Model, pieces: Iterable[Labelled], source: str, count: Count) -> Evaluation:
    """Return the figures of a model on labelled rows that come piece by piece."""
    accumulator = MetricAccumulator.empty(len(model.classes))
    labelled = ((p, Piece(p.rows, p.origin)) for p in pieces if len(p.labels))
    unseen = UnseenCounts()
    for piece, found in predict_pieces(model, labelled):
        with piece.origin.naming_rows():
            labels = class_indices(model.classes, piece.labels, piece.label_source)
        accumulator = accumulator.add(labels, found.probabilities, piece.weight)
        unseen = unseen.merge(found.unseen)
        count.add(len(piece.labels))
    warn_of_unseen(model, unseen)
    if not accumulator.rows:
        raise DataError(f"{source} has no row with a label", "at least one")
    area = accumulator.auc()
    if area is not None and area.error > AUC_ERROR:
        known = f"the AUC is known to ±{area.error:.4f} only"
        message = f"{known}: there are more distinct probabilities than are stored for it"
        warnings.warn(message, UserWarning, stacklevel=2)
    return accumulator.figures(model.classes)
