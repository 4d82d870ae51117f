"""Column profiles and data warnings: what a table holds, and what looks wrong, before training."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.preprocessing.value_range import ValueRange
from epochal.profiling.duplicates import RowHashes, kinds_of
from epochal.profiling.names import Reading
from epochal.tables.canonical import canonical_texts
from epochal.tables.categories import is_missing, unique
from epochal.tables.numeric import decoded, number_of_text
from epochal.tables.read_as import BY_VALUES

if TYPE_CHECKING:
    from epochal.tables.read_as import ReadAs
    from epochal.tables.rows import Rows
    from epochal.tables.schema import Kind

# A column in which one value has at least this share is nearly constant.
NEARLY_CONSTANT = 0.995
# A column with at least this share of unique values is no category, and may be an id.
NEARLY_UNIQUE = 0.95
# A column is a leak if its error is below this share of the error of the most frequent class.
LEAK_ERROR = 0.02
LONGEST_ID = 40  # characters: a longer text is no id
TEXTS_WITH_SPACES = 0.3  # of an id: if more of the values have several words, they are texts
BINS, MAX_SAMPLE, FEWEST = 256, 50_000, 50
MAX_COLUMNS = 2000  # arrays with more columns are not profiled


@dataclass(frozen=True)
class ColumnProfile:
    """One column: its kind, the share of missing values, the number of unique values, and a summary.

    `reading`: how a column of categories is read; None for other columns, and without values.
    """

    name: str
    kind: Kind
    missing: float
    distinct: int
    values: str
    reading: Reading | None = None


@dataclass(frozen=True)
class DataWarning:
    """Something that looks wrong: the column (None: the rows), what it is, and a hint."""

    column: str | None
    sentence: str
    hint: str


@dataclass(frozen=True)
class Profile:
    """The profile of a table: its size, its columns, and warnings."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    data_warnings: tuple[DataWarning, ...]


def profile(
    rows: Rows, labels: np.ndarray, share: float = 1.0, read_as: ReadAs = BY_VALUES
) -> Profile:
    """Return the profile of a table or of a two-dimensional array.

    Args:
        rows: the inputs; of images and sparse matrices the profile has only the number of rows.
        labels: class numbers, shape (rows,).
        share: the rows are a random sample, this share of all rows.
        read_as: the columns that the user reads as names or as texts.

    >>> table = pa.table({"id": [f"a{k}" for k in range(60)], "one": [1] * 60})
    >>> for data_warning in profile(table, np.arange(60) % 2).data_warnings:
    ...     print(data_warning.column, data_warning.sentence)
    id has a unique value in nearly every row: an id?
    one is 1 in every row
    """
    table = _as_table(rows)
    if table is None:
        return Profile(len(labels), (), ())
    kinds = kinds_of(table)
    columns: list[ColumnProfile] = []
    data_warnings: list[DataWarning] = []
    seen: dict[bytes, str] = {}
    for name, kind in kinds.items():
        values = _Values(table.column(name), kind, share, has_words=read_as.has_words(name))
        columns.append(values.profile(name))
        data_warnings += values.data_warnings(name, labels, seen)
    return Profile(len(labels), tuple(columns), tuple(data_warnings))


class _Values:
    """The unique values of a column, and the code of every row's value.

    A random sample of the `share` s of all rows has the share s² of all pairs of equal values: if d
    of all rows repeat a value, about s d of those in the sample do.
    """

    def __init__(
        self, column: pa.ChunkedArray, kind: Kind, share: float, *, has_words: bool | None
    ) -> None:
        self.kind, self.share, self.has_words = kind, share, has_words
        self.nearly_unique = 1 - (1 - NEARLY_UNIQUE) * share
        self.in_sample = "" if share == 1 else " of the sample"
        self.values: list[Any]
        self.times: pa.Array | None = None
        if kind == "category":
            self.values, self.codes = unique(column)
        else:
            encoded = pc.dictionary_encode(decoded(column)).unify_dictionaries().combine_chunks()
            self.values = _ordered(encoded.dictionary)
            if pa.types.is_temporal(encoded.type.value_type):
                self.times = encoded.dictionary
            self.codes = pc.fill_null(encoded.indices.cast(pa.int64()), len(self.values)).to_numpy()
        self.counts = np.bincount(self.codes, minlength=len(self.values) + 1)
        # The last count is that of missing values; NaN is missing, too.
        self.is_present = np.array([not is_missing(value) for value in self.values] + [False])

    @property
    def number(self) -> int:
        """The number of unique values."""
        return int(np.count_nonzero(self.is_present & (self.counts > 0)))

    def profile(self, name: str) -> ColumnProfile:
        """Return the profile of the column."""
        rows = max(len(self.codes), 1)
        missing = float(self.counts[~self.is_present].sum() / rows)
        present = np.flatnonzero(self.is_present).tolist()
        if not present:
            summary = ""
        elif self.kind in {"category", "boolean"}:
            order = np.argsort(-self.counts * self.is_present, kind="stable")[: min(3, self.number)]
            summary = ", ".join(f"{self.values[k]} {self.counts[k] / rows:.0%}" for k in order)
        else:
            extremes = (end(present, key=lambda k: self.values[k]) for end in (min, max))
            low, high = map(self.spelled, extremes)
            summary = f"{low} to {high}" if low != high else low
        return ColumnProfile(name, self.kind, missing, self.number, summary, self._reading())

    def _reading(self) -> Reading | None:
        """Return how a column of categories is read; None for other columns, and without values."""
        present = np.flatnonzero(self.is_present & (self.counts > 0))
        if self.kind != "category" or not len(present):
            return None
        texts = pa.array([self.values[k] for k in present], pa.string())
        return Reading.of(texts, self.counts[present], has_words=self.has_words)

    def spelled(self, index: int) -> str:
        """Return one of the unique values as text."""
        if self.times is None:
            return _spelled(self.values[index])
        text = str(canonical_texts(self.times[index : index + 1])[0].as_py())
        return f"{text} s" if pa.types.is_duration(self.times.type) else text

    def data_warnings(
        self, name: str, labels: np.ndarray, seen: dict[bytes, str]
    ) -> list[DataWarning]:
        """Return the warnings; `seen` maps the content of earlier columns to their names."""
        drop = f"leave it out with {typed('--drop', name)}"
        uninformative = self._uninformative(name, drop)
        if uninformative is not None:
            return [uninformative]
        rows, present = len(self.codes), int(self.counts[self.is_present].sum())
        most_frequent = int(np.argmax(self.counts * self.is_present))
        result = []
        numbers = self._mixed_numbers(present)
        if numbers:
            result.append(
                DataWarning(name, numbers, "leave other cells empty to make it a column of numbers")
            )
        # Columns of unique values are equal only if the values are; others, if their codes are.
        repeats = self.number < NEARLY_UNIQUE * present
        key = _renumbered(self.codes).tobytes() if repeats else repr(self.values).encode()
        if key in seen:
            return [DataWarning(name, f"holds the same information as {seen[key]!r}", drop)]
        seen.setdefault(key, name)
        if self.counts[most_frequent] >= NEARLY_CONSTANT * rows:
            share = f"{self.counts[most_frequent] / rows:.1%}"
            result.append(
                DataWarning(name, f"is {self.spelled(most_frequent)} in {share} of the rows", "")
            )
        if self._is_id(present):
            result.append(DataWarning(name, "has a unique value in nearly every row: an id?", drop))
        elif is_leak(self._bins(), labels):
            hint = f"is it known before the class is? If not, {drop}"
            result.append(DataWarning(name, "alone predicts the class of nearly every row", hint))
        elif self._is_free_text(present):
            result.append(
                DataWarning(
                    name,
                    f"has {self.number:,} different values: free text?",
                    "its words are not used, as it is read as names"
                    if self.has_words is False
                    else "its words are used if they are informative about the class",
                )
            )
        return result

    def _uninformative(self, name: str, drop: str) -> DataWarning | None:
        """Return the warning for an empty, infinite or constant column, else None."""
        rows, present = len(self.codes), int(self.counts[self.is_present].sum())
        if not present:
            return DataWarning(name, f"has no value in any row{self.in_sample}", drop)
        n_infinite = self._count_infinite()
        if n_infinite:
            count_text = f"{n_infinite:,} {'row' if n_infinite == 1 else 'rows'}"
            hint = "training refuses infinity: leave such cells empty"
            return DataWarning(name, f"is infinite in {count_text}{self.in_sample}", hint)
        most_frequent = int(np.argmax(self.counts * self.is_present))
        where = f"in every row{self.in_sample}"
        if self.counts[most_frequent] == rows:
            return DataWarning(name, f"is {self.spelled(most_frequent)} {where}", drop)
        if present == rows and self._is_rounding():
            return DataWarning(
                name, f"is {self.values[most_frequent]:.6g} {where}, up to rounding", drop
            )
        return None

    def _count_infinite(self) -> int:
        """Return the number of rows with an infinite value."""
        if self.kind != "number":
            return 0
        flags = [isinstance(value, float) and math.isinf(value) for value in self.values]
        return int(self.counts[:-1][np.array(flags, bool)].sum())

    def _is_rounding(self) -> bool:
        """Whether the values are fractions that differ by rounding errors only."""
        values = [self.values[k] for k in np.flatnonzero(self.is_present)]
        if self.kind != "number" or not all(isinstance(value, float) for value in values):
            return False
        return bool(ValueRange.of(np.array(values)[:, None]).constant[0])

    def _mixed_numbers(self, present: int) -> str:
        """Return the warning's sentence if most values are numbers and some are not, else ""."""
        if self.kind != "category":
            return ""
        is_text = np.array([not is_number_text(text) for text in self.values] + [False])
        texts = int(self.counts[is_text & self.is_present].sum())
        if not 0 < texts < 0.5 * present:
            return ""
        first = self.values[int(np.argmax(self.counts * is_text))]
        return f"holds numbers, but {first!r} or other texts in {texts / present:.1%} of the rows"

    def _is_id(self, present: int) -> bool:
        """Whether nearly every row has a unique short text, or a unique integer without large gaps."""
        if present < FEWEST or self.number < self.nearly_unique * present or self.has_words:
            return False
        if self.kind == "category":
            texts = [text for text in self.values if text]
            spaces = sum(" " in text.strip() for text in texts)
            return max(map(len, texts)) <= LONGEST_ID and spaces <= TEXTS_WITH_SPACES * len(texts)
        numbers = [self.values[k] for k in np.flatnonzero(self.is_present)]
        is_integer = self.kind == "number" and self.times is None
        if not is_integer or not all(isinstance(value, int) for value in numbers):
            return False
        return bool(max(numbers) - min(numbers) < 2 * present / self.share)

    def _is_free_text(self, present: int) -> bool:
        """Whether nearly every row has a unique text."""
        are_many = NEARLY_UNIQUE * present > FEWEST
        return self.kind == "category" and are_many and self.number > self.nearly_unique * present

    def _bins(self) -> np.ndarray:
        """Return a bin number for every row: that of its value, or of a quantile bin."""
        # At least 20 rows per bin, so that half of them can predict the other half.
        bins = min(max(len(self.codes) // 20, 8), BINS)
        if self.kind == "category" or len(self.values) <= bins:
            return self.codes
        order = sorted(np.flatnonzero(self.is_present), key=lambda k: self.values[k])
        rank = np.full(len(self.is_present), bins)
        before = np.cumsum(self.counts[order]) - self.counts[order]
        rank[order] = before * bins // max(int(self.counts[order].sum()), 1)
        return rank[self.codes]


def is_leak(bins: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the majority class of each bin, from half of the rows, predicts the other half.

    The error must be below 2 % of that of the most frequent class.

    >>> labels = np.arange(400) // 2 % 2
    >>> is_leak(labels + 5, labels), is_leak(np.arange(400) % 7, labels)
    (True, False)
    """
    step = max(len(labels) // MAX_SAMPLE, 1)
    bins, labels = bins[::step], labels[::step]
    if len(labels) < FEWEST:
        return False
    classes = int(labels.max()) + 1
    random = np.random.default_rng(0).random(len(labels)) < 0.5
    _, bins = np.unique(bins, return_inverse=True)
    pairs, counts = np.unique(bins[random] * classes + labels[random], return_counts=True)
    most_frequent = np.bincount(labels[random], minlength=classes).argmax()
    predicted = np.full(int(bins.max()) + 1, most_frequent)
    order = np.argsort(counts, kind="stable")
    # Assigned in the order of their counts, so that the most frequent class is the last.
    predicted[pairs[order] // classes] = pairs[order] % classes
    error = np.mean(predicted[bins[~random]] != labels[~random])
    baseline_error = np.mean(labels[~random] != most_frequent)
    return bool(error < LEAK_ERROR * baseline_error)


def duplicate_warnings(hashes: RowHashes) -> list[DataWarning]:
    """Return a warning if rows repeat: how many do, and how many of them with another class.

    >>> hashes = RowHashes()
    >>> hashes.add(np.array([7, 7, 8], np.uint64), np.array([0, 1, 0]))
    >>> print(duplicate_warnings(hashes)[0].sentence)
    1 row repeats the inputs of another, 1 of them with another class
    """
    rows, contradicting, estimated = hashes.duplicates()
    if not rows:
        return []
    verb = "row repeats" if rows == 1 else "rows repeat"
    sentence = f"{'about ' if estimated else ''}{rows:,} {verb} the inputs of another"
    if contradicting:
        sentence += f", {contradicting:,} of them with another class"
    return [
        DataWarning(
            None, sentence, "duplicates in two parts of a split inflate a score: see --group"
        )
    ]


def _ordered(values: pa.Array) -> list[Any]:
    """Return values as Python objects that can be compared; times are integers.

    Python's dates end with the year 9999.

    >>> _ordered(pa.array([2**40, None], pa.timestamp("s", "Asia/Tokyo")))
    [1099511627776, None]
    """
    if pa.types.is_temporal(values.type):
        values = values.cast(pa.int32() if values.type.bit_width == 32 else pa.int64())
    python: list[Any] = values.to_pylist()
    return python


def typed(option: str, name: str) -> str:
    """Return a command-line option with a column's name, quoted for a shell.

    >>> print(typed("--drop", "my column"), typed("--drop", "-x"), typed("--drop", "a,b"))
    --drop 'my column' --drop=-x --drop '"a,b"'
    """
    if "," in name or name.startswith('"') or name != name.strip() or not name:
        # The option takes a list, which is parsed as a CSV record.
        name = '"' + name.replace('"', '""') + '"'
    return f"{option}{'=' if name.startswith('-') else ' '}{shlex.quote(name)}"


def _as_table(rows: Rows) -> pa.Table | None:
    """Return a table, or a two-dimensional array as one; None for rows that are not profiled."""
    if isinstance(rows, pa.Table):
        return rows
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1] > MAX_COLUMNS:
        return None
    columns = {f"x{k}": pa.array(column, from_pandas=True) for k, column in enumerate(rows.T)}
    return pa.table(columns)


def _renumbered(codes: np.ndarray) -> np.ndarray:
    """Return codes renumbered in order of first appearance.

    >>> print(_renumbered(np.array([7, 7, 3, 7, 5])))
    [0 0 1 0 2]
    """
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    numbers = np.empty(len(first), np.int64)
    numbers[np.argsort(first)] = np.arange(len(first))
    placed: np.ndarray = numbers[inverse]
    return placed


def is_number_text(text: object) -> bool:
    """Whether a text spells a finite number.

    >>> [is_number_text(text) for text in ("-1.5e3", "1,000", "unknown", "nan")]
    [True, True, False, False]
    """
    try:
        return math.isfinite(number_of_text(str(text)))
    except ValueError:
        return False


def _spelled(value: object) -> str:
    """Return a value as text: floats with six digits.

    >>> _spelled(0.1234567), _spelled(3), _spelled(12.0)
    ('0.123457', '3', '12')
    """
    return f"{value:.6g}" if isinstance(value, float) else str(value)
