"""Selection of the names, words and pairs of names that are informative about the class.

They are tested on a sample of the training rows. The input x of a name is its log-odds of the class,
from the labels of other folds. A logistic regression on what is already selected gives the
probability p of each class. With the residual r = y - p, and with x made orthogonal to the inputs of
the regression under the weights p (1 - p), the score test of Rao asks whether x would improve it:

    (Σ r x)² / Σ p (1 - p) x²

is χ² distributed with one degree of freedom if it would not. It counts only if x and r are positively
correlated: without information they are negatively correlated, as a class that is frequent in one fold
of a name is rare in the others. The best candidate is selected, and the others are tested again beside
it, until none passes.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from epochal.preprocessing.log_odds import log_odds
from epochal.preprocessing.name_candidates import Names
from epochal.preprocessing.vocabulary import joined, words_of
from epochal.tables.canonical import canonical_texts
from epochal.tables.categories import unique, unique_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

Key = TypeVar("Key")

# Parts of the training rows whose labels are left out in turn. With 4 a row's statistics have three
# quarters of the labels; 8 or 16 were no better.
TARGET_FOLDS = 4

# Columns that are tested together, those with most names, and tested classes, the largest.
MAX_COLUMNS, MAX_CLASSES = 16, 4
# The score that names or words of one column need, in the mean over the classes. By chance one of
# 600 has it.
MIN_SCORE = 10.0
# Pairs that are selected at most, and the score that each needs: there are many more of them. By
# chance one of 10^8 has it.
MAX_PAIRS, MIN_PAIR_SCORE = 12, 33.0
# Pairs are tested on so many rows of the sample, or up to twice as many.
PAIR_ROWS = 20_000
# With fewer rows for each name in the sample, and twice as many in all rows, the sample cannot tell.
MIN_ROWS_PER_NAME = 1.3
# An input with less than this share of its variance beside the others says what they say. Without this
# rule it would pass for what the ridge leaves of it.
TOLERANCE = 0.01
# Steps of Newton's method, and the L2 penalty that keeps them finite, for each row.
STEPS, RIDGE = 6, 1e-3


class Sample(NamedTuple):
    """Rows on which candidates are tested."""

    table: pa.Table
    labels: np.ndarray  # (rows,) class numbers
    weight: np.ndarray  # (rows,)
    folds: np.ndarray  # (rows,) whose labels are left out together
    scale: float = 1.0  # how many rows there are for each row of the sample
    ordered: bool = False  # whether folds follow each other in time

    def every(self, step: int) -> Sample:
        """Return the sample with every n-th of its rows, which stand for n times as many."""
        table = self.table.take(np.arange(0, len(self.labels), step)) if step > 1 else self.table
        labels, weight, folds = (p[::step] for p in (self.labels, self.weight, self.folds))
        return Sample(table, labels, weight, folds, self.scale * step, self.ordered)


def selected_names(
    sample: Sample, columns: Sequence[str], candidates: Sequence[Names], classes: int
) -> list[Names]:
    """Return the candidates that are informative about the class, and pairs of columns that are more so.

    Args:
        sample: the rows.
        columns: all categorical columns. Those without a candidate have few categories, from which a
            network learns without statistics, also in pairs: they are only in the base of the tests.
        candidates: names and words of columns with many categories.
        classes: how many there are.

    >>> import pyarrow as pa
    >>> random = np.random.default_rng(0)
    >>> a, b, c = random.integers(20, size=(3, 4000))
    >>> table = pa.table({"a": a.astype(str), "b": b.astype(str), "c": c.astype(str)})
    >>> sample = Sample(table, (a * 7 + b) % 2, np.ones(4000), np.arange(4000) % 4)
    >>> names = Names(("a",), 0, pa.array(["1", "2"]), np.array([210.0, 190.0]))
    >>> [names.columns for names in selected_names(sample, ["a", "b", "c"], [names], classes=2)]
    [('a', 'b')]
    """
    many = {candidate.columns[0] for candidate in candidates}
    tests = _Tests.of(sample, classes)
    numbers = {name: unique(sample.table.column(name))[1] for name in columns}
    # Not by the largest number, since a dictionary may have names that do not occur.
    columns = sorted(columns, key=lambda name: -int(np.count_nonzero(np.bincount(numbers[name]))))
    columns = columns[:MAX_COLUMNS]
    single = {name: tests.log_odds(numbers[name]) for name in columns}
    base = [odds for name, odds in single.items() if name not in many]

    def odds_of(names: Names) -> np.ndarray:
        """Return the log-odds of a candidate."""
        (column,) = names.columns
        if names.words:
            return tests.word_log_odds(column, names.words)
        return single[column] if column in single else tests.log_odds(numbers[column])

    odds = {number: odds_of(names) for number, names in enumerate(candidates)}
    # What cannot be tested is selected, and the others must be informative beside it.
    selected = {
        number
        for number, names in enumerate(candidates)
        if _cannot_be_tested(names, numbers[names.columns[0]])
    }
    base += [odds.pop(number) for number in sorted(selected)]
    selected.update(tests.forward(base, odds, MIN_SCORE))
    chosen = [names for number, names in enumerate(candidates) if number in selected]
    step = max(len(sample.labels) // PAIR_ROWS, 1)
    some = {name: numbers[name][::step] for name in columns}
    pairs = _selected_pairs(sample.every(step), some, many, classes)
    return [*chosen, *(_names(sample, pair) for pair in pairs)]


def _selected_pairs(
    sample: Sample, numbers: dict[str, np.ndarray], many: set[str], classes: int
) -> list[tuple[str, str]]:
    """Return the pairs of columns that are more informative than both columns.

    Args:
        sample: the rows.
        numbers: of each column the number of every row's name.
        many: the columns with many names; each pair has at least one of them.
        classes: how many there are.
    """
    tests = _Tests.of(sample, classes)
    single = [tests.log_odds(of_column) for of_column in numbers.values()]
    pairs = {
        pair: tests.log_odds(_pair_numbers(numbers[pair[0]], numbers[pair[1]]))
        for pair in combinations(numbers, 2)
        if not many.isdisjoint(pair)
    }
    return tests.forward(single, pairs, MIN_PAIR_SCORE, MAX_PAIRS)


def _cannot_be_tested(names: Names, numbers: np.ndarray) -> bool:
    """Return whether names have too few rows in the sample, but not among all rows; words never do.

    Args:
        names: the candidate.
        numbers: of the sample's rows, the numbers of their whole values.
    """
    if names.words:
        return False
    in_sample = len(numbers) / max(len(np.unique(numbers)), 1)
    in_all = float(names.weights.sum()) / max(len(names.weights), 1)
    return in_sample < MIN_ROWS_PER_NAME and in_all > 2 * in_sample


def _pair_numbers(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the number of every row's pair of numbers."""
    pairs = first.astype(np.int64) * (int(second.max(initial=0)) + 1) + second
    return np.unique(pairs, return_inverse=True)[1]


def _names(sample: Sample, pair: tuple[str, str]) -> Names:
    """Return the pairs of names of two columns, and the weight of each among all rows.

    Of a sample they are those that occur twice in it: others may be absent.
    """
    values, indices = unique_values(joined([sample.table.column(name) for name in pair]))
    sums = np.bincount(indices, sample.weight, minlength=len(values) + 1)[: len(values)]
    max_absent_weight = 0.0 if sample.scale <= 1 else 1.0
    often = np.flatnonzero(sums > max_absent_weight)
    texts = canonical_texts(values).take(often)
    return Names(pair, 0, texts, sample.scale * sums[often], sample.scale * max_absent_weight)


class _Tests(NamedTuple):
    """The sample, and the tested classes; log-odds are of these, (rows, tested classes)."""

    sample: Sample
    shares: np.ndarray  # (classes,)
    tested_classes: np.ndarray

    @classmethod
    def of(cls, sample: Sample, classes: int) -> _Tests:
        """Return the tests on a sample."""
        sizes = np.bincount(sample.labels, sample.weight, minlength=classes) + 0.5
        largest = np.argsort(-sizes, kind="stable")[: 1 if classes == 2 else MAX_CLASSES]
        return cls(sample, sizes / sizes.sum(), largest)

    def log_odds(self, numbers: np.ndarray) -> np.ndarray:
        """Return the log-odds of every row's name, without the labels of its fold."""
        return self._log_odds(numbers, np.arange(len(numbers)))

    def word_log_odds(self, column: str, words: int) -> np.ndarray:
        """Return the mean log-odds of every row's words, or of pairs of them, without the labels of its fold."""
        values, indices = unique_values(self.sample.table.column(column))
        names, parents = words_of(canonical_texts(values), words)
        numbers = names.dictionary_encode().indices.to_numpy()
        counts = np.bincount(parents, minlength=len(values) + 1)[indices]
        first = np.searchsorted(parents, indices)
        rows = np.repeat(np.arange(len(indices)), counts)
        place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        found = self._log_odds(numbers[first[rows] + place], rows)
        sums = np.zeros((len(indices), found.shape[1]))
        np.add.at(sums, rows, found)
        return sums / np.maximum(counts, 1)[:, None]

    def _log_odds(self, numbers: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the log-odds of each number, which belongs to this row, without the labels of its fold."""
        labels, folds = self.sample.labels[rows], self.sample.folds[rows].astype(np.intp)
        classes = len(self.shares)
        shape = int(folds.max(initial=0)) + 1, int(numbers.max(initial=0)) + 1, classes
        cells = np.ravel_multi_index((folds, numbers, labels), shape)
        counts = np.bincount(cells, self.sample.weight[rows], minlength=int(np.prod(shape)))
        counts = counts.reshape(shape)
        # In time order these are the labels of earlier folds.
        total = np.cumsum(counts, axis=0) if self.sample.ordered else counts.sum(axis=0)
        return log_odds((total - counts)[folds, numbers], self.shares)[:, self.tested_classes]

    def forward(
        self,
        base: Sequence[np.ndarray],
        candidates: dict[Key, np.ndarray],
        least: float,
        most: int | None = None,
    ) -> list[Key]:
        """Return the keys of candidates that pass, each the best beside those before it.

        Args:
            base: log-odds that are there from the beginning.
            candidates: log-odds by key.
            least: the score to pass.
            most: how many may pass; None: all.
        """
        chosen: list[Key] = []
        rows = len(self.sample.labels)
        inputs = np.stack(base, axis=1) if base else np.empty((rows, 0, len(self.tested_classes)))
        left = dict(candidates)
        while left and (most is None or len(chosen) < most):
            residuals = [
                _Residual.of(inputs[:, :, k], self.sample.labels == c, self.sample.weight)
                for k, c in enumerate(self.tested_classes)
            ]
            scores = {
                key: float(np.mean([r.score(x[:, k]) for k, r in enumerate(residuals)]))
                for key, x in left.items()
            }
            best = max(scores, key=lambda key: scores[key])
            if scores[best] <= least:
                break
            chosen.append(best)
            inputs = np.concatenate([inputs, left.pop(best)[:, None]], axis=1)
        return chosen


class _Residual(NamedTuple):
    """The residual of a logistic regression of one class on the inputs."""

    inputs: np.ndarray  # (rows, inputs + 1), the last one 1
    residual: np.ndarray  # (rows,) weighted
    curvature: np.ndarray  # (rows,) weighted p (1 - p)
    inverse: np.ndarray  # of Σ p (1 - p) x xᵀ, with a ridge
    pseudoinverse: np.ndarray  # without it

    @classmethod
    def of(cls, x: np.ndarray, is_class: np.ndarray, weight: np.ndarray) -> _Residual:
        """Return the residual of a class, by Newton's method."""
        inputs = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        ridge = RIDGE * len(x) * np.eye(inputs.shape[1])
        slope = np.zeros(inputs.shape[1])
        for _ in range(STEPS):
            residual, curvature = _left(inputs, slope, is_class, weight)
            hessian = (inputs * curvature[:, None]).T @ inputs + ridge
            slope += np.linalg.solve(hessian, inputs.T @ residual - ridge @ slope)
        residual, curvature = _left(inputs, slope, is_class, weight)
        hessian = (inputs * curvature[:, None]).T @ inputs
        inverses = np.linalg.inv(hessian + ridge), np.linalg.pinv(hessian, hermitian=True)
        return cls(inputs, residual, curvature, *inverses)

    def score(self, x: np.ndarray) -> float:
        """Return the statistic of the score test for one more input."""
        products = self.inputs.T @ (self.curvature * x)
        variance = float(self.curvature @ x**2)
        # What the inputs do not explain of x.
        if variance - products @ (self.pseudoinverse @ products) <= TOLERANCE * variance:
            return 0.0
        orthogonal = x - self.inputs @ (self.inverse @ products)
        slope, spread = float(self.residual @ orthogonal), float(self.curvature @ orthogonal**2)
        return slope**2 / spread if slope > 0 and spread > 0 else 0.0


def _left(
    inputs: np.ndarray, slope: np.ndarray, is_class: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted residuals of a regression, and the weighted curvature of its loss."""
    p = 0.5 * (np.tanh(0.5 * (inputs @ slope)) + 1.0)
    return weight * (is_class - p), weight * np.maximum(p * (1.0 - p), 1e-9)
