"""Probabilities of new rows: the members' softmax outputs, averaged and calibrated.

Few rows are predicted with NumPy in float64: nothing is compiled, and JAX is not loaded. Many rows are
predicted by a compiled program in float32, block by block. Both agree up to float32 rounding. The amount
of work alone decides between them, so equal calls give equal bits.
"""

from __future__ import annotations

import warnings
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from epochal.config.csv_options import PLAIN
from epochal.io import files
from epochal.nn.layers import apply, dense, outputs, with_type
from epochal.nn.objective import OBJECTIVES
from epochal.preprocessing.unseen_categories import UnseenCounts
from epochal.preprocessing.validation import matched
from epochal.tables.origin import Piece
from epochal.tables.rows import cut, parallel_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from epochal.config.csv_options import CsvOptions
    from epochal.model.description import Model
    from epochal.nn.layers import Layers
    from epochal.records import Calibration
    from epochal.tables.rows import Rows

    Array = Any  # a JAX array

# Multiplications below which NumPy is faster than compiling a program.
SMALL = 2 * 10**9
# Rows of a matrix product: on a CPU the result stays in its cache (docs/PERFORMANCE.md).
PIECE = 2048
# NumPy's BLAS divides larger products between threads, which then spin for a while and take a core from
# other work. So a larger product is computed in parts, unless these would have too few rows to be fast.
MAX_SINGLE_THREAD, MIN_ROWS = 2**18, 16
# Pieces in a block, which is one call of the compiled program, and the largest size of a block.
PIECES, BLOCK_BYTES = 8, 16 * 2**20
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
    members, calibration = model.members, model.calibration
    if member is not None:
        members, calibration = (members[member],), calibration.of(member)
    # Once for all pieces, so that its warnings appear once.
    rows = matched(rows, model.preprocessor.schema)
    number = rows.shape[0]
    result = np.empty((number, len(model.classes)))
    activation, loss = model.settings.activation, model.settings.loss
    large = work(members, number) > SMALL
    size, unseen = chunk_rows(model.preprocessor.n_features), UnseenCounts()
    for span, chunk in cut(rows, size):
        x, found = model.preprocessor.encode_new(chunk, first_row=span.start)
        result[span] = probabilities(members, x, activation, calibration, loss=loss, large=large)
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


def block_rows(features: int) -> int:
    """Return the rows of a call of the compiled program: whole pieces, of bounded size.

    >>> block_rows(10), block_rows(784)
    (16384, 4096)
    """
    return PIECE * min(max(BLOCK_BYTES // (4 * max(features, 1) * PIECE), 1), PIECES)


def work(members: Sequence[Layers], rows: int) -> int:
    """Return the number of multiplications that predicting so many rows takes."""
    return rows * sum(layer.weights.size for layers in members for layer in dense(layers))


def probabilities(
    members: Sequence[Layers],
    x: np.ndarray,
    activation: str,
    calibration: Calibration,
    *,
    loss: str,
    large: bool,
) -> np.ndarray:
    """Return the members' predictions, averaged and calibrated, float64 (rows, classes).

    Args:
        members: each member's layers.
        x: encoded rows, float32 (rows, features).
        activation: name of the hidden activation.
        calibration: inverse temperatures, weights and exponent.
        loss: the name of the objective.
        large: whether the work is worth a compiled program.
    """
    route = _compiled if large else _direct
    mean = sharpened(route(members, x, activation, calibration, loss), calibration.exponent)
    return with_prior(mean, calibration.prior)


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


def logits(layers: Layers, x: np.ndarray, activation: str, *, large: bool) -> np.ndarray:
    """Return one member's logits, float64 (rows, classes); arguments as for `probabilities`."""
    if not large:
        return _direct_logits(layers, x, activation)
    from epochal.training import ensemble

    return _by_blocks(ensemble.logits, layers, x, activation)


def _by_blocks(
    program: Callable[..., Array], arrays: Any, x: np.ndarray, activation: str
) -> np.ndarray:
    """Return the result of a program for its arrays and the rows, float64, by blocks of one size.

    Two blocks run at once: while one is multiplied, the other's rows are copied, activated and
    normalised (docs/PERFORMANCE.md). More would take more memory.
    """
    # Imported here: small predictions need no JAX, which takes a second to load.
    import jax

    from epochal.training.device import out_of_memory, start_xla, wants_batches

    start_xla()
    # The caller's device, which the threads that predict blocks do not inherit.
    device = jax.device_put(0.0).device
    on_device = jax.device_put(arrays, device)
    size = block_rows(x.shape[1])
    piece = size if wants_batches(device) else PIECE

    def predicted(rows: int, block: np.ndarray) -> np.ndarray:
        """Return the result of a block, without its padding."""
        with out_of_memory():
            return np.asarray(program(on_device, block, rows, activation, piece), np.float64)[:rows]

    return np.concatenate(list(parallel_map(predicted, _blocks(x, size), most=2)))


def _blocks(x: np.ndarray, size: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the rows in blocks of one size, the last one padded, each after its number of rows."""
    for _, block in cut(x, size):
        padding = size - len(block)
        yield len(block), np.pad(block, ((0, padding), (0, 0))) if padding else block


def _direct_logits(layers: Layers, x: np.ndarray, activation: str) -> np.ndarray:
    """Return one member's logits, in NumPy and float64."""
    exact = with_type(layers, np.float64)
    # At most a piece at a time, since an embedding makes rows several times as wide.
    rows = MAX_SINGLE_THREAD // max(layer.weights.size for layer in dense(layers))
    size = rows if MIN_ROWS <= rows < PIECE else PIECE
    parts = [part for _, part in cut(x, size)] or [x]
    return np.concatenate([apply(exact, part.astype(np.float64), activation) for part in parts])


def _direct(
    members: Sequence[Layers], x: np.ndarray, activation: str, calibration: Calibration, loss: str
) -> np.ndarray:
    """Return the mean probabilities, in NumPy and float64."""
    total = np.zeros((len(x), outputs(members[0])))
    each = zip(members, calibration.inverse_temperature, calibration.weights, strict=True)
    for layers, inverse_temperature, weight in each:
        o = inverse_temperature * _direct_logits(layers, x, activation)
        total += weight * OBJECTIVES[loss].predictions(o)
    return total


def _compiled(
    members: Sequence[Layers], x: np.ndarray, activation: str, calibration: Calibration, loss: str
) -> np.ndarray:
    """Return the mean probabilities, by the compiled program in float32."""
    from epochal.training.ensemble import mean_probabilities, stacked

    scales = [
        np.asarray(each, np.float32)
        for each in (calibration.inverse_temperature, calibration.weights)
    ]
    program = partial(mean_probabilities, loss=loss)
    return _by_blocks(program, (stacked(members), *scales), x, activation)


def _is_number(name: str | None) -> bool:
    """Whether a name is the number of a column."""
    return name is not None and name.removeprefix("-").isdecimal()
