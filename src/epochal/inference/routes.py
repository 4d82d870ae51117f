"""The routes of a prediction: where the members' probabilities are computed.

On a CPU the C kernels predict all rows in float32; JAX is not loaded. A row has the same bits, whatever
the rows beside it. Without the kernels, few rows are predicted with NumPy in float64, and many by a
program that XLA compiles, block by block, as on an accelerator. All agree up to float32 rounding. The
amount of work alone decides between them, so equal calls give equal bits.
"""

from __future__ import annotations

import sys
from functools import cache, partial
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.nn.layers import apply, dense, outputs, with_type
from epochal.nn.objective import OBJECTIVES
from epochal.tables.rows import cut, parallel_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from epochal.model.description import Model
    from epochal.nn.layers import Layers
    from epochal.records import Calibration

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


def route_for(
    model: Model, members: tuple[Layers, ...], calibration: Calibration, rows: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from encoded rows, float32 (rows, features), to mean probabilities, float64 (rows, classes).

    Args:
        model: the model.
        members: all of its members, or some.
        calibration: of these members.
        rows: how many there are in all.
    """
    large = work(members, rows) > SMALL
    if not (large and _has_accelerator()):
        are_all = members is model.members
        compiled = model.compiled if are_all else model.compiled_part(members, calibration)
        if compiled is not None:
            return compiled.mean_probabilities
    route = by_xla if large else by_numpy
    activation, loss = model.settings.activation, model.settings.loss
    return lambda x: route(members, x, activation, calibration, loss)


def _has_accelerator() -> bool:
    """Return whether JAX computes on another device than the CPU; without a plugin for one, JAX is not loaded."""
    if "jax" not in sys.modules and not _has_plugin():
        return False
    import jax

    from epochal.training.device import start_xla, wants_batches

    start_xla()
    return wants_batches(jax.device_put(0.0).device)


@cache
def _has_plugin() -> bool:
    """Return whether a plugin for another device than the CPU is installed for JAX."""
    return find_spec("jax_plugins") is not None or bool(entry_points(group="jax_plugins"))


def block_rows(features: int) -> int:
    """Return the rows of a call of the compiled program: whole pieces, of bounded size.

    >>> block_rows(10), block_rows(784)
    (16384, 4096)
    """
    return PIECE * min(max(BLOCK_BYTES // (4 * max(features, 1) * PIECE), 1), PIECES)


def work(members: Sequence[Layers], rows: int) -> int:
    """Return the number of multiplications that predicting so many rows takes."""
    return rows * sum(layer.weights.size for layers in members for layer in dense(layers))


def logits(layers: Layers, x: np.ndarray, activation: str, *, large: bool) -> np.ndarray:
    """Return one member's logits, float64 (rows, classes), from encoded rows, float32 (rows, features)."""
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


def by_numpy(
    members: Sequence[Layers], x: np.ndarray, activation: str, calibration: Calibration, loss: str
) -> np.ndarray:
    """Return the mean probabilities, in NumPy and float64."""
    total = np.zeros((len(x), outputs(members[0])))
    each = zip(members, calibration.inverse_temperature, calibration.weights, strict=True)
    for layers, inverse_temperature, weight in each:
        o = inverse_temperature * _direct_logits(layers, x, activation)
        total += weight * OBJECTIVES[loss].predictions(o)
    return total


def by_xla(
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
