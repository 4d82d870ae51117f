"""Accuracy on labelled rows, computed piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from epochal.errors import CellError, DataError
from epochal.inference.predict import predict_pieces, warn_of_unseen
from epochal.io.columns import labelled_batches
from epochal.preprocessing.unseen_categories import UnseenCounts
from epochal.tables.label_matching import matching
from epochal.tables.labels import missing_labels
from epochal.tables.origin import Piece

if TYPE_CHECKING:
    from collections.abc import Iterable

    from epochal.io.columns import Roles
    from epochal.model.description import Model
    from epochal.tables.dataset import Labelled

# Rows of a file that are read at a time.
PIECE_ROWS = 16_384


def accuracy(model: Model, pieces: Iterable[Labelled]) -> float:
    """Return the weighted share of rows whose most probable class is their label.

    Labels are compared by their canonical text, so that 1, 1.0 and "1" are equal. A row whose label is
    no class of the model counts as wrong, as in scikit-learn.

    Raises:
        DataError: if there is no row, or no weight.
    """
    right, total, unseen = 0.0, 0.0, UnseenCounts()
    rows = ((piece, Piece(piece.rows, piece.origin)) for piece in pieces)
    for piece, found in predict_pieces(model, rows):
        labels = list(piece.labels_of(slice(None)))
        missing = missing_labels(np.asarray(labels, dtype=object))
        if missing.any():
            before, row = f"{piece.label_source} has no label in", int(missing.argmax())
            with piece.origin.naming_rows():
                raise CellError.in_row(before, row, "", "a label per row")
        index = matching(model.classes, labels)
        truth = np.array([-1 if index[label] is None else index[label] for label in labels], int)
        weight = np.ones(len(labels)) if piece.weight is None else np.asarray(piece.weight)
        right += float(weight @ (found.probabilities.argmax(axis=1) == truth))
        total += float(weight.sum())
        unseen = unseen.merge(found.unseen)
    if not total > 0:
        raise DataError("there is no row to score, or none with a weight", "at least one")
    warn_of_unseen(model, unseen)
    return right / total


def accuracy_at(model: Model, path: str, roles: Roles) -> float:
    """Return the accuracy on the rows at a path; the roles name its columns."""
    return accuracy(
        model, labelled_batches(path, roles, PIECE_ROWS, csv=model.preprocessor.schema.csv)
    )
