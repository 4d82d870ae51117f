"""The embedding and its gradient, each as one C operation.

XLA looks vectors up, and adds their gradients, in loops over the rows: of a small network these take as
long as the products.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from epochal.nn.embedding import Embedding

if TYPE_CHECKING:
    from epochal.kernels.ffi import Operations, Repeats

    Array = Any  # a JAX array


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def embed(
    operations: Operations, embedding: Embedding, x: Array, used: Array | None = None
) -> Array:
    """Return what the first layer gets, shape (rows, inputs), as `nn.embedding.embedded` does.

    Args:
        operations: the C operations.
        embedding: the parameters, float32.
        x: encoded rows, float32.
        used: which rows of the batch these are, as `Operations.used_rows` returns them; None for all.
    """
    arguments, folds = _arguments(embedding, x), _folds(embedding)
    return operations.embed((x.shape[0], _inputs(embedding)), x, *arguments, folds=folds, used=used)


def _forward(
    operations: Operations, embedding: Embedding, x: Array, used: Array | None
) -> tuple[Array, Any]:
    """Return what the first layer gets, and the arrays that the gradients need."""
    return embed(operations, embedding, x, used), (embedding, x, used)


def _backward(operations: Operations, saved: Any, gradient: Array) -> tuple[Any, None, None]:
    """Return the gradients of the parameters; what is not learned, and the rows, have none."""
    embedding, x, used = saved
    numeric, categorical, target = embedding.numeric, embedding.categorical, embedding.target
    learned = [*numeric[:4], categorical.levels, embedding.scale, embedding.plain]
    learned += [] if target is None else [target.name_scale, target.word_scale]
    slope, offset, increments, bin_vectors, levels, scale, plain, *of_target = (
        operations.embedding_gradients(
            [part.shape for part in learned],
            *(x, gradient, *_arguments(embedding, x)),
            folds=_folds(embedding),
            used=used,
        )
    )
    of_embedding = Embedding(
        type(numeric)(slope, offset, increments, bin_vectors, None),
        type(categorical)(levels),
        scale,
        plain,
        None if target is None else type(target)(None, *of_target),
    )
    return of_embedding, None, None


embed.defvjp(_forward, _backward)


def repeats_of(
    operations: Operations, embedding: Embedding, x: Array, used: Array | None
) -> Repeats | None:
    """Return which rows have the same levels; None without categories, or if there is nothing beside them."""
    numbers, (columns, size) = embedding.numeric.columns, embedding.scale.shape
    categories = columns - numbers
    if not categories * size or _inputs(embedding) == categories * size:
        return None
    first = 3 * numbers + len(embedding.plain)
    levels = len(embedding.categorical.levels)
    place = numbers * size, size
    return operations.repeats(x, slice(first, first + categories), levels, place, used)


def _inputs(embedding: Embedding) -> int:
    """Return the number of inputs of the first layer."""
    scales = [embedding.scale, embedding.plain]
    if embedding.target is not None:
        scales += [embedding.target.name_scale, embedding.target.word_scale]
    return sum(int(np.prod(scale.shape)) for scale in scales)


def _folds(embedding: Embedding) -> int:
    """Return how many tables of target statistics there are."""
    if embedding.target is None or embedding.target.target_table.ndim == 2:
        return 1
    return int(embedding.target.target_table.shape[0])


def _arguments(embedding: Embedding, x: Array) -> tuple[Array, ...]:
    """Return the parameters as arguments of the operations."""
    numeric, categorical, scale, plain, target = embedding
    arguments = (*numeric[:4], numeric.fine, categorical.levels, scale, plain)
    if target is None:
        return arguments
    table, names, texts = target
    words = 0
    if len(texts):
        numbers = numeric.columns
        others = 2 * numbers + len(plain) + len(scale) + 1 + len(names)
        words = (x.shape[1] - others) // len(texts)
    log_counts = np.log1p(np.arange(words + 1, dtype=np.float32))
    return *arguments, table.reshape(-1, table.shape[-1]), names, texts, jnp.asarray(log_counts)
