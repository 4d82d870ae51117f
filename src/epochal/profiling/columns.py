"""What a table holds, before anything is learned from it, and what in it looks wrong."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from epochal.preprocessing.magnitude import Magnitude
from epochal.profiling.duplicates import Seen, kinds_of
from epochal.tables.canonical import canonical_texts
from epochal.tables.categories import is_missing, unique
from epochal.tables.numeric import decoded, number_of_text

if TYPE_CHECKING:
    from epochal.tables.rows import Rows
    from epochal.tables.schema import Kind

# A column of which one value has this share or more says little.
NEARLY_ALL = 0.995
# A column with so large a part of different values is no category, and may be an id.
NEARLY_DIFFERENT = 0.95
# A column that leaves only so much of the error there would be without it gives the class away.
GIVEAWAY = 0.02
LONGEST_ID = 40  # characters: a longer text is none
BINS, LOOKED_AT, FEWEST = 256, 50_000, 50
WIDEST = 2000  # columns of an array that are looked at one by one


@dataclass(frozen=True)
class ColumnProfile:
    """One column: its kind, the share of rows that lack it, how many values, and which."""

    name: str
    kind: Kind
    missing: float
    distinct: int
    values: str


@dataclass(frozen=True)
class DataWarning:
    """Something that looks wrong: the column (None: the rows), what was found, and advice."""

    column: str | None
    sentence: str
    hint: str


@dataclass(frozen=True)
class Profile:
    """What was found."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    data_warnings: tuple[DataWarning, ...]


def profile(rows: Rows, labels: np.ndarray, share: float = 1.0) -> Profile:
    """Return what a table or a two-dimensional array holds.

    Args:
        rows: the inputs; of images and sparse matrices nothing but their number is told.
        labels: class numbers, shape (rows,).
        share: the rows are a random sample, this share of all rows.

    >>> table = pa.table({"id": [f"a{k}" for k in range(60)], "one": [1] * 60})
    >>> for data_warning in profile(table, np.arange(60) % 2).data_warnings:
    ...     print(data_warning.column, data_warning.sentence)
    id is different in nearly every row: an id?
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
        values = _Values(table.column(name), kind, share)
        columns.append(values.found(name))
        data_warnings += values.data_warnings(name, labels, seen)
    return Profile(len(labels), tuple(columns), tuple(data_warnings))


class _Values:
    """The values of a column, each different one once, and which of them each row has.

    In a random sample of the `share` s of all rows, s² of all pairs of equal values are there: if d of
    all rows repeat a value, about s d of those in the sample do.
    """

    def __init__(self, column: pa.ChunkedArray, kind: Kind, share: float) -> None:
        self.kind, self.share = kind, share
        self.nearly_different = 1 - (1 - NEARLY_DIFFERENT) * share
        self.looked_at = "" if share == 1 else " that was looked at"
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
        # The last is that of rows without a value; NaN is none either.
        self.there = np.array([not is_missing(value) for value in self.values] + [False])

    @property
    def number(self) -> int:
        """How many different values there are."""
        return int(np.count_nonzero(self.there & (self.counts > 0)))

    def found(self, name: str) -> ColumnProfile:
        """Return what a person wants to know first."""
        rows = max(len(self.codes), 1)
        missing = float(self.counts[~self.there].sum() / rows)
        present = np.flatnonzero(self.there).tolist()
        if not present:
            shown = ""
        elif self.kind in {"category", "boolean"}:
            order = np.argsort(-self.counts * self.there, kind="stable")[: min(3, self.number)]
            shown = ", ".join(f"{self.values[k]} {self.counts[k] / rows:.0%}" for k in order)
        else:
            ends = (end(present, key=lambda k: self.values[k]) for end in (min, max))
            low, high = map(self.spelled, ends)
            shown = f"{low} to {high}" if low != high else low
        return ColumnProfile(name, self.kind, missing, self.number, shown)

    def spelled(self, index: int) -> str:
        """Return one of the different values as one would write it."""
        if self.times is None:
            return _spelled(self.values[index])
        text = str(canonical_texts(self.times[index : index + 1])[0].as_py())
        return f"{text} s" if pa.types.is_duration(self.times.type) else text

    def data_warnings(
        self, name: str, labels: np.ndarray, seen: dict[bytes, str]
    ) -> list[DataWarning]:
        """Return what looks wrong; `seen` are the columns before, by what they say of rows."""
        drop = f"leave it out with {typed('--drop', name)}"
        useless = self._useless(name, drop)
        if useless is not None:
            return [useless]
        rows, present = len(self.codes), int(self.counts[self.there].sum())
        most = int(np.argmax(self.counts * self.there))
        told = []
        numbers = self._numbers_among_texts(present)
        if numbers:
            told.append(
                DataWarning(name, numbers, "leave the others empty, and it is a column of numbers")
            )
        # What is different everywhere says the same as any other such column.
        alike = self.number < NEARLY_DIFFERENT * present
        key = _numbered_by_place(self.codes).tobytes() if alike else repr(self.values).encode()
        if key in seen:
            return [DataWarning(name, f"says the same as {seen[key]!r}", drop)]
        seen.setdefault(key, name)
        if self.counts[most] >= NEARLY_ALL * rows:
            share = f"{self.counts[most] / rows:.1%}"
            told.append(DataWarning(name, f"is {self.spelled(most)} in {share} of the rows", ""))
        if self._is_id(present):
            told.append(DataWarning(name, "is different in nearly every row: an id?", drop))
        elif gives_away(self._bins(), labels):
            hint = f"will it be known of new rows? If not, {drop}"
            told.append(DataWarning(name, "alone tells the class of nearly every row", hint))
        elif self._is_free_text(present):
            told.append(
                DataWarning(name, f"has {self.number:,} different values: free text?", drop)
            )
        return told

    def _useless(self, name: str, drop: str) -> DataWarning | None:
        """Return why nothing can be learned from the column, or None: it is empty, infinite or constant."""
        rows, present = len(self.codes), int(self.counts[self.there].sum())
        if not present:
            return DataWarning(name, f"has no value in any row{self.looked_at}", drop)
        infinite = self._infinite()
        if infinite:
            rows_of = f"{infinite:,} {'row' if infinite == 1 else 'rows'}"
            hint = "training refuses infinity: leave such cells empty"
            return DataWarning(name, f"is infinite in {rows_of}{self.looked_at}", hint)
        most = int(np.argmax(self.counts * self.there))
        where = f"in every row{self.looked_at}"
        if self.counts[most] == rows:
            return DataWarning(name, f"is {self.spelled(most)} {where}", drop)
        if present == rows and self._is_rounding():
            return DataWarning(name, f"is {self.values[most]:.6g} {where}, up to rounding", drop)
        return None

    def _infinite(self) -> int:
        """Return how many rows have an infinite number."""
        if self.kind != "number":
            return 0
        flags = [isinstance(value, float) and math.isinf(value) for value in self.values]
        return int(self.counts[:-1][np.array(flags, bool)].sum())

    def _is_rounding(self) -> bool:
        """Whether the values are fractions that differ by the rounding of a computation only."""
        values = [self.values[k] for k in np.flatnonzero(self.there)]
        if self.kind != "number" or not all(isinstance(value, float) for value in values):
            return False
        return bool(Magnitude.of(np.array(values)[:, None]).constant[0])

    def _numbers_among_texts(self, present: int) -> str:
        """Return what is found if most of the values are numbers and some are not."""
        if self.kind != "category":
            return ""
        is_text = np.array([not spells_a_number(text) for text in self.values] + [False])
        texts = int(self.counts[is_text & self.there].sum())
        if not 0 < texts < 0.5 * present:
            return ""
        first = self.values[int(np.argmax(self.counts * is_text))]
        return f"holds numbers, but {first!r} or other texts in {texts / present:.1%} of the rows"

    def _is_id(self, present: int) -> bool:
        """Whether nearly every row has a value of its own: of numbers, whole ones without large gaps."""
        if present < FEWEST or self.number < self.nearly_different * present:
            return False
        if self.kind == "category":
            return max(len(text) for text in self.values if text) <= LONGEST_ID
        numbers = [self.values[k] for k in np.flatnonzero(self.there)]
        whole = self.kind == "number" and self.times is None
        if not whole or not all(isinstance(value, int) for value in numbers):
            return False
        return bool(max(numbers) - min(numbers) < 2 * present / self.share)

    def _is_free_text(self, present: int) -> bool:
        """Whether nearly every row has a text of its own."""
        enough = NEARLY_DIFFERENT * present > FEWEST
        return self.kind == "category" and enough and self.number > self.nearly_different * present

    def _bins(self) -> np.ndarray:
        """Return a small number for every row: of its value, or of the values near it."""
        # So many rows of each that half of them tell what the other half is.
        bins = min(max(len(self.codes) // 20, 8), BINS)
        if self.kind == "category" or len(self.values) <= bins:
            return self.codes
        order = sorted(np.flatnonzero(self.there), key=lambda k: self.values[k])
        rank = np.full(len(self.there), bins)
        before = np.cumsum(self.counts[order]) - self.counts[order]
        rank[order] = before * bins // max(int(self.counts[order].sum()), 1)
        return rank[self.codes]


def gives_away(bins: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the majority class of a row's bin, counted on half of the rows, tells that of the others.

    Nearly: with less than 2 % of the mistakes that the most frequent class alone makes.

    >>> labels = np.arange(400) // 2 % 2
    >>> gives_away(labels + 5, labels), gives_away(np.arange(400) % 7, labels)
    (True, False)
    """
    step = max(len(labels) // LOOKED_AT, 1)
    bins, labels = bins[::step], labels[::step]
    if len(labels) < FEWEST:
        return False
    classes = int(labels.max()) + 1
    random = np.random.default_rng(0).random(len(labels)) < 0.5
    _, bins = np.unique(bins, return_inverse=True)
    pairs, counts = np.unique(bins[random] * classes + labels[random], return_counts=True)
    most = np.bincount(labels[random], minlength=classes).argmax()
    said = np.full(int(bins.max()) + 1, most)
    order = np.argsort(counts, kind="stable")
    # Written in the order of their counts, so that the most frequent class stays.
    said[pairs[order] // classes] = pairs[order] % classes
    wrong = np.mean(said[bins[~random]] != labels[~random])
    without = np.mean(labels[~random] != most)
    return bool(wrong < GIVEAWAY * without)


def repeated(seen: Seen) -> list[DataWarning]:
    """Return how many rows are there more than once, and how many of them contradict each other.

    >>> seen = Seen()
    >>> seen.add(np.array([7, 7, 8], np.uint64), np.array([0, 1, 0]))
    >>> print(repeated(seen)[0].sentence)
    1 row repeats the inputs of another, 1 of them with another class
    """
    rows, contradicting, estimated = seen.repeats()
    if not rows:
        return []
    verb = "row repeats" if rows == 1 else "rows repeat"
    sentence = f"{'about ' if estimated else ''}{rows:,} {verb} the inputs of another"
    if contradicting:
        sentence += f", {contradicting:,} of them with another class"
    return [
        DataWarning(None, sentence, "copies on both sides of a split flatter a score: see --group")
    ]


def _ordered(values: pa.Array) -> list[Any]:
    """Return values as Python objects that can be compared: times by their ticks.

    Python's own dates end with the year 9999.

    >>> _ordered(pa.array([2**40, None], pa.timestamp("s", "Asia/Tokyo")))
    [1099511627776, None]
    """
    if pa.types.is_temporal(values.type):
        values = values.cast(pa.int32() if values.type.bit_width == 32 else pa.int64())
    python: list[Any] = values.to_pylist()
    return python


def typed(option: str, name: str) -> str:
    """Return an option that takes a list of columns with one name, as they are typed in a shell.

    >>> print(typed("--drop", "my column"), typed("--drop", "-x"), typed("--drop", "a,b"))
    --drop 'my column' --drop=-x --drop '"a,b"'
    """
    if "," in name or name.startswith('"') or name != name.strip() or not name:
        # A list is a record as in a CSV file.
        name = '"' + name.replace('"', '""') + '"'
    return f"{option}{'=' if name.startswith('-') else ' '}{shlex.quote(name)}"


def _as_table(rows: Rows) -> pa.Table | None:
    """Return a table, or a two-dimensional array as one; None for what is not looked at."""
    if isinstance(rows, pa.Table):
        return rows
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1] > WIDEST:
        return None
    columns = {f"x{k}": pa.array(column, from_pandas=True) for k, column in enumerate(rows.T)}
    return pa.table(columns)


def _numbered_by_place(codes: np.ndarray) -> np.ndarray:
    """Return codes numbered in the order in which they first come.

    >>> print(_numbered_by_place(np.array([7, 7, 3, 7, 5])))
    [0 0 1 0 2]
    """
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    numbers = np.empty(len(first), np.int64)
    numbers[np.argsort(first)] = np.arange(len(first))
    placed: np.ndarray = numbers[inverse]
    return placed


def spells_a_number(text: object) -> bool:
    """Whether a text is one that a number is written as.

    >>> [spells_a_number(text) for text in ("-1.5e3", "1,000", "unknown", "nan")]
    [True, True, False, False]
    """
    try:
        return math.isfinite(number_of_text(str(text)))
    except ValueError:
        return False


def _spelled(value: object) -> str:
    """Return a value as one would write it: floats with six digits.

    >>> _spelled(0.1234567), _spelled(3), _spelled(12.0)
    ('0.123457', '3', '12')
    """
    return f"{value:.6g}" if isinstance(value, float) else str(value)
