"""Predictions by the C kernels, called through ctypes: no JAX, and nothing to compile.

The members' weights are laid out once. A row has the same bits whatever the rows beside it, the number of
threads and the instruction set. `c/predict.c` is the other side; the structures here are those of `c/kernels.h`.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_double, c_float, c_int32, c_long
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.kernels.library import ACTIVATIONS, PANEL, opened
from epochal.nn.layers import dense, embedding_of
from epochal.threads import kernels_may_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.nn.embedding import Embedding
    from epochal.nn.layers import Layers


_Floats = POINTER(c_float)


class _Inputs(Structure):
    """What the embedding reads of a row."""

    _fields_ = [
        *((name, c_long) for name in ("numbers", "plain", "categories", "levels", "size")),
        *((name, c_long) for name in ("names", "texts", "words", "entries", "statistics")),
        ("log_counts", _Floats),
        ("folds", c_long),
    ]


class _Member(Structure):
    """A member's arrays."""

    _fields_ = [
        *((name, _Floats) for name in ("slope", "offset", "edges", "levels", "level_scale")),
        *((name, _Floats) for name in ("plain", "target_table", "name_scale", "word_scale")),
        *((name, POINTER(_Floats)) for name in ("weights", "biases")),
        ("weight", c_double),
        ("intervals", c_long),
        ("inverse_temperature", c_float),
        ("fine", c_int32),
    ]


class _Prediction(Structure):
    """The arguments of a call."""

    _fields_ = [
        ("inputs", POINTER(_Inputs)),
        ("members", POINTER(_Member)),
        ("widths", POINTER(c_long)),
        ("x", ctypes.c_void_p),
        ("total", ctypes.c_void_p),
        *((name, c_long) for name in ("count", "layers", "activation", "features", "rows")),
    ]


class CompiledEnsemble:
    """The members of an ensemble, laid out for the C kernels."""

    def __init__(
        self,
        members: Sequence[Layers],
        activation: str,
        inverse_temperatures: Sequence[float],
        weights: Sequence[float],
        features: int,
    ) -> None:
        """Lay the members out.

        Args:
            members: each member's layers, float32, all of the same sizes.
            activation: name of the hidden activation.
            inverse_temperatures: of the members' logits.
            weights: of the members' probabilities, summing to 1.
            features: of an encoded row.
        """
        affine = dense(members[0])
        widths = [affine[0].weights.shape[0], *(layer.weights.shape[1] for layer in affine)]
        self.features, self.classes = features, widths[-1]
        # What the structures point to.
        self._arrays: list[Any] = []
        structures = [self._member(layers) for layers in members]
        for one, sharp, weight in zip(structures, inverse_temperatures, weights, strict=True):
            one.inverse_temperature, one.weight = sharp, weight
        embedding = embedding_of(members[0])
        self._call = _Prediction(
            None if embedding is None else ctypes.pointer(self._inputs(embedding)),
            (_Member * len(members))(*structures),
            (c_long * len(widths))(*widths),
            count=len(members),
            layers=len(affine),
            activation=ACTIVATIONS.index(activation),
            features=features,
        )

    def mean_probabilities(self, x: np.ndarray) -> np.ndarray:
        """Return the weighted means of the members' probabilities, float64 (rows, classes).

        Args:
            x: encoded rows, float32 (rows, features).

        Raises:
            MemoryError: if there is no memory for the values of a block of rows.
        """
        x = np.ascontiguousarray(x, np.float32)
        if x.shape[1:] != (self.features,):
            raise ValueError(f"rows of {x.shape[1:]} features, expected {self.features}")
        total = np.empty((len(x), self.classes))
        call = _Prediction.from_buffer_copy(self._call)
        call.x, call.total, call.rows = x.ctypes.data, total.ctypes.data, len(x)
        if len(x) and not opened().library.epochal_predict(ctypes.byref(call), kernels_may_share()):
            raise MemoryError("there is too little memory to predict a block of rows")
        return total

    def _member(self, layers: Layers) -> _Member:
        """Return the structure of a member."""
        one, affine = _Member(), dense(layers)
        one.weights = self._pointers([in_panels(layer.weights) for layer in affine])
        one.biases = self._pointers([layer.bias for layer in affine])
        embedding = embedding_of(layers)
        if embedding is None:
            return one
        numeric, _, scale, plain, target = embedding
        numbers, of_numbers = numeric.columns, scale[: numeric.columns]
        zero = np.zeros((numbers, 1, scale.shape[1]), np.float32)
        edges = np.concatenate([zero, np.cumsum(numeric.increments, axis=1)], axis=1)
        one.slope = self._pointer(numeric.slope * of_numbers)
        one.offset = self._pointer(numeric.offset * of_numbers)
        one.edges = self._pointer((edges + numeric.bin_vectors) * of_numbers[:, None])
        one.intervals, one.fine = numeric.intervals, int(float(numeric.fine) > 0)
        one.levels = self._pointer(embedding.categorical.levels)
        one.level_scale, one.plain = self._pointer(scale[numbers:]), self._pointer(plain)
        if target is not None:
            one.target_table = self._pointer(target.target_table)
            one.name_scale = self._pointer(target.name_scale)
            one.word_scale = self._pointer(target.word_scale)
        return one

    def _inputs(self, embedding: Embedding) -> _Inputs:
        """Return what the embedding reads of a row."""
        numbers, size = embedding.numeric.slope.shape
        plain, columns = len(embedding.plain), len(embedding.scale)
        found = _Inputs(
            numbers=numbers, plain=plain, categories=columns - numbers, size=size, folds=1
        )
        found.levels = len(embedding.categorical.levels)
        if embedding.target is not None:
            table, name_scale, word_scale = embedding.target
            found.names, found.texts = len(name_scale), len(word_scale)
            found.entries, found.statistics = table.shape
            behind = self.features - (2 * numbers + plain + columns) - 1 - found.names
            found.words = behind // found.texts if found.texts else 0
            counts = np.arange(found.words + 1, dtype=np.float32)
            found.log_counts = self._pointer(np.log1p(counts))
        return found

    def _pointer(self, array: Any) -> Any:
        """Return a pointer to a float32 array, which is kept."""
        kept = np.ascontiguousarray(array, np.float32)
        self._arrays.append(kept)
        return kept.ctypes.data_as(_Floats)

    def _pointers(self, arrays: Sequence[Any]) -> Any:
        """Return an array of pointers, which is kept."""
        kept = (_Floats * len(arrays))(*map(self._pointer, arrays))
        self._arrays.append(kept)
        return kept


def in_panels(matrix: np.ndarray) -> np.ndarray:
    """Return the numbers of a matrix in panels: the first 32 columns row by row, then the next ones, (numbers,).

    >>> in_panels(np.arange(66).reshape(2, 33))[[31, 32, 63, 64, 65]]
    array([31, 33, 64, 32, 65])
    """
    panels = range(0, matrix.shape[1], PANEL)
    return np.concatenate([matrix[:, first : first + PANEL].ravel() for first in panels])
