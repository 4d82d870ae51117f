"""Column statistics of the training rows, in one pass over pieces of them.

The kind of a column follows from its type. Categories, missing values, cycles, moments and the
sample for the bins are accumulated piece by piece, so rows may be in memory or streamed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from epochal.preprocessing.bins import SAMPLE, Bins, quantile_bins
from epochal.preprocessing.moments import Moments
from epochal.preprocessing.name_candidates import name_candidates, vocabularies
from epochal.preprocessing.name_selection import Sample, selected_names
from epochal.preprocessing.sqrt import signed_root
from epochal.preprocessing.validation import block, matched
from epochal.preprocessing.value_range import ValueRange
from epochal.tables.categories import ValueCounts
from epochal.tables.dates import Extent
from epochal.tables.read_as import BY_VALUES, ReadAs
from epochal.tables.rows import blocks, columns_of, head_of, len_of, parallel_map, pieces
from epochal.tables.schema import Column, Schema, kind_of, refuse_repeated

if TYPE_CHECKING:
    from epochal.preprocessing.vocabulary import Vocabulary
    from epochal.tables.rows import Rows
    from epochal.tables.streaming import Streamed


# On so many rows, or a few more, names are tested.
TESTED_ROWS = 100_000


class Target(NamedTuple):
    """What target statistics are made from."""

    labels: np.ndarray  # (rows,) class numbers
    folds: np.ndarray  # (rows,) inner folds
    classes: int
    max_entries: int  # names and words that may have statistics, in all columns together
    ordered: bool = False  # whether folds follow each other in time
    read_as: ReadAs = BY_VALUES  # which columns the user reads as names or as texts


class Statistics(NamedTuple):
    """The schema, and moments and bins (coarse and fine) of the numeric columns.

    In the numeric columns `roots`, moments and bins are those of the square roots. `constant`:
    which numeric columns are constant up to rounding; they have no bins. `vocabularies` are those of
    the columns with more categories than have vectors.
    """

    schema: Schema
    moments: Moments
    constant: np.ndarray
    bins: tuple[Bins, Bins] | None
    roots: tuple[int, ...]
    vocabularies: tuple[Vocabulary, ...] = ()


def statistics(  # noqa: PLR0913  (the rows with their weights, and every setting of statistics)
    rows: Rows | Streamed,
    weight: np.ndarray | None = None,
    present: np.ndarray | None = None,
    *,
    max_categories: int,
    n_bins: tuple[int, int] | None = None,
    sqrt_transform: bool = False,
    target: Target | None = None,
) -> Statistics:
    """Return the statistics of rows.

    Args:
        rows: not encoded.
        weight: of each row, shape (rows,): a row of weight 0 is ignored, one of weight 2 counts
            twice; None: all rows have weight 1.
        present: which rows are used, bool (rows,); None: all.
        max_categories: the largest number of categories of a column that are encoded.
        n_bins: the numbers of coarse and of fine bins; None: no bins.
        sqrt_transform: whether numbers that are never negative are replaced by their roots.
        target: labels of the rows, if names are to have target statistics.

    >>> table = pa.table({"age": [31, 45, None], "job": ["clerk", "cook", "clerk"]})
    >>> for column in statistics(table, max_categories=64).schema.columns:
    ...     print(column.name, column.kind, column.categories, column.has_missing)
    age number () True
    job category ('clerk', 'cook') False
    """
    plain, exact = _by_type(head_of(rows)), _exact_types(head_of(rows))
    weight = np.broadcast_to(1.0, len_of(rows)) if weight is None else weight
    present = np.broadcast_to(np.True_, len_of(rows)) if present is None else present
    n_present = sum(
        np.count_nonzero(weight[part_] * present[part_]) for part_ in blocks(len(weight))
    )
    step = max(-(-n_present * columns_of(rows) // SAMPLE), 1)
    test_step = 0 if target is None else max(n_present // TESTED_ROWS, 1)

    def statistics_of(span: slice, piece: Rows) -> _ColumnStatistics:
        """Return the statistics of a piece; every `step`-th of its rows is in the sample."""
        row_weights = np.asarray(weight[span] * present[span], np.float64)
        sampled = (row_weights > 0) & (np.arange(span.start, span.stop) % step == 0)
        values, missing = block(matched(piece, plain), plain, span.start)
        part = _Rows(piece, values, missing, row_weights, sampled, exact)
        found = _ColumnStatistics.of(part, plain, sqrt_transform=sqrt_transform)
        if not test_step or not isinstance(piece, pa.Table):
            return found
        chosen = np.flatnonzero(
            (row_weights > 0) & (np.arange(span.start, span.stop) % test_step == 0)
        )
        texts = [column.name for column in plain.columns if column.kind == "category"]
        table = piece.select(texts).take(pa.array(chosen))
        return replace(found, tested_rows=((span.start + chosen, table),))

    nothing = _ColumnStatistics.empty(plain, sqrt_transform=sqrt_transform)
    total = reduce(_ColumnStatistics.merge, parallel_map(statistics_of, pieces(rows)), nothing)
    rooted, moments, bins = total.rooted(plain), total.moments, None
    constant = total.value_range.constant
    if rooted.any():
        moments = moments.where(rooted, total.roots[0])
    if n_bins is not None:
        sample, sample_weights = total.sample
        sample[:, rooted] = signed_root(sample[:, rooted])
        # Bins of a constant column would separate values that differ by rounding only.
        sample[:, constant] = np.nan
        bins = quantile_bins(sample, sample_weights, n_bins)
    roots = tuple(np.flatnonzero(rooted).tolist())
    schema = total.schema(plain, max_categories)
    vocabularies = () if target is None else total.vocabularies(schema, target, weight)
    return Statistics(schema, moments, constant, bins, roots, vocabularies)


def _by_type(head: Rows) -> Schema:
    """Return the schema as far as it follows from the types of the columns."""
    if isinstance(head, pa.Table):
        refuse_repeated(head.column_names)
        named = zip(head.column_names, head.schema.types, strict=True)
        columns = [Column(name, kind_of(type_, name)) for name, type_ in named]
        return Schema(tuple(columns), named=True, shape=(len(columns),))
    shape = tuple(int(size) for size in head.shape[1:])
    columns = [Column(f"x{index}", "number") for index in range(columns_of(head))]
    return Schema(tuple(columns), named=False, shape=shape)


def _exact_types(head: Rows) -> np.ndarray:
    """Return which numeric columns have a type without rounding, bool (numeric columns,)."""
    if isinstance(head, pa.Table):
        named = zip(head.column_names, head.schema.types, strict=True)
        types = [type_ for name, type_ in named if kind_of(type_, name) != "category"]
        return np.array([not pa.types.is_floating(type_) for type_ in types], bool)
    return np.full(columns_of(head), head.dtype.kind != "f")


class _Rows(NamedTuple):
    """A piece of rows: not encoded, its numeric columns, and which values are missing in these."""

    rows: Any
    values: np.ndarray
    missing: np.ndarray | None
    weight: np.ndarray
    sampled: np.ndarray
    exact: np.ndarray  # (numeric columns,) whether their type has no rounding


@dataclass(frozen=True)
class _ColumnStatistics:
    """Statistics of some rows: of the numeric columns, of the dates among them, of the categories."""

    rows: int
    missing: np.ndarray  # (numeric columns,) rows without a value
    value_range: ValueRange
    moments: Moments
    extents: tuple[Extent, ...]
    value_counts: dict[str, ValueCounts]
    sampled: tuple[tuple[np.ndarray, np.ndarray], ...] = ()
    roots: tuple[Moments, ...] = ()  # of the square roots, with `sqrt_transform`
    tested_rows: tuple[tuple[np.ndarray, pa.Table], ...] = ()  # numbers and categories of some rows

    @classmethod
    def empty(cls, plain: Schema, *, sqrt_transform: bool) -> _ColumnStatistics:
        """Return the statistics of no rows, the neutral element of `merge`."""
        numeric = [column for column in plain.columns if column.is_numeric]
        extents = tuple(Extent.of(np.empty(0)) for c in numeric if c.kind == "date")
        missing = np.zeros(len(numeric), np.int64)
        value_range, moments = ValueRange.empty(len(numeric)), Moments.empty(len(numeric))
        roots = (moments,) if sqrt_transform else ()
        return cls(0, missing, value_range, moments, extents, {}, roots=roots)

    @classmethod
    def of(cls, piece: _Rows, plain: Schema, *, sqrt_transform: bool) -> _ColumnStatistics:
        """Return the statistics of a piece."""
        rows, values, missing, weight, sampled, exact = piece
        present = weight > 0
        gaps = np.zeros(values.shape[1], np.int64)
        numeric = [column for column in plain.columns if column.is_numeric]
        dates = [index for index, column in enumerate(numeric) if column.kind == "date"]
        categories = [column.name for column in plain.columns if not column.is_numeric]
        value_range = ValueRange.of(values if present.all() else values[present], exact)
        roots = (Moments.of(signed_root(values), weight),) if sqrt_transform else ()
        return cls(
            rows=int(np.count_nonzero(present)),
            missing=gaps if missing is None else missing[present].sum(axis=0),
            value_range=value_range,
            moments=Moments.of(values, weight, value_range.exponent),
            extents=tuple(Extent.of(values[present, index]) for index in dates),
            value_counts={name: ValueCounts.of(rows.column(name), weight) for name in categories},
            sampled=((values[sampled], weight[sampled]),),
            roots=roots,
        )

    def merge(self, other: _ColumnStatistics) -> _ColumnStatistics:
        """Return the statistics of the rows of both."""
        pairs = zip(self.extents, other.extents, strict=True)
        return _ColumnStatistics(
            rows=self.rows + other.rows,
            missing=self.missing + other.missing,
            value_range=self.value_range.merge(other.value_range),
            moments=self.moments.merge(other.moments),
            extents=tuple(first.merge(second) for first, second in pairs),
            value_counts={
                name: self.value_counts[name].merge(counts) if name in self.value_counts else counts
                for name, counts in other.value_counts.items()
            },
            sampled=self.sampled + other.sampled,
            roots=tuple(a.merge(b) for a, b in zip(self.roots, other.roots, strict=True)),
            tested_rows=self.tested_rows + other.tested_rows,
        )

    def rooted(self, plain: Schema) -> np.ndarray:
        """Return which numeric columns are square-root transformed: numbers that are never negative."""
        numbers = [column.kind == "number" for column in plain.columns if column.is_numeric]
        result = np.array(numbers, bool)
        return result & self.value_range.non_negative if self.roots else np.zeros_like(result)

    @property
    def sample(self) -> tuple[np.ndarray, np.ndarray]:
        """An evenly spaced sample of the numeric columns, and the weights of its rows."""
        values = [np.empty((0, len(self.missing))), *(part for part, _ in self.sampled)]
        return np.concatenate(values), np.concatenate([np.empty(0), *(w for _, w in self.sampled)])

    def vocabularies(
        self, schema: Schema, target: Target, weight: np.ndarray
    ) -> tuple[Vocabulary, ...]:
        """Return the vocabularies of columns with more categories than the schema has, and of pairs with these.

        Of columns that the user reads as texts there are those of words, however many categories they have.
        """
        many = [column.name for column in schema.columns if column.other]
        candidates = name_candidates(self.value_counts, many, target.read_as)
        if not candidates:
            return ()
        numbers = np.concatenate([rows for rows, _ in self.tested_rows])
        table = pa.concat_tables([part for _, part in self.tested_rows])
        columns = [column.name for column in schema.columns if column.kind == "category"]
        total = self.rows / max(len(numbers), 1)
        sample = Sample(
            table,
            target.labels[numbers],
            weight[numbers],
            target.folds[numbers],
            total,
            target.ordered,
        )
        found = selected_names(sample, columns, candidates, target.classes)
        return vocabularies(found, target.max_entries)

    def schema(self, plain: Schema, max_categories: int) -> Schema:
        """Return the schema of the rows."""
        gaps = iter((self.missing > 0) & (self.missing < self.rows))
        extents = iter(self.extents)
        columns = []
        for column in plain.columns:
            if column.kind == "category":
                value_counts = self.value_counts.get(column.name)
                described = Column(column.name, "category")
                if value_counts is not None:
                    levels = value_counts.levels(max_categories)._asdict()
                    described = Column(column.name, "category", **levels)
            else:
                cycles = next(extents).varying if column.kind == "date" else ()
                # A new record: `replace` takes several times as long, which shows in wide tables.
                gap = bool(next(gaps))
                described = Column(column.name, column.kind, has_missing=gap, cycles=cycles)
            columns.append(described)
        return replace(plain, columns=tuple(columns))
