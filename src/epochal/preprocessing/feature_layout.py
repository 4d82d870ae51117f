"""Feature layout: the features of each column, their names and their order.

A number, a boolean or a date is one standardised feature. It has a missing indicator if training
rows lack a value. A date also has sine and cosine of its cycles. A category is one-hot encoded: one
feature per level. With two levels it is one feature of -1 and 1, with a single level it is 0.

For a network that begins with an embedding, a number with bins also has its position among the
coarse bins and among the fine ones. A category of more than two levels is a single feature, the
number of a row in the table of vectors. The features are then sorted into blocks: values of the
numbers with bins, plain features, coarse positions, fine positions, codes.

With vocabularies, a row also has the fold in which its label is left out of the target statistics,
then the entries of its names, then those of its words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.preprocessing.vocabulary import entry_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal.preprocessing.bins import Bins
    from epochal.preprocessing.vocabulary import Vocabulary
    from epochal.tables.schema import Column, Schema


# Log-odds of so many classes are inputs as they are.
MAX_LOG_ODDS = 32


class FeatureBlock(IntEnum):
    """The blocks of an embedded row, in order; a row without an embedding has plain features only."""

    VALUES = 0
    PLAIN = 1
    POSITIONS = 2
    FINE_POSITIONS = 3
    CODES = 4
    FOLD = 5
    NAMES = 6
    WORDS = 7


class EmbeddingSizes(NamedTuple):
    """The sizes of the embedding's input."""

    numbers: int  # columns with a value and a position
    coarse: int  # the largest number of coarse bins of a column
    intervals: int  # the largest number of fine bins of a column
    plain: int  # features that bypass the embedding
    categories: int  # columns with a code
    levels: int  # rows of the table of vectors, which codes index
    names: int = 0  # columns with an entry of target statistics
    texts: int = 0  # columns with entries of words
    entries: int = 0  # rows of the table of target statistics

    def inputs(self, size: int, classes: int = 2) -> int:
        """Return the number of inputs of the first layer if vectors have this size."""
        statistics = (self.names + 2 * self.texts) * target_statistics_count(classes)
        return (self.numbers + self.categories) * size + self.plain + statistics


def target_statistics_count(classes: int) -> int:
    """Return how many statistics an entry has: log-odds of classes, and how often it occurs.

    Of two classes one number says all. Of many, the log-odds are projected.

    >>> target_statistics_count(2), target_statistics_count(7), target_statistics_count(1000)
    (2, 8, 33)
    """
    return (1 if classes <= 2 else min(classes, MAX_LOG_ODDS)) + 1


class _Feature(NamedTuple):
    """One feature: its block, its source column, its role, its name."""

    block: FeatureBlock
    column: int
    role: str
    name: str


@dataclass(frozen=True)
class Layout:
    """The indices of every column's features.

    `groups[i]` is the source column of feature i. Feature `values[k]` is the standardised value of
    the k-th numeric column. `indicators` are the missing indicators of the numeric columns
    `indicated`. `waves` are the first sine and cosine features of the numeric columns `dated`.
    `categories[k]` is the first feature of the k-th category. `embedded` are the numeric columns
    with positions; these features begin at `positions`. `codes[k]` is the table row of the k-th
    category's code 0, or -1 if the category is one-hot encoded.
    """

    names: tuple[str, ...]
    groups: np.ndarray
    values: np.ndarray
    indicators: np.ndarray
    indicated: np.ndarray
    waves: np.ndarray
    dated: np.ndarray
    categories: np.ndarray
    embedded: np.ndarray
    positions: int
    codes: np.ndarray
    sizes: EmbeddingSizes
    fold: int | None  # the feature with the fold
    entries: np.ndarray  # the first feature of each vocabulary
    partners: np.ndarray  # the last source column of each vocabulary: of pairs the second one

    def inputs(self, size: int, classes: int = 2) -> np.ndarray:
        """Return the source columns of every output of an embedding with vectors of this size, (outputs, 2).

        Both are the same but for the statistics of pairs. The order is: vectors of numbers, vectors of categories, plain features, statistics of
        names, statistics of words.
        """
        sizes = self.sizes
        coded = self.groups[self.positions + 2 * sizes.numbers :][: sizes.categories]
        vectors = np.repeat(np.r_[self.groups[: sizes.numbers], coded], size)
        plain = self.groups[sizes.numbers : sizes.numbers + sizes.plain]
        looked_up = self.groups[self.entries]
        each = target_statistics_count(classes)
        repeats = np.repeat([each, 2 * each], [sizes.names, sizes.texts])
        first, last = (np.repeat(columns, repeats) for columns in (looked_up, self.partners))
        return np.stack([np.r_[vectors, plain, first], np.r_[vectors, plain, last]], axis=1)


def layout(
    schema: Schema,
    bins: tuple[Bins, Bins] | None = None,
    vocabularies: Sequence[Vocabulary] = (),
) -> Layout:
    """Return the layout of the features of a schema.

    Without bins, features are in the order of the columns; with bins (coarse and fine ones, of the
    numeric columns; a column without an embedding has none), in the blocks of an embedded row.
    What vocabularies (of names, then of words) look up is behind them.
    """
    columns = schema.columns
    numeric = [j for j, column in enumerate(columns) if column.is_numeric]
    texts = [j for j, column in enumerate(columns) if not column.is_numeric]
    counts = np.zeros(len(numeric), np.int64) if bins is None else bins[1].counts
    coded = np.array([bins is not None and len(_levels(columns[j])) > 2 for j in texts], bool)
    embedded = {numeric[k] for k in np.flatnonzero(counts)} | {
        texts[k] for k in np.flatnonzero(coded)
    }
    features = [f for j, column in enumerate(columns) for f in _features(column, j, j in embedded)]
    features += _looked_up(schema, vocabularies)
    features.sort(key=lambda feature: feature.block)
    rows = coded * np.array([len(columns[j].categories) + 2 for j in texts], np.int64)
    size = np.bincount([feature.block for feature in features], minlength=len(FeatureBlock))
    return Layout(
        names=tuple(feature.name for feature in features),
        groups=np.array([feature.column for feature in features], np.intp),
        values=_firsts(features, "value"),
        indicators=_firsts(features, "indicator"),
        indicated=np.flatnonzero([columns[j].has_missing for j in numeric]),
        waves=_firsts(features, "wave"),
        dated=np.flatnonzero([bool(columns[j].cycles) for j in numeric]),
        categories=_firsts(features, "level"),
        embedded=np.flatnonzero(counts),
        positions=int(size[FeatureBlock.VALUES] + size[FeatureBlock.PLAIN]),
        codes=np.where(coded, np.cumsum(rows) - rows, -1),
        sizes=EmbeddingSizes(
            numbers=int(size[FeatureBlock.VALUES]),
            coarse=0 if bins is None else bins[0].intervals,
            intervals=0 if bins is None else bins[1].intervals,
            plain=int(size[FeatureBlock.PLAIN]),
            categories=int(size[FeatureBlock.CODES]),
            levels=int(rows.sum()),
            names=sum(not vocabulary.words for vocabulary in vocabularies),
            texts=sum(vocabulary.words > 0 for vocabulary in vocabularies),
            entries=int(entry_counts(vocabularies).sum()),
        ),
        fold=int(size[: FeatureBlock.FOLD].sum()) if vocabularies else None,
        entries=_starts(size, vocabularies),
        partners=np.array([schema.names.index(v.columns[-1]) for v in vocabularies], np.intp),
    )


def feature_names(column: Column) -> list[str]:
    """Return the names of the features of a column.

    >>> from epochal.tables.schema import Column
    >>> feature_names(Column("age", "number", has_missing=True))
    ['age', 'age is missing']
    >>> feature_names(Column("job", "category", ("clerk", "cook"), has_missing=True))
    ['job=clerk', 'job=cook', 'job=(missing)']
    >>> feature_names(Column("sex", "category", ("f", "m")))
    ['sex=m']
    """
    name = column.name
    if column.is_numeric:
        indicator = [f"{name} is missing"] if column.has_missing else []
        cycles = [f"{name} {wave} of {c}" for c in column.cycles for wave in ("sine", "cosine")]
        return [name, *indicator, *cycles]
    levels = [f"{name}={level}" for level in _levels(column)]
    if len(levels) > 2:
        return levels
    return levels[-1:] or [name]


def category_table(column: Column) -> np.ndarray:
    """Return the features for every code that `categories.codes` returns, shape (codes, features).

    The last two codes mean missing and unknown. Their features are all 0 if the training rows have
    no missing values, or no further categories.

    >>> from epochal.tables.schema import Column
    >>> print(category_table(Column("job", "category", ("clerk", "cook"), other=True)))
    [[1. 0. 0.]
     [0. 1. 0.]
     [0. 0. 0.]
     [0. 0. 1.]]
    """
    count = len(column.categories)
    level_of = [*range(count)]
    level_of += [count] if column.has_missing else []
    level_of += [count + 1] if column.other else []
    if len(level_of) > 2:
        return np.eye(count + 2, dtype=np.float32)[:, level_of]
    table = np.zeros((count + 2, 1), dtype=np.float32)
    if len(level_of) == 2:
        table[level_of, 0] = -1.0, 1.0
    return table


def _features(column: Column, number: int, embedded: bool) -> list[_Feature]:  # noqa: FBT001
    """Return the features of a column."""
    names = feature_names(column)
    if not column.is_numeric:
        if embedded:
            return [_Feature(FeatureBlock.CODES, number, "level", column.name)]
        return [_Feature(FeatureBlock.PLAIN, number, "level", name) for name in names]
    waves = 2 * len(column.cycles)
    roles = ["value", *["indicator"] * column.has_missing, *["wave"] * waves]
    features = [
        _Feature(FeatureBlock.PLAIN, number, *pair) for pair in zip(roles, names, strict=True)
    ]
    if not embedded:
        return features
    value = features[0]._replace(block=FeatureBlock.VALUES)
    coarse = _Feature(FeatureBlock.POSITIONS, number, "position", f"{column.name} among its bins")
    fine = _Feature(
        FeatureBlock.FINE_POSITIONS, number, "position", f"{column.name} among its fine bins"
    )
    return [value, *features[1:], coarse, fine]


def _looked_up(schema: Schema, vocabularies: Sequence[Vocabulary]) -> list[_Feature]:
    """Return the features of vocabularies, behind the fold."""
    if not vocabularies:
        return []
    names, features = schema.names, [_Feature(FeatureBlock.FOLD, 0, "fold", "fold")]
    for vocabulary in vocabularies:
        block = FeatureBlock.WORDS if vocabulary.words else FeatureBlock.NAMES
        kind, column = block.name.lower(), " and ".join(vocabulary.columns)
        for number in range(vocabulary.width):
            text = f"{column} among its {kind}" + (f", {number + 1}" if number else "")
            features.append(_Feature(block, names.index(vocabulary.columns[0]), "entry", text))
    return features


def _starts(size: np.ndarray, vocabularies: Sequence[Vocabulary]) -> np.ndarray:
    """Return the first feature of each vocabulary."""
    widths = [vocabulary.width for vocabulary in vocabularies]
    first = int(size[: FeatureBlock.NAMES].sum())
    return first + np.cumsum([0, *widths], dtype=np.intp)[: len(widths)]


def _firsts(features: list[_Feature], role: str) -> np.ndarray:
    """Return, for every column with features in a role, the index of the first of them."""
    first: dict[int, int] = {}
    for index, feature in enumerate(features):
        if feature.role == role:
            first.setdefault(feature.column, index)
    return np.array([first[column] for column in sorted(first)], np.intp)


def _levels(column: Column) -> list[str]:
    """Return the levels of a category: its categories, then missing, then all others."""
    missing = ["(missing)"] if column.has_missing else []
    other = ["(other)"] if column.other else []
    return [*column.categories, *missing, *other]
