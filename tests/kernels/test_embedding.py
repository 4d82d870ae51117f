"""The embedding as C operations, against the formula in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.kernels.embedding import embed
from epochal.kernels.ffi import Operations
from epochal.kernels.library import load
from epochal.nn.embedding import embedded, embedding_shapes
from epochal.nn.layers import with_target_table
from epochal.preprocessing.feature_layout import EmbeddingSizes

pytestmark = pytest.mark.skipif(
    not load().instruction_set, reason="the operations in C are not in use"
)

EVERYTHING = EmbeddingSizes(
    numbers=3, coarse=4, intervals=9, plain=5, categories=2, levels=7, names=2, texts=2, entries=6
)
WORDS, CLASSES, FOLDS = 3, 4, 5
KINDS = {
    "everything": EVERYTHING,
    "numbers and categories": EVERYTHING._replace(names=0, texts=0, entries=0),
    "numbers": EVERYTHING._replace(plain=0, categories=0, levels=0, names=0, texts=0, entries=0),
    "categories": EVERYTHING._replace(numbers=0, plain=0, names=0, texts=0, entries=0),
    "plain features": EVERYTHING._replace(
        numbers=0, categories=0, levels=0, names=0, texts=0, entries=0
    ),
    "names": EVERYTHING._replace(numbers=0, plain=0, categories=0, levels=0, texts=0),
}


@dataclass
class Case:
    """An embedding of random numbers, rows for it, and a gradient of the result."""

    layers: tuple[Any, ...]
    x: np.ndarray
    gradient: np.ndarray

    @property
    def embedding(self) -> Any:
        """The embedding."""
        return self.layers[0]


def drawn(
    rng: np.random.Generator, sizes: EmbeddingSizes, size: int, *, fine: bool = True, rows: int = 37
) -> Case:
    """Return an embedding, rows of every position among the bin edges and every code, and a gradient."""
    shapes = embedding_shapes(sizes, size, CLASSES)
    random = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in shapes.parameters().items()
    }
    embedding = shapes.with_parameters(random | {"fine": np.float32(fine)})
    statistics = CLASSES + 1
    tables = rng.normal(size=(FOLDS, sizes.entries, statistics)).astype(np.float32)
    layers = with_target_table((embedding,), tables)
    coarse, positions = (
        rng.uniform(0, most, (rows, sizes.numbers)) for most in (sizes.coarse, sizes.intervals)
    )
    coarse[: sizes.coarse + 1] = np.arange(sizes.coarse + 1)[:, None]
    positions[: sizes.intervals + 1] = np.arange(sizes.intervals + 1)[:, None]
    parts = [
        rng.normal(size=(rows, sizes.numbers + sizes.plain)),
        coarse,
        positions,
        rng.integers(0, max(sizes.levels, 1), (rows, sizes.categories)),
    ]
    if sizes.entries:
        # A fold without a table is that of a new row.
        parts += [
            rng.choice([0, 1, 2, 3, 4, 255], (rows, 1)),
            rng.integers(0, sizes.entries, (rows, sizes.names + WORDS * sizes.texts)),
        ]
    x = np.concatenate(parts, axis=1).astype(np.float32)
    inputs = sizes.inputs(size, CLASSES)
    return Case(layers, x, rng.normal(size=(rows, inputs)).astype(np.float32))


def by_formula(case: Case) -> tuple[np.ndarray, Any]:
    """Return what the first layer gets, and the gradients of the parameters, in float64."""
    with jax.enable_x64(True):
        embedding = jax.tree.map(lambda part: jnp.asarray(part, jnp.float64), case.embedding)
        values, chain_rule = jax.vjp(
            lambda embedding: embedded(embedding, jnp.asarray(case.x, jnp.float64)), embedding
        )
        (gradients,) = chain_rule(jnp.asarray(case.gradient, jnp.float64))
        return jax.tree.map(np.asarray, (values, gradients))


def by_operation(case: Case, *, parallel: bool = False) -> tuple[Any, Any]:
    """Return the same by the operations."""

    def both(embedding: Any, x: Any, gradient: Any) -> Any:
        """Return the values and the gradients."""
        values, chain_rule = jax.vjp(lambda one: embed(Operations(parallel), one, x), embedding)
        return values, *chain_rule(gradient)

    values, gradients = jax.jit(both)(case.embedding, case.x, case.gradient)
    return jax.tree.map(np.asarray, (values, gradients))


def without_tables(embedding: Any) -> dict[str, np.ndarray]:
    """Return the parameters that are learned, by name."""
    named = dict(embedding.parameters())
    named.pop("target_table", None)
    return named


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 8, 19])
def test_values_and_gradients_are_those_of_the_formula(
    kind: str, size: int, fine: bool, parallel: bool, rng: np.random.Generator
) -> None:
    """Of any parts, in vectors of less than a piece, a piece, or some; at bin edges and between them."""
    case = drawn(rng, KINDS[kind], size, fine=fine)
    values, gradients = by_operation(case, parallel=parallel)
    exact_values, exact = by_formula(case)

    np.testing.assert_allclose(values, exact_values, rtol=1e-5, atol=1e-5)
    found, wanted = without_tables(gradients), without_tables(exact)
    assert found.keys() == wanted.keys()
    for name, part in found.items():
        np.testing.assert_allclose(part, wanted[name], rtol=1e-4, atol=1e-4, err_msg=name)


def test_vectors_without_numbers_leave_the_plain_features(rng: np.random.Generator) -> None:
    """With an embedding size of 0 features are scaled only."""
    case = drawn(rng, KINDS["plain features"], 0)
    values, gradients = by_operation(case)

    np.testing.assert_array_equal(values, case.x * case.embedding.plain)
    np.testing.assert_allclose(
        gradients.plain, (case.x * case.gradient).sum(axis=0), rtol=1e-5, atol=1e-5
    )


def test_gradients_are_those_of_small_differences(rng: np.random.Generator) -> None:
    """Of one number of each parameter; values are linear in it, so that large steps have no error."""
    case = drawn(rng, EVERYTHING, 8)
    operations = Operations(parallel=False)
    gradients = without_tables(by_operation(case)[1])

    def total(named: dict[str, Any]) -> float:
        """Return the sum of all values, weighted by the gradient."""
        one = case.embedding.with_parameters(case.embedding.parameters() | named)
        return float((np.asarray(embed(operations, one, case.x), np.float64) * case.gradient).sum())

    for name, gradient in gradients.items():
        if name == "fine":
            continue
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        ends = []
        for step in (1.0, -1.0):
            part = np.array(case.embedding.parameters()[name])
            part[place] += step
            ends.append(total({name: part}))
        assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-3), name


def test_rows_without_a_gradient_leave_no_trace(rng: np.random.Generator) -> None:
    """Rows of weight 0, and those that pad the last batch, give the same bits as if they were not there."""
    case = drawn(rng, EVERYTHING, 8, rows=40)
    case.gradient[25:] = 0
    few = Case(case.layers, case.x[:25], case.gradient[:25])

    for padded, exact in zip(
        jax.tree.leaves(by_operation(case)[1]), jax.tree.leaves(by_operation(few)[1]), strict=True
    ):
        np.testing.assert_array_equal(padded, exact)


def test_gradients_that_are_nan_stay_nan(rng: np.random.Generator) -> None:
    """So a training whose loss is not finite ends by its own rule."""
    case = drawn(rng, KINDS["numbers and categories"], 8)
    case.gradient[3] = np.nan
    gradients = by_operation(case)[1]

    for part in (gradients.numeric.slope, gradients.scale, gradients.plain):
        assert np.isnan(part).all()


def test_numbers_without_a_row_in_a_table_read_its_ends(rng: np.random.Generator) -> None:
    """Codes, entries and positions beyond a table touch no other memory."""
    case = drawn(rng, EVERYTHING, 8)
    beyond, ends = case.x.copy(), case.x.copy()
    codes = 3 * EVERYTHING.numbers + EVERYTHING.plain
    entries = codes + EVERYTHING.categories + 1
    beyond[0, codes], ends[0, codes] = 1e9, EVERYTHING.levels - 1
    beyond[1, codes], ends[1, codes] = -1e9, 0
    beyond[2, entries], ends[2, entries] = 1e9, EVERYTHING.entries - 1
    beyond[3, entries], ends[3, entries] = -7, 0
    beyond[4, entries - 1], ends[4, entries - 1] = -1, 0
    found, wanted = (by_operation(Case(case.layers, x, case.gradient)) for x in (beyond, ends))

    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_sizes_that_do_not_fit_are_refused(rng: np.random.Generator) -> None:
    """Rows with a feature too many are an error of XLA, not a read of another feature."""
    case = drawn(rng, KINDS["numbers and categories"], 8)
    wider = np.pad(case.x, ((0, 0), (0, 1)))

    with pytest.raises(jax.errors.JaxRuntimeError, match="sizes of an embedding that do not fit"):
        by_operation(Case(case.layers, wider, case.gradient))
