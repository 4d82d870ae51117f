"""From columns to features: what each column becomes, and what the features are called.

A number, a truth value or a date is one standardised feature, with an
indicator where training rows lacked a value; a date also shows sine and
cosine of its cycles. A category is one feature per level, 1 in the rows of
this level; of two levels, one feature that is -1 and 1; of a single one,
always 0, since nothing can be learned from it.

For a network that begins with an embedding, a number with knots also has its
position among few of them and among many, and a category of more than two
levels is a single feature, the number of a row in a table of vectors. The
features then stand in blocks: values of the numbers with knots, everything
plain, positions, fine positions, codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from epochal.preprocessing.bins import Bins
    from epochal.tables.schema import Column, Schema


class FeatureBlock(IntEnum):
    """The blocks of an embedded row, in their order; a row that is not embedded is all plain."""

    VALUES = 0
    PLAIN = 1
    POSITIONS = 2
    FINE_POSITIONS = 3
    CODES = 4


class EmbeddingSizes(NamedTuple):
    """What an embedding is made for."""

    numbers: int  # columns with a value and a position
    coarse: int  # intervals between the few knots of a column, at the most
    intervals: int  # between its many
    plain: int  # features that pass as they are
    categories: int  # columns with a code
    levels: int  # rows of the table that codes name

    def inputs(self, size: int) -> int:
        """Return how many inputs the first layer has behind vectors of this size."""
        return (self.numbers + self.categories) * size + self.plain


class _Feature(NamedTuple):
    """One feature: its block, its source column, what it says of it, its name."""

    block: FeatureBlock
    column: int
    says: str
    name: str


@dataclass(frozen=True)
class Layout:
    """Where the features of every column stand.

    `groups[i]` is the source column of feature i. Feature `values[k]` is the
    standardised value of the k-th numeric column; `indicators` are the
    features that say that the numeric columns `indicated` lack a value;
    `waves` are the first of those that show the cycles of the numeric columns
    `dated`. `categories[k]` is the first feature of the k-th category.
    `embedded` are the numeric columns with a position, which stand from
    `positions` on; `codes[k]` is the table row of the k-th category's code 0,
    or -1 if it shows its levels instead.
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

    def inputs(self, size: int) -> np.ndarray:
        """Return the source column of every output of an embedding with vectors of this size.

        First the vectors of the numbers, then those of the categories, then what is plain.
        """
        numbers, plain, categories = self.sizes.numbers, self.sizes.plain, self.sizes.categories
        coded = self.groups[len(self.groups) - categories :]
        vectors = np.repeat(np.r_[self.groups[:numbers], coded], size)
        return np.r_[vectors, self.groups[numbers : numbers + plain]]


def layout(schema: Schema, bins: tuple[Bins, Bins] | None = None) -> Layout:
    """Return where the features of the columns stand.

    In the order of the columns; with knots (few and many, of the numeric
    columns, none for those without an embedding) in the blocks of an embedded row.
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
        ),
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
    """Return the features for every code that `categories.codes` gives, shape (codes, features).

    The last two codes are a missing value and a text that is no category:
    where training rows had none of the kind, all features are 0.

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
    says = ["value", *["indicator"] * column.has_missing, *["wave"] * waves]
    features = [
        _Feature(FeatureBlock.PLAIN, number, *pair) for pair in zip(says, names, strict=True)
    ]
    if not embedded:
        return features
    value = features[0]._replace(block=FeatureBlock.VALUES)
    coarse = _Feature(FeatureBlock.POSITIONS, number, "position", f"{column.name} among its knots")
    fine = _Feature(
        FeatureBlock.FINE_POSITIONS, number, "position", f"{column.name} among its fine knots"
    )
    return [value, *features[1:], coarse, fine]


def _firsts(features: list[_Feature], says: str) -> np.ndarray:
    """Return, for every column with features that say this, the first of them."""
    first: dict[int, int] = {}
    for index, feature in enumerate(features):
        if feature.says == says:
            first.setdefault(feature.column, index)
    return np.array([first[column] for column in sorted(first)], np.intp)


def _levels(column: Column) -> list[str]:
    """Return the levels of a category: its categories, then missing, then the others."""
    missing = ["(missing)"] if column.has_missing else []
    other = ["(other)"] if column.other else []
    return [*column.categories, *missing, *other]
