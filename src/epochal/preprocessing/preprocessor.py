"""Preprocessing: standardised, encoded rows for a network, from statistics of training rows.

Per feature, with mean μ and variance σ of the training rows:

    x̂ = (x - μ) / √(σ + ε σ)     and, with a clip c,     x̂ / √(1 + (x̂ / c)²)

where x is the square root of the value in the columns `roots`. A missing value becomes the mean,
x̂ = 0. A feature that is constant, up to rounding, is 0 everywhere. The arithmetic is float64, the
result float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from epochal import threads
from epochal.config.csv_options import PLAIN
from epochal.preprocessing.bins import Bins, bin_counts
from epochal.preprocessing.byte_scaling import Scaling, are_bytes
from epochal.preprocessing.feature_layout import EmbeddingSizes, Layout, category_table, layout
from epochal.preprocessing.packing import Packing
from epochal.preprocessing.sqrt import checked_roots, signed_root
from epochal.preprocessing.statistics import statistics
from epochal.preprocessing.unseen_categories import UnseenCounts
from epochal.preprocessing.validation import block, matched, refuse_infinity
from epochal.preprocessing.vocabulary import Vocabulary, checked_vocabularies, first_entries
from epochal.tables.categories import as_names, codes
from epochal.tables.dates import waves
from epochal.tables.numeric import Place
from epochal.tables.rows import head_of, len_of, span, spans, with_capacity
from epochal.tables.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochal.config.csv_options import CsvOptions
    from epochal.preprocessing.statistics import Target
    from epochal.tables.rows import Rows
    from epochal.tables.streaming import Streamed

# Larger values are cut to this before the soft clip, as their squares may overflow float64.
_FAR = 1e150
# The difference of a value and a larger mean may overflow float64.
_ENORMOUS = 2.0**960
# With more threads, memory bandwidth is the limit.
_THREADS = 8
# The names of the arrays of bin edges: coarse and fine.
BINS = ("bins", "fine_bins")
# The keys of `Preprocessor.to_dict`.
KEYS = (
    "schema",
    "variance_epsilon",
    "relative_epsilon",
    "clip",
    "bins",
    "roots",
    "vocabularies",
)
# The fold of rows whose labels are in no target statistics.
NEW_ROWS = 255


@dataclass(frozen=True, eq=False)
class Preprocessor:
    """Rows → features, by statistics of the training rows only.

    `mean` and `scale` are those of the numeric columns (numbers, booleans, dates), in order; scale
    0 marks a constant. The scale is √(variance + variance_epsilon · variance), or
    √(variance + variance_epsilon) if `relative_epsilon` is False, as in older formats. `bins` are
    the coarse and the fine bins of the same columns, for an embedding; None for plain features.
    `roots` are the numeric columns with a square-root transform: all statistics are of the roots.
    `vocabularies` are those of columns with target statistics: of names, then of words.
    """

    schema: Schema
    mean: np.ndarray
    scale: np.ndarray
    variance_epsilon: float
    clip: float | None
    bins: tuple[Bins, Bins] | None = None
    roots: tuple[int, ...] = ()
    relative_epsilon: bool = True
    vocabularies: tuple[Vocabulary, ...] = ()

    @classmethod
    def fit(  # noqa: PLR0913  (the rows with their weights, and every setting of statistics)
        cls,
        rows: Rows | Streamed,
        weight: np.ndarray | None = None,
        present: np.ndarray | None = None,
        *,
        variance_epsilon: float,
        clip: float | None,
        max_categories: int,
        n_bins: tuple[int, int] | None = None,
        sqrt_transform: bool = False,
        target: Target | None = None,
        csv: CsvOptions = PLAIN,
    ) -> Preprocessor:
        """Return the preprocessor fitted to rows.

        `weight` has one number per row: a row of weight 2 counts twice, one of weight 0 is ignored.
        Only the rows in the mask `present`, bool (rows,), are used. With `n_bins`, the numbers of
        coarse and of fine bins, rows are encoded for an embedding. With `sqrt_transform`, columns of
        numbers that are never negative are replaced by their square roots. With a
        `target`, columns with more than `max_categories` names have vocabularies. `csv` has the
        options with which later CSV files are read.
        """
        schema, moments, constant, bins, roots, vocabularies = statistics(
            rows,
            weight,
            present,
            max_categories=max_categories,
            n_bins=n_bins,
            sqrt_transform=sqrt_transform,
            target=target,
        )
        scale = np.where(constant, 0.0, moments.scale(variance_epsilon))
        arguments = schema.read_as(csv), moments.mean, scale, float(variance_epsilon), clip
        return cls(*arguments, bins, roots, vocabularies=vocabularies)

    @property
    def n_features(self) -> int:
        """The number of features of an encoded row."""
        return len(self._layout.names)

    @property
    def feature_names(self) -> list[str]:
        """The names of the features, such as `age`, `age is missing` and `job=clerk`."""
        return list(self._layout.names)

    @property
    def sizes(self) -> EmbeddingSizes:
        """The sizes of the input of an embedding of these features."""
        return self._layout.sizes

    @property
    def packing(self) -> Packing:
        """How encoded rows can be packed."""
        widths = [self._tables[c.name].shape[1] for c in self.schema.columns if not c.is_numeric]
        positions = self._layout
        blocks = zip(positions.categories, widths, positions.codes, strict=True)
        categories = tuple(
            (int(first), width) for first, width, code in blocks if code < 0 and width > 1
        )
        return Packing(self.n_features, categories)

    @cached_property
    def scaling(self) -> Scaling | None:
        """The scaling of rows of bytes, if every byte is one feature and all are transformed alike."""
        columns = len(self._layout.values)
        if columns != self.n_features or len(self.roots) not in {0, columns}:
            return None
        return Scaling.of(self.mean, self.scale, self.clip, roots=bool(self.roots))

    def dtype_for(self, rows: Rows | Streamed) -> type[np.generic]:
        """Return the type of `compact` rows: uint8 for bytes that `scaling` can transform, else float32."""
        head = head_of(rows)
        stays_bytes = isinstance(head, np.ndarray) and are_bytes(head) and self.scaling is not None
        return np.uint8 if stays_bytes else np.float32

    def input_groups(self, embedding_size: int, classes: int = 2) -> np.ndarray:
        """Return the numbers of the source columns of every input of the first layer, (inputs, 2).

        Without an embedding (size 0), the inputs are the features.
        """
        return self._layout.inputs(embedding_size, classes)

    @property
    def fold(self) -> int | None:
        """The feature with the fold of a row's target statistics; None without vocabularies."""
        return self._layout.fold

    @property
    def entries(self) -> np.ndarray:
        """The features with entries of target statistics, (features,)."""
        return np.arange(self.n_features if self.fold is None else self.fold + 1, self.n_features)

    @cached_property
    def _layout(self) -> Layout:
        """The layout of the features."""
        return layout(self.schema, self.bins, self.vocabularies)

    def encode(self, rows: Rows, *, first_row: int = 0) -> np.ndarray:
        """Return rows as float32 features, shape (rows, n_features), in C order.

        A missing value becomes the mean if no training row lacks one. An unknown category becomes
        zeros, or the level of other categories if there is one. `first_row` is the number of the
        first row in messages, for a table that is read in parts.
        """
        return self.encode_new(rows, first_row=first_row)[0]

    def encode_new(self, rows: Rows, *, first_row: int = 0) -> tuple[np.ndarray, UnseenCounts]:
        """Return rows as `encode` does, and counts of the unknown categories in them."""
        rows = matched(rows, self.schema)
        features = with_capacity(len_of(rows), self.n_features)

        def write(rows_slice: slice) -> UnseenCounts:
            """Write the features of the rows of a span."""
            part = span(rows, rows_slice.start, rows_slice.stop)
            return self._encode_part(part, features[rows_slice], first_row + rows_slice.start)

        parts = list(spans(rows))
        if len(parts) < 2 or threads.number() < 2:
            return features, reduce(UnseenCounts.merge, map(write, parts), UnseenCounts())
        with threads.pool(_THREADS) as executor:
            return features, reduce(UnseenCounts.merge, executor.map(write, parts), UnseenCounts())

    def compact(self, rows: Rows, *, first_row: int = 0) -> np.ndarray:
        """Return rows as `encode` does, or as bytes (rows, n_features) if `dtype_for` says so."""
        if self.dtype_for(rows) != np.uint8:
            return self.encode(rows, first_row=first_row)
        features = with_capacity(len_of(rows), self.n_features, np.uint8)
        features[:] = matched(rows, self.schema).reshape(features.shape)
        return features

    def _encode_part(self, part: Rows, features: np.ndarray, first_row: int) -> UnseenCounts:
        """Write the features of a piece of matched rows; return counts of the unknown categories."""
        values, missing = block(part, self.schema, first_row)
        self._encode_dates(values, features)
        self._take_roots(values)
        self._encode_positions(values, features)
        self._standardise(values)
        if missing is not None:
            values[missing] = 0.0
        limit = np.finfo(np.float32).max
        if not self.clip and values.size and max(values.max(), -values.min()) > limit:
            original, _ = block(part, self.schema, first_row)
            reason = " or a value too large for dtype('float32')"
            refuse_infinity(np.abs(values) > limit, original, self.schema, first_row, reason)
        positions = self._layout
        if len(positions.values) == self.n_features:
            features[...] = values
        else:
            features[:, positions.values] = values
            flags = 0.0 if missing is None else missing[:, positions.indicated]
            features[:, positions.indicators] = flags
        if isinstance(part, pa.Table):
            return self._encode_categories(part, features, first_row)
        return UnseenCounts(len_of(part))

    def _take_roots(self, values: np.ndarray) -> None:
        """Replace the values of the columns `roots` by their square roots."""
        if self.roots:
            columns = slice(None) if len(self.roots) == values.shape[1] else list(self.roots)
            values[:, columns] = signed_root(values[:, columns])

    def _standardise(self, values: np.ndarray) -> None:
        """Standardise float64 values in place; NaN stays NaN."""
        constant = self.scale == 0
        mean, scale = self.mean, np.where(constant, 1.0, self.scale)
        with np.errstate(over="ignore", invalid="ignore"):
            if (np.abs(mean) > _ENORMOUS).any():
                # The difference from such a mean may overflow float64.
                values *= 0.5
                mean, scale = 0.5 * mean, 0.5 * scale
            values -= mean
            values /= scale
        if constant.any():
            values[:, constant] = 0.0
        if self.clip:
            np.clip(values, -_FAR, _FAR, out=values)
            divisor = values * (1 / self.clip)
            np.square(divisor, out=divisor)
            divisor += 1.0
            np.sqrt(divisor, out=divisor)
            values /= divisor

    def _encode_categories(
        self, part: pa.Table, features: np.ndarray, first_row: int
    ) -> UnseenCounts:
        """Write the features of the categories of a table; return counts of the unknown ones."""
        positions, unseen = self._layout, UnseenCounts(part.num_rows)
        columns = [column for column in self.schema.columns if not column.is_numeric]
        for start, row, column in zip(positions.categories, positions.codes, columns, strict=True):
            values = as_names(part.column(column.name), Place(column.name, first_row))
            column_codes = codes(values, self._category_names[column.name])
            unseen = unseen.with_column(column.name, column_codes.unseen, column_codes.example)
            if row >= 0:
                features[:, start] = row + column_codes.numbers
            else:
                table = self._tables[column.name]
                features[:, start : start + table.shape[1]] = table[column_codes.numbers]
        self._encode_entries(part, features)
        return unseen

    def _encode_entries(self, part: pa.Table, features: np.ndarray) -> None:
        """Write the entries of target statistics of a table, and the fold of new rows."""
        positions = self._layout
        if positions.fold is not None:
            features[:, positions.fold] = NEW_ROWS
        first = first_entries(self.vocabularies)
        for start, entry, vocabulary in zip(
            positions.entries, first, self.vocabularies, strict=True
        ):
            found = vocabulary.look_up(part)
            # Entry 0 is that of no word.
            features[:, start : start + vocabulary.width] = np.where(found < 0, 0, entry + found)

    def _encode_positions(self, values: np.ndarray, features: np.ndarray) -> None:
        """Write the positions of numeric values among their bins, before they are standardised.

        A missing value has the position of the mean.
        """
        if self.bins is None or not self.sizes.numbers:
            return
        embedded_values = values[:, self._layout.embedded]
        embedded_values = np.where(
            np.isnan(embedded_values), self.mean[self._layout.embedded], embedded_values
        )
        first, width = self._layout.positions, self.sizes.numbers
        for bins in self._embedded_bins:
            bins.positions(embedded_values, features[:, first : first + width])
            first += width

    @cached_property
    def _embedded_bins(self) -> list[Bins]:
        """The coarse and the fine bins of the columns with bins."""
        return [Bins.of([c for c in bins.columns if len(c)]) for bins in self.bins or ()]

    @cached_property
    def _category_names(self) -> dict[str, pa.Array]:
        """The names of every category column, as `codes` looks them up."""
        columns = [column for column in self.schema.columns if not column.is_numeric]
        return {c.name: pa.array(c.categories, pa.large_string()) for c in columns}

    @cached_property
    def _tables(self) -> dict[str, np.ndarray]:
        """The features for every code of every category."""
        return {c.name: category_table(c) for c in self.schema.columns if not c.is_numeric}

    def _encode_dates(self, values: np.ndarray, features: np.ndarray) -> None:
        """Write sine and cosine of the cycles of dates, from values that are not standardised yet."""
        numeric = [column for column in self.schema.columns if column.is_numeric]
        for index, first in zip(self._layout.dated, self._layout.waves, strict=True):
            for number, cycle in enumerate(numeric[index].cycles):
                pair = slice(first + 2 * number, first + 2 * number + 2)
                features[:, pair] = waves(values[:, index], cycle)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the arrays as JSON-ready values."""
        bins = self.bins and [[int(count) for count in part.counts] for part in self.bins]
        return {
            "schema": self.schema.to_dict(),
            "variance_epsilon": self.variance_epsilon,
            "relative_epsilon": self.relative_epsilon,
            "clip": self.clip,
            "bins": bins,
            "roots": list(self.roots),
            "vocabularies": [vocabulary.to_dict() for vocabulary in self.vocabularies],
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays, float64, by name."""
        bins = zip(BINS, self.bins or (), strict=False)
        bin_arrays = {name: part.values for name, part in bins}
        return {"mean": self.mean, "scale": self.scale} | bin_arrays

    @classmethod
    def from_dict(cls, values: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Preprocessor:
        """Return the preprocessor that `to_dict` and `arrays` describe; ValueError for anything else."""
        if not isinstance(values, dict) or set(values) != set(KEYS):
            raise ValueError(f"the preprocessing has other keys than {', '.join(KEYS)}")
        schema = Schema.from_dict(values["schema"])
        variance_epsilon, clip, counts = values["variance_epsilon"], values["clip"], values["bins"]
        relative = values["relative_epsilon"]
        _check_numbers(variance_epsilon, relative, clip)
        columns = sum(column.is_numeric for column in schema.columns)
        roots = checked_roots(values["roots"], columns)
        vocabularies = checked_vocabularies(values["vocabularies"], schema)
        expected = {"mean": columns, "scale": columns}
        if counts is not None:
            numbers = bin_counts(counts, columns)
            expected |= {name: sum(part) for name, part in zip(BINS, numbers, strict=True)}
        if set(arrays) != set(expected):
            raise ValueError(
                f"the preprocessing has the arrays {sorted(arrays)}, not {[*expected]}"
            )
        for name, count in expected.items():
            array = arrays[name]
            if array.dtype != np.float64 or array.shape != (count,) or not np.isfinite(array).all():
                raise ValueError(f"{name!r} is not {count} finite float64 numbers")
        if (arrays["scale"] < 0).any():
            raise ValueError("'scale' has a negative number")
        arguments = schema, arrays["mean"], arrays["scale"], variance_epsilon, clip
        if counts is None:
            return cls(*arguments, None, roots, relative, vocabularies)
        coarse, fine = (Bins.from_counts(arrays[n], c) for n, c in zip(BINS, counts, strict=True))
        return cls(*arguments, (coarse, fine), roots, relative, vocabularies)

    def __eq__(self, other: object) -> bool:
        """Whether the other encodes every row to the same bits."""
        if not isinstance(other, Preprocessor):
            return NotImplemented
        own_arrays, other_arrays = self.arrays(), other.arrays()
        same_arrays = all(
            own_arrays[name].tobytes() == other_arrays[name].tobytes() for name in own_arrays
        )
        return self.to_dict() == other.to_dict() and same_arrays

    def __hash__(self) -> int:
        """Return a hash that agrees with equality."""
        return hash((self.schema, self.mean.tobytes(), self.scale.tobytes()))


def _check_numbers(variance_epsilon: Any, relative: Any, clip: Any) -> None:
    """Refuse an invalid ε or clip with a ValueError."""
    if not _is_number(variance_epsilon) or variance_epsilon < 0:
        raise ValueError(
            f"variance_epsilon is {variance_epsilon!r}, expected a number of at least 0"
        )
    if not isinstance(relative, bool):
        raise ValueError(f"relative_epsilon is {relative!r}, expected true or false")  # noqa: TRY004
    if clip is not None and (not _is_number(clip) or clip <= 0):
        raise ValueError(f"clip is {clip!r}, expected null or a positive number")


def _is_number(value: object) -> bool:
    """Whether a value is a finite int or float; booleans are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
