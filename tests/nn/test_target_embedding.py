"""Target statistics of names and words, looked up in tables."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epochal.nn.embedding import embedded, initial_embedding
from epochal.nn.layers import with_target_table, with_type, without_target_table
from epochal.nn.target_embedding import TargetEmbedding
from epochal.preprocessing.feature_layout import EmbeddingSizes, target_statistics_count

SIZES = EmbeddingSizes(
    numbers=1,
    coarse=3,
    intervals=3,
    plain=1,
    categories=1,
    levels=4,
    names=2,
    texts=1,
    entries=6,
)
CLASSES = 3


def embedding_with(table: np.ndarray, rng: np.random.Generator) -> TargetEmbedding:
    """Return a target embedding with this table, two columns of names and one of words."""
    statistics = table.shape[-1]
    return TargetEmbedding(
        table, rng.normal(size=(2, statistics)), rng.normal(size=(1, 2 * statistics))
    )


def test_names_have_the_statistics_of_their_entries(rng: np.random.Generator) -> None:
    """Each is multiplied by its scale."""
    table = rng.normal(size=(6, 2))
    one = embedding_with(table, rng)
    names = one.apply(np.zeros(2), np.array([[1.0, 4.0, 0.0], [5.0, 2.0, 0.0]]))[0]
    expected = table[[[1, 4], [5, 2]]] * one.name_scale
    np.testing.assert_allclose(names, expected.reshape(2, 4))


def test_words_are_summarised(rng: np.random.Generator) -> None:
    """Means of all statistics, the largest log-odds, and the logarithm of the number and 1."""
    table = rng.normal(size=(6, 2))
    one = embedding_with(table, rng)
    words = one.apply(np.zeros(1), np.array([[1.0, 1.0, 3.0, 4.0, 0.0, 0.0]]))[1]
    used = table[[3, 4]]
    expected = [*used.mean(axis=0), used[:, 0].max(), np.log(3.0)] * one.word_scale[0]
    np.testing.assert_allclose(words[0], expected)


def test_a_text_without_words_is_0(rng: np.random.Generator) -> None:
    """Missing texts, and texts of signs, have no statistics; nothing is infinite."""
    one = embedding_with(rng.normal(size=(6, 2)), rng)
    words = one.apply(np.zeros(1), np.array([[1.0, 1.0, 0.0, 0.0]]))[1]
    assert words.tolist() == [[0.0] * 4]


def test_training_rows_use_the_table_of_their_fold(rng: np.random.Generator) -> None:
    """New rows, whose fold has no table, use the last one."""
    tables = rng.normal(size=(5, 6, 2))
    folds, entries = np.array([0.0, 2.0, 4.0, 255.0]), np.full((4, 3), 3.0)
    one = embedding_with(tables, rng)
    names = one.apply(folds, entries)[0].reshape(4, 2, 2)
    np.testing.assert_allclose(names, tables[[0, 2, 4, 4], 3][:, None] * one.name_scale[None])


def test_new_rows_are_the_same_with_the_last_table_alone(rng: np.random.Generator) -> None:
    """As a model has it, whatever fold is written."""
    tables = rng.normal(size=(5, 6, 2))
    entries = np.array([[1.0, 4.0, 2.0, 5.0]])
    all_tables, last = (embedding_with(t, np.random.default_rng(1)) for t in (tables, tables[-1]))
    for fold in (0.0, 255.0):
        for one, other in zip(
            all_tables.apply(np.array([255.0]), entries),
            last.apply(np.array([fold]), entries),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


def test_jax_gives_what_numpy_gives(rng: np.random.Generator) -> None:
    """The same function serves training and small predictions."""
    table = rng.normal(size=(5, 6, 4)).astype(np.float32)
    folds = rng.integers(5, size=20).astype(np.float32)
    entries = rng.integers(6, size=(20, 7)).astype(np.float32)
    one = TargetEmbedding(table, np.ones((2, 4), np.float32), np.ones((1, 8), np.float32))
    plain = one.apply(folds, entries)
    compiled = jax.jit(lambda f, e: one._replace(target_table=jnp.asarray(table)).apply(f, e))(
        folds, entries
    )
    for mine, theirs in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_the_embedding_puts_them_behind_everything(rng: np.random.Generator) -> None:
    """The first layer has vectors, plain features, names and words, as many as `inputs` says."""
    statistics = target_statistics_count(CLASSES)
    first = initial_embedding(SIZES, 2, seed=0, member=0, fine=False, classes=CLASSES)
    (first,) = with_target_table((first,), rng.normal(size=(6, statistics)).astype(np.float32))
    x = np.array([[0.5, 2.0, 1.5, 1.5, 3.0, 255.0, 1.0, 4.0, 5.0, 0.0]], np.float32)
    found = embedded(first, x)
    assert found.shape == (1, SIZES.inputs(2, CLASSES))
    names = first.target.target_table[[1, 4]].ravel()
    np.testing.assert_allclose(found[0, 5 : 5 + 2 * statistics], names)


def test_nothing_in_a_table_is_learned() -> None:
    """In training the table is no parameter: it has no rows, and scales begin at 1."""
    first = initial_embedding(SIZES, 2, seed=0, member=0, fine=False, classes=CLASSES)
    assert first.target.target_table.shape == (0, 4)
    assert first.parameter_options()["target_table"].rate_factor == 0
    assert (first.target.name_scale == 1).all()
    assert (first.target.word_scale == 1).all()


def test_layers_without_names_have_no_table(rng: np.random.Generator) -> None:
    """A table changes nothing there, and is taken from nothing."""
    plain = SIZES._replace(names=0, texts=0, entries=0)
    layers = (initial_embedding(plain, 2, seed=0, member=0, fine=False),)
    assert with_target_table(layers, rng.normal(size=(6, 2)))[0].target is None
    assert without_target_table(layers) is layers


def test_a_table_is_taken_away_and_given_again(rng: np.random.Generator) -> None:
    """A training that goes on from a model begins without, as a new one does."""
    table = rng.normal(size=(6, 4)).astype(np.float32)
    first = initial_embedding(SIZES, 2, seed=0, member=0, fine=False, classes=CLASSES)
    bare = without_target_table(with_target_table((first,), table))
    assert bare[0].target.target_table.shape == (0, 4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_table_keeps_its_type(rng: np.random.Generator, dtype: type) -> None:
    """For a few rows it would take longer to copy it than to look up; results have the asked type."""
    first = initial_embedding(SIZES, 2, seed=0, member=0, fine=False, classes=CLASSES)
    table = rng.normal(size=(6, 4)).astype(np.float32)
    typed = with_type(with_target_table((first,), table), dtype)
    assert typed[0].target.target_table is table
    x = np.array([[0.5, 2.0, 1.5, 1.5, 3.0, 255.0, 1.0, 4.0, 5.0, 0.0]], dtype)
    assert embedded(typed[0], x).dtype == dtype
