"""Probabilities of new rows: the members' softmax outputs, averaged and calibrated."""

from __future__ import annotations

import warnings
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from epochal.config.csv_options import PLAIN
from epochal.inference.routes import block_rows, route_for
from epochal.io import files
from epochal.preprocessing.unseen_categories import UnseenCounts
from epochal.preprocessing.validation import matched
from epochal.tables.origin import Piece
from epochal.tables.rows import cut, parallel_map

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from epochal.config.csv_options import CsvOptions
    from epochal.model.description import Model
    from epochal.tables.rows import Rows

# The largest size of the rows that are encoded at a time.
CHUNK_BYTES = 64 * 2**20

Context = TypeVar("Context")


class Prediction(NamedTuple):
    """Probabilities of the classes, float64 (rows, classes), and counts of unseen categories."""

    probabilities: np.ndarray
    unseen: UnseenCounts


def predict_proba(model: Model, rows: Rows, member: int | None = None) -> np.ndarray:
    """Return the probabilities of the classes, float64 (rows, classes), rows summing to 1.

    Warns of columns in which unknown categories are much more frequent than in training.
    """
    probabilities, unseen = prediction(model, rows, member)
    warn_of_unseen(model, unseen)
    return probabilities


def warn_of_unseen(model: Model, unseen: UnseenCounts) -> None:
    """Warn of columns in which unknown categories are much more frequent than in training."""
    for excess in unseen.excesses(model.preprocessor.schema):
        warnings.warn(str(excess), UserWarning, stacklevel=4)


def prediction(model: Model, rows: Rows, member: int | None = None) -> Prediction:
    """Return the probabilities of the classes, rows summing to 1, and counts of unseen categories.

    Rows are encoded and passed in chunks, so memory beyond the result is bounded.

    Args:
        model: the model.
        rows: a table with the model's columns, or an array with as many features.
        member: the number of one member; None for all.
    """
    # Once for all pieces, so that its warnings appear once.
    rows = matched(rows, model.preprocessor.schema)
    number = rows.shape[0]
    result = np.empty((number, len(model.classes)))
    members, calibration = model.members, model.calibration
    if member is not None:
        members, calibration = (members[member],), calibration.of(member)
    mean_of = route_for(model, members, calibration, number)
    size, unseen = chunk_rows(model.preprocessor.n_features), UnseenCounts()
    for span, chunk in cut(rows, size):
        x, found = model.preprocessor.encode_new(chunk, first_row=span.start)
        mean = sharpened(mean_of(x), calibration.exponent)
        result[span] = with_prior(mean, calibration.prior)
        unseen = unseen.merge(found)
    return Prediction(result, unseen)


def predict_proba_at(model: Model, path: str) -> np.ndarray:
    """Return the probabilities of the classes for the rows at a path, as for rows in memory."""
    size = chunk_rows(model.preprocessor.n_features)
    pieces = ((None, piece) for piece in unlabelled_batches(path, model, size))
    parts, unseen = zip(*(part for _, part in predict_pieces(model, pieces)), strict=True)
    warn_of_unseen(model, reduce(UnseenCounts.merge, unseen))
    return np.concatenate(parts)


def without_target(rows: Rows, model: Model, kept: Sequence[str] = ()) -> Rows:
    """Return a table without the model's target column, and without `kept` columns that are no inputs.

    Other rows are returned unchanged.
    """
    if not isinstance(rows, pa.Table):
        return rows
    surplus = {model.target, *kept} - set(model.preprocessor.schema.names)
    return rows.drop_columns([name for name in rows.column_names if name in surplus])


def predict_pieces(
    model: Model, pieces: Iterable[tuple[Context, Piece]]
) -> Iterator[tuple[Context, Prediction]]:
    """Yield the predictions of pieces of rows, each with its context, in order.

    Meanwhile the next pieces are read, encoded and predicted. Errors about a value name its row in
    the file that it comes from.
    """

    def predicted(context: Context, piece: Piece) -> tuple[Context, Prediction]:
        """Return the context of a piece, and its prediction."""
        with piece.origin.naming_rows():
            return context, prediction(model, piece.rows)

    return parallel_map(predicted, pieces)


def unlabelled_batches(
    path: str, model: Model, rows_per_batch: int, csv: CsvOptions = PLAIN
) -> Iterator[Piece]:
    """Yield the rows at a path piece by piece, without the model's target.

    Cells of CSV files are read as in training; `csv` says how lines and header are read.
    """
    csv = csv.of_cells(model.preprocessor.schema.csv)
    pieces = files.batches(path, rows_per_batch, csv=csv)
    return (Piece(unlabelled(rows, model), origin) for rows, origin in pieces)


def unlabelled(rows: Rows, model: Model, kept: Sequence[str] = ()) -> Rows:
    """Return rows without the model's target, and without `kept` columns that are no inputs."""
    columns = model.preprocessor.schema.names
    if isinstance(rows, pa.Table):
        return without_target(rows, model, kept)
    if rows.ndim == 2 and rows.shape[1] == len(columns) + 1 and _is_number(model.target):
        return np.delete(rows, int(str(model.target)), axis=1)
    return rows


def chunk_rows(features: int) -> int:
    """Return how many rows are encoded at a time: whole blocks, of bounded size."""
    block = block_rows(features)
    return max(CHUNK_BYTES // (4 * max(features, 1) * block), 1) * block


def with_prior(p: np.ndarray, prior: Sequence[float]) -> np.ndarray:
    """Return (1 - sum π) p + π for a prior π of each class; p itself without one.

    >>> with_prior(np.array([[1.0, 0.0]]), (0.02, 0.03)).round(3)
    array([[0.97, 0.03]])
    """
    return (1.0 - sum(prior)) * p + np.array(prior) if prior else p


def sharpened(mean: np.ndarray, exponent: float) -> np.ndarray:
    """Return p_j ~ mean_j ^ exponent, rows summing to 1.

    >>> sharpened(np.array([[0.6, 0.2]]), exponent=2.0)
    array([[0.9, 0.1]])
    """
    if exponent != 1.0:
        mean = (mean / mean.max(axis=1, keepdims=True)) ** exponent
    return mean / mean.sum(axis=1, keepdims=True)


def _is_number(name: str | None) -> bool:
    """Whether a name is the number of a column."""
    return name is not None and name.removeprefix("-").isdecimal()
