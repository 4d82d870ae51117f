"""Target statistics of names and words: inputs that are looked up in tables made from labels.

The table of a member has, for each entry, log-odds of the classes and how often it occurs among the
rows that the member trains on. A training row uses the table that leaves out the fold of its own
label, so that training rows and new rows are alike. Nothing in a table is learned; each input has a
scale that begins at 1 and is learned fast.

A text has the means of its words' statistics, their largest log-odds, and how many they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epochal.nn.parameter_options import ParameterOptions

if TYPE_CHECKING:
    from epochal.preprocessing.feature_layout import EmbeddingSizes

    Array = Any  # a NumPy or a JAX array


class TargetEmbedding(NamedTuple):
    """The scales of the statistics of A columns of names and B of words, and their table.

    In training the table is none of the parameters: it has no rows here, and is handed in.
    """

    target_table: Array  # (entries, statistics), or (folds, entries, statistics) for training rows
    name_scale: Array  # (A, statistics)
    word_scale: Array  # (B, 2 statistics)

    @classmethod
    def shapes(cls, sizes: EmbeddingSizes, statistics: int) -> TargetEmbedding:
        """Return the shape of each parameter in its place."""
        return cls(
            target_table=(sizes.entries, statistics),
            name_scale=(sizes.names, statistics),
            word_scale=(sizes.texts, 2 * statistics),
        )

    @classmethod
    def initial(cls, sizes: EmbeddingSizes, statistics: int) -> TargetEmbedding:
        """Return the parameters before training: scales of 1, and no table."""
        shapes = cls.shapes(sizes, statistics)
        return cls(
            target_table=np.zeros((0, statistics), np.float32),
            name_scale=np.ones(shapes.name_scale, np.float32),
            word_scale=np.ones(shapes.word_scale, np.float32),
        )

    def parameter_options(self, rate_factor: float) -> dict[str, ParameterOptions]:
        """Return the optimizer options of each parameter: scales have this factor, the table does not learn."""
        return {
            "target_table": ParameterOptions(rate_factor=0.0),
            "name_scale": ParameterOptions(rate_factor=rate_factor),
            "word_scale": ParameterOptions(rate_factor=rate_factor),
        }

    def apply(self, folds: Array, entries: Array) -> list[Array]:
        """Return the inputs of names and those of words, each (rows, inputs).

        Args:
            folds: whose labels a row's statistics leave out, shape (rows,); the last table, if
                there is none for it: new rows leave out nothing.
            entries: of names, then of words, shape (rows, A + B words); 0 is no word.

        >>> table = np.array([[0.0, 0.0], [0.5, 1.0], [-2.0, 3.0]])
        >>> one = TargetEmbedding(table, np.ones((1, 2)), np.ones((1, 4)))
        >>> names, words = one.apply(np.zeros(1), np.array([[2.0, 1.0, 2.0, 0.0]]))
        >>> print(names, words.round(2))
        [[-2.  3.]] [[-0.75  2.    0.5   1.1 ]]
        """
        xp = entries.__array_namespace__()
        table = self.target_table.reshape(-1, *self.target_table.shape[-2:])
        count, rows, statistics = table.shape
        numbers = xp.minimum(folds.astype(xp.int32), count - 1)[:, None] * rows
        at = numbers + entries.astype(xp.int32)
        found = table.reshape(count * rows, statistics)[at].astype(entries.dtype)
        names, texts = self.name_scale.shape[0], self.word_scale.shape[0]
        inputs = [(found[:, :names] * self.name_scale[None]).reshape(len(entries), -1)]
        if not texts:
            return inputs
        words = found[:, names:].reshape(len(entries), texts, -1, statistics)
        known = (entries[:, names:] > 0).reshape(*words.shape[:3])
        texts_known = _summary(words, known[..., None], xp)
        return [*inputs, (texts_known * self.word_scale[None]).reshape(len(entries), -1)]


def _summary(words: Array, known: Array, xp: Any) -> Array:
    """Return means over the words, their largest log-odds, and the logarithm of their number and 1."""
    number = known.astype(words.dtype).sum(axis=2)
    mean = xp.where(known, words, 0.0).sum(axis=2) / xp.maximum(number, 1.0)
    most = xp.where(known, words, -np.inf).max(axis=2)[..., :-1]
    return xp.concat([mean, xp.where(number > 0, most, 0.0), xp.log1p(number)], axis=2)
