"""`epochal evaluate`: labelled rows in, figures out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from epochal.cli.counting import counting
from epochal.cli.printing import counted, evaluation_lines
from epochal.cli.progress import as_json
from epochal.cli.reading import Roles, labelled_batches
from epochal.errors import DataError
from epochal.model.artifact import load
from epochal.use.classes import class_indices
from epochal.use.evaluate import evaluate
from epochal.use.predict import predict_proba

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from epochal.cli.counting import Count
    from epochal.cli.reading import Labelled
    from epochal.model.description import Model
    from epochal.records import Evaluation


def run(arguments: argparse.Namespace) -> int:
    """Print how good the model is on the labelled rows at DATA; return the exit code."""
    model = load(arguments.model)
    with counting(sys.stderr, quiet=arguments.quiet) as count:
        roles = Roles(arguments.target or model.target, weight=arguments.weight)
        pieces = labelled_batches(arguments.data, roles, arguments.batch_rows)
        figures = figures_of(model, pieces, arguments.data, count)
    if arguments.json:
        names = {"model": str(arguments.model), "data": arguments.data}
        print(as_json(names | figures.to_dict()))
        return 0
    print(f"{arguments.model} on {counted(figures.rows, 'row')} of {arguments.data}")
    print("\n".join(evaluation_lines(figures)))
    return 0


def figures_of(model: Model, pieces: Iterable[Labelled], source: str, count: Count) -> Evaluation:
    """Return the figures of a model on labelled rows that come piece by piece."""
    truth, shares = [], []
    weights: list[np.ndarray] = []
    for piece in pieces:
        if not len(piece.labels):
            continue
        truth.append(class_indices(model.classes, piece.labels))
        shares.append(predict_proba(model, piece.rows))
        if piece.weight is not None:
            weights.append(piece.weight)
        count.add(len(piece.labels))
    if not truth:
        raise DataError(f"{source} has no row with a label", "at least one")
    weight = np.concatenate(weights) if weights else None
    return evaluate(model.classes, np.concatenate(truth), np.concatenate(shares), weight)
