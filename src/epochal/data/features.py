"""From columns to features: what each column becomes, and what the features are called.

A number, a truth value or a date is one standardised feature, with an
indicator where training rows lacked a value; a date also shows sine and
cosine of its cycles. A category is one feature per level, 1 in the rows of
this level; of two levels, one feature that is -1 and 1; of a single one,
always 0, since nothing can be learned from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from epochal.data.schema import Column, Schema


@dataclass(frozen=True)
class Layout:
    """Where the features of every column stand.

    `starts[j]` is the first feature of column j. Feature `values[k]` is the
    standardised value of the k-th numeric column; `indicators` are the
    features that say that the numeric columns `indicated` lack a value.
    """

    names: tuple[str, ...]
    groups: np.ndarray
    starts: np.ndarray
    values: np.ndarray
    indicators: np.ndarray
    indicated: np.ndarray


def layout(schema: Schema) -> Layout:
    """Return where the features of the columns stand, in the order of the columns."""
    names = [feature_names(column) for column in schema.columns]
    widths = np.array([len(part) for part in names], dtype=np.intp)
    starts = np.cumsum(widths) - widths
    numeric = np.flatnonzero([column.is_numeric for column in schema.columns])
    indicated = np.flatnonzero([schema.columns[j].has_missing for j in numeric])
    return Layout(
        names=tuple(name for part in names for name in part),
        groups=np.repeat(np.arange(len(names)), widths),
        starts=starts,
        values=starts[numeric],
        indicators=starts[numeric[indicated]] + 1,
        indicated=indicated,
    )


def feature_names(column: Column) -> list[str]:
    """Return the names of the features of a column.

    >>> from epochal.data.schema import Column
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

    >>> from epochal.data.schema import Column
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


def _levels(column: Column) -> list[str]:
    """Return the levels of a category: its categories, then missing, then the others."""
    missing = ["(missing)"] if column.has_missing else []
    other = ["(other)"] if column.other else []
    return [*column.categories, *missing, *other]
