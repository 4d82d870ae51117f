"""Predictions by the C kernels: those of the formulas, a row's bits whatever stands beside it."""

from __future__ import annotations

import ctypes
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest

from epochal.kernels import library
from epochal.kernels.ffi import Operations
from epochal.kernels.library import ACTIVATIONS, instruction_sets, opened
from epochal.kernels.prediction import CompiledEnsemble, in_panels
from epochal.nn import layers as nn_layers
from epochal.nn.embedding import CategoricalEmbedding, Embedding, NumericEmbedding
from epochal.nn.layers import Layer, apply, with_type
from epochal.nn.losses import softmax
from epochal.nn.target_embedding import TargetEmbedding

in_use = pytest.mark.skipif(opened().library is None, reason="the operations in C are not in use")
SHARPNESS, WEIGHTS = (0.8, 1.2), (0.3, 0.7)
# Columns of an embedding: numbers, plain features, categories, names, texts, words of a text.
NUMBERS, PLAIN, CATEGORIES, NAMES, TEXTS, WORDS = 3, 2, 2, 2, 1, 4
LEVELS, ENTRIES, STATISTICS, INTERVALS, SIZE = 7, 20, 3, 5, 6
INPUTS = (NUMBERS + CATEGORIES) * SIZE + PLAIN + (NAMES + 2 * TEXTS) * STATISTICS


def layers(rng: np.random.Generator, widths: tuple[int, ...]) -> tuple[Layer, ...]:
    """Return affine layers of these widths."""
    return tuple(
        Layer(
            (rng.normal(size=(a, b)) / np.sqrt(a)).astype(np.float32),
            rng.normal(size=b).astype(np.float32),
        )
        for a, b in pairwise(widths)
    )


def embedding(rng: np.random.Generator, *, fine: bool, target: bool = True) -> Embedding:
    """Return an embedding with columns of every kind."""

    def drawn(*shape: int) -> np.ndarray:
        """Return normal numbers."""
        return rng.normal(size=shape).astype(np.float32)

    return Embedding(
        NumericEmbedding(
            drawn(NUMBERS, SIZE),
            drawn(NUMBERS, SIZE),
            drawn(NUMBERS, INTERVALS, SIZE),
            drawn(NUMBERS, INTERVALS + 1, SIZE),
            np.float32(fine),
        ),
        CategoricalEmbedding(drawn(LEVELS, SIZE)),
        drawn(NUMBERS + CATEGORIES, SIZE),
        drawn(PLAIN),
        TargetEmbedding(
            drawn(ENTRIES, STATISTICS), drawn(NAMES, STATISTICS), drawn(TEXTS, 2 * STATISTICS)
        )
        if target
        else None,
    )


def encoded(rng: np.random.Generator, rows: int, *, target: bool = True) -> np.ndarray:
    """Return rows for such an embedding; the last text of the first row has no word."""
    positions = rng.uniform(0, INTERVALS, (rows, 2 * NUMBERS))
    # Both ends, and edges between.
    positions[: len(positions) // 2] = np.round(positions[: len(positions) // 2])
    blocks = [
        rng.normal(size=(rows, NUMBERS + PLAIN)),
        positions,
        rng.integers(LEVELS, size=(rows, CATEGORIES)),
    ]
    if target:
        entries = rng.integers(ENTRIES, size=(rows, NAMES + TEXTS * WORDS))
        entries[0, -WORDS:] = 0
        blocks += [np.full((rows, 1), 255), entries]
    return np.concatenate(blocks, axis=1).astype(np.float32)


def by_formula(members, x: np.ndarray, activation: str) -> np.ndarray:
    """Return the mean probabilities in float64."""
    return sum(
        weight
        * softmax(sharp * apply(with_type(one, np.float64), x.astype(np.float64), activation))
        for one, sharp, weight in zip(members, SHARPNESS, WEIGHTS, strict=True)
    )


@in_use
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("target", [False, True], ids=["plain", "target statistics"])
def test_the_embedding_and_the_layers_are_the_formulas(activation, target, rng):
    """A coarse and a fine member, columns of every kind, every hidden unit; to float32 rounding."""
    inputs = INPUTS if target else INPUTS - (NAMES + 2 * TEXTS) * STATISTICS
    members = [
        (embedding(rng, fine=fine, target=target), *layers(rng, (inputs, 40, 17, 5)))
        for fine in (False, True)
    ]
    x = encoded(rng, 50, target=target)

    found = CompiledEnsemble(members, activation, SHARPNESS, WEIGHTS, x.shape[1])

    expected = by_formula(members, x, activation)
    np.testing.assert_allclose(found.mean_probabilities(x), expected, atol=2e-5)


@in_use
@pytest.mark.parametrize("widths", [(1, 2), (33, 5), (20, 64, 3), (700, 96, 40, 2), (9, 300, 130)])
@pytest.mark.parametrize("rows", [1, 2, 13, 250])
def test_a_row_has_the_same_bits_alone_and_among_others(widths, rows, rng):
    """Whatever the widths, the place of the row and the number of rows; also in another order in memory."""
    members = [layers(rng, widths) for _ in range(2)]
    ensemble = CompiledEnsemble(members, "relu", SHARPNESS, WEIGHTS, widths[0])
    x = rng.normal(size=(rows, widths[0])).astype(np.float32)

    found = ensemble.mean_probabilities(x)

    alone = [ensemble.mean_probabilities(x[i : i + 1])[0] for i in range(0, rows, 7)]
    np.testing.assert_array_equal(found[::7], alone)
    np.testing.assert_array_equal(ensemble.mean_probabilities(np.asfortranarray(x)), found)
    np.testing.assert_allclose(found, by_formula(members, x, "relu"), atol=2e-6)


BITS = """
import hashlib
import numpy as np
from epochal.kernels.library import opened
from epochal.kernels.prediction import CompiledEnsemble
from epochal.nn.layers import Layer

def drawn(rows, columns):
    number = np.arange(rows * columns, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(rows)
    mixed = (number ^ (number >> np.uint64(15))) * np.uint64(2246822519) % np.uint64(2**32)
    return ((mixed >> np.uint64(8)).astype(np.float32) / 2**23 - 1).reshape(rows, columns)

members = [
    tuple(Layer(drawn(a, b), drawn(1, b)[0]) for a, b in ((600, 96), (96, 40), (40, 7)))
    for _ in range(3)
]
digest = hashlib.sha256()
for activation in ("relu", "identity", "logistic", "silu", "tanh", "selu"):
    ensemble = CompiledEnsemble(members, activation, (0.01, 0.02, 0.03), (0.5, 0.3, 0.2), 600)
    digest.update(ensemble.mean_probabilities(drawn(403, 600)).tobytes())
print(opened().state.instruction_set, opened().state.threads, digest.hexdigest())
"""
# On every machine, by every compiler, with every instruction set and number of threads.
DIGEST = "63995a1000e211be151255c816ae69ae08f865d3280358658df2ab87fe3c5e10"


@in_use
@pytest.mark.parametrize("threads", [1, 5])
@pytest.mark.parametrize("name", ["avx2", "avx512", "neon"])
def test_every_instruction_set_and_number_of_threads_gives_these_bits(
    name, threads, in_new_process
):
    """A prediction does not depend on the machine, as far as the networks go."""
    if name not in instruction_sets(ctypes.CDLL(str(library.LIBRARY))):
        pytest.skip(f"this processor has no {name}")

    printed = in_new_process(BITS, EPOCHAL_NATIVE=name, EPOCHAL_NATIVE_THREADS=str(threads))
    assert printed.split() == [name, str(threads), DIGEST]


@in_use
def test_codes_beyond_a_table_read_its_last_row(rng):
    """And those below 0 its first: nothing outside of an array is read."""
    members = [(embedding(rng, fine=False), *layers(rng, (INPUTS, 4, 2)))] * 2
    x = encoded(rng, 2)
    ensemble = CompiledEnsemble(members, "relu", SHARPNESS, WEIGHTS, x.shape[1])
    first = 3 * NUMBERS + PLAIN
    entries = first + CATEGORIES + 1
    wild, tame = x.copy(), x.copy()
    wild[0, first], tame[0, first] = 1e9, LEVELS - 1
    wild[1, first], tame[1, first] = -5, 0
    wild[0, entries], tame[0, entries] = 1e9, ENTRIES - 1
    wild[1, NUMBERS + PLAIN] = tame[1, NUMBERS + PLAIN] = INTERVALS

    np.testing.assert_array_equal(
        ensemble.mean_probabilities(wild), ensemble.mean_probabilities(tame)
    )


@in_use
def test_rows_of_another_width_are_refused(rng):
    """They would be read as other rows; no rows give no probabilities."""
    ensemble = CompiledEnsemble([layers(rng, (3, 2))], "relu", (1.0,), (1.0,), 3)

    with pytest.raises(ValueError, match="expected 3"):
        ensemble.mean_probabilities(np.zeros((2, 4)))
    assert ensemble.mean_probabilities(np.zeros((0, 3))).shape == (0, 2)


@in_use
def test_without_memory_it_is_a_memory_error(rng, monkeypatch):
    """Python's own."""

    class Full:
        """A library without memory."""

        @staticmethod
        def epochal_predict(*_):
            """Return that there was none."""
            return 0

    ensemble = CompiledEnsemble([layers(rng, (3, 2))], "relu", (1.0,), (1.0,), 3)
    monkeypatch.setattr(
        "epochal.kernels.prediction.opened", lambda: library.Opened(Full, opened().state)
    )
    with pytest.raises(MemoryError, match="too little memory"):
        ensemble.mean_probabilities(np.zeros((1, 3)))


def test_every_hidden_unit_has_its_number_in_c():
    """Those of the formulas, in the order of the header."""
    header = (library.LIBRARY.parent / "c" / "kernels.h").read_text()
    listed = header.split("enum Activation {")[1].split("}")[0]

    assert [name.strip().lower() for name in listed.split(",")] == list(ACTIVATIONS)
    assert set(ACTIVATIONS) == set(nn_layers.ACTIVATIONS)


@in_use
def test_panels_are_those_of_the_training_kernels(rng):
    """The layout of the weights is that of the operation `change_layout`."""
    matrix = rng.normal(size=(5, 75)).astype(np.float32)

    library.load()
    packed = np.asarray(Operations(parallel=False).to_panels(jnp.asarray(matrix)))

    np.testing.assert_array_equal(in_panels(matrix), packed.ravel())
