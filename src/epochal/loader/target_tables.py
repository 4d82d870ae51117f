"""Tables of target statistics: log-odds and frequencies of names and words, for each member.

For an entry that occurs with weight n, with weight n_c among the rows of class c, and with the share
π_c of the class among all rows:

    p_c = (n_c + m π_c) / (n + m),    log(p_c / π_c) for every c,    log(1 + n)

Of two classes the difference of both logarithms is one number. Statistics are standardised over the
rows. There is one table for each inner fold, without the labels of that fold, and a last one with
all labels that the member trains on: so no row's own label is among its inputs. Rows that a member
does not train on are in none of its tables.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.keys import Purpose, generator_for
from epochal.preprocessing.feature_layout import MAX_LOG_ODDS
from epochal.preprocessing.log_odds import log_odds
from epochal.preprocessing.name_selection import TARGET_FOLDS
from epochal.preprocessing.vocabulary import first_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochal.loader.encode import Encoded
    from epochal.preprocessing.preprocessor import Preprocessor
    from epochal.splitting.bagging import Bags

# Numbers in a member's table: entries times statistics.
MAX_TABLE_SIZE = 2**19
# Entries of rows that are counted at a time.
BLOCK = 2**18


def max_entries(statistics: int) -> int:
    """Return how many entries tables may have, with so many statistics of each.

    >>> max_entries(2), max_entries(33)
    (262144, 15887)
    """
    return MAX_TABLE_SIZE // statistics


def target_tables(
    pool: Encoded, bags: Bags, preprocessor: Preprocessor, classes: int, *, ordered: bool
) -> np.ndarray | None:
    """Return the members' tables, float32 (members, TARGET_FOLDS + 1, entries, statistics).

    Args:
        pool: the training rows.
        bags: which of them each member trains on, and how often.
        preprocessor: encoded them; None is returned if it has no vocabularies.
        classes: how many there are.
        ordered: whether inner folds follow each other in time: a row's statistics are then of
            earlier folds only.
    """
    if preprocessor.fold is None:
        return None
    sizes = preprocessor.sizes
    shape = TARGET_FOLDS, sizes.entries, classes
    counts = np.zeros((bags.members, *shape), np.float32)
    # Half a row more of each class: none has the share 0.
    class_weights = np.full((bags.members, classes), 0.5)
    for rows, folds, entries in _blocks(pool, preprocessor):
        first, labels = folds[:, None] * sizes.entries + entries, pool.metadata.labels[rows]
        cells = first * classes + labels[:, None]
        for member in range(bags.members):
            weight = bags.sample_counts(member, rows) * pool.metadata.weight[rows]
            class_weights[member] += np.bincount(labels, weight, minlength=classes)
            each = np.broadcast_to(weight[:, None], cells.shape)
            found = np.bincount(cells.ravel(), each.ravel(), minlength=counts[member].size)
            counts[member] += found.reshape(shape).astype(np.float32)
    of_entries = Entries.of(preprocessor)
    return np.stack(
        [
            _table(counts[member], class_weights[member], of_entries, ordered=ordered)
            for member in range(bags.members)
        ]
    )


def _blocks(
    pool: Encoded, preprocessor: Preprocessor
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the numbers, folds and entries of rows, block by block."""
    most = max(BLOCK // max(len(preprocessor.entries), 1), 1)
    for chunk in pool.source.epoch(None, most):
        x = chunk.x
        yield (
            chunk.numbers,
            x[:, preprocessor.fold].astype(np.intp),
            x[:, preprocessor.entries].astype(np.intp),
        )


class Entries(NamedTuple):
    """What is known of each entry before rows are counted, (entries,).

    Names of the weight `unknown` or less count as names that are not in the vocabulary, whether it has
    them or not: a name that it has because of rows that are left out would tell that there are such
    rows. They have the statistics of the entry in `fallbacks`.
    """

    vocabulary: np.ndarray  # its number, from 1; 0 for the entry of no word
    unknown: np.ndarray  # infinite for the entry of all unknown names
    fallbacks: np.ndarray
    is_bucket: np.ndarray  # whether several names share it

    @classmethod
    def of(cls, preprocessor: Preprocessor) -> Entries:
        """Return the entries of the preprocessor's vocabularies."""
        none = cls(np.array([0]), np.array([np.inf]), np.array([0]), np.array([False]))
        parts = [none]
        found = preprocessor.vocabularies
        for number, (first, each) in enumerate(zip(first_entries(found), found, strict=True), 1):
            others = each.entries - each.first_other
            least = each.max_absent_weight, 0.0 if each.buckets else np.inf
            part = cls(
                vocabulary=np.full(each.entries, number),
                unknown=np.repeat(least, [each.first_other, others]),
                fallbacks=first + each.fallbacks,
                is_bucket=np.repeat([False, each.buckets > 0], [each.first_other, others]),
            )
            parts.append(part)
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    def with_buckets(self, counts: np.ndarray) -> np.ndarray:
        """Return counts, (entries, classes), in which a bucket has those of its unknown names, divided by their number.

        With k names in a bucket, each is expected to have a k-th of its rows. From the share e of empty
        buckets follows k = -ln e / (1 - e), as in linear counting.
        """
        rare = np.flatnonzero((counts.sum(axis=1) <= self.unknown) & ~self.is_bucket)
        moved = rare[self.is_bucket[self.fallbacks[rare]]]
        result = counts.copy()
        np.add.at(result, self.fallbacks[moved], counts[moved])
        for number in np.unique(self.vocabulary[self.is_bucket]):
            of = self.is_bucket & (self.vocabulary == number)
            count = int(np.count_nonzero(of))
            occupied = int(np.count_nonzero(result[of].any(axis=1)))
            if occupied:
                # Of one bucket at least it is not known whether it is empty.
                empty = max(count - occupied, 1) / (count + 1)
                result[of] *= (1.0 - empty) / -math.log(empty)
        result[rare] = 0.0
        result[moved] = result[self.fallbacks[moved]]
        return result


def _table(
    counts: np.ndarray, class_weights: np.ndarray, entries: Entries, *, ordered: bool
) -> np.ndarray:
    """Return a member's table, float32 (folds + 1, entries, statistics), from counts (folds, entries, classes)."""
    total = counts.sum(axis=0, dtype=np.float64)
    # Of times: what was before.
    others = np.cumsum(counts, axis=0) - counts if ordered else total - counts
    shares = class_weights / class_weights.sum()
    used = np.stack([entries.with_buckets(each) for each in (*others, total)])
    table = statistics_of(used, shares)
    # Standardised over the rows that train.
    occurring = counts.sum(axis=2, dtype=np.float64)
    for vocabulary in range(1, int(entries.vocabulary.max()) + 1):
        of = entries.vocabulary == vocabulary
        weight = occurring[:, of, None] / max(occurring[:, of].sum(), 1e-12)
        mean = (weight * table[:-1, of]).sum(axis=(0, 1))
        deviation = np.sqrt((weight * (table[:-1, of] - mean) ** 2).sum(axis=(0, 1)))
        table[:, of] = np.where(
            deviation > 1e-6, (table[:, of] - mean) / np.maximum(deviation, 1e-6), 0.0
        )
    table[:, 0] = 0.0
    return table.astype(np.float32)


def statistics_of(counts: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the statistics of counts by class: (…, classes) becomes (…, statistics).

    >>> statistics_of(np.array([[6.0, 0.0], [0.0, 0.0]]), np.array([0.5, 0.5])).round(3)
    array([[-1.386,  1.946],
           [ 0.   ,  0.   ]])
    """
    found = log_odds(counts, shares)
    if len(shares) == 2:
        found = found[..., 1:] - found[..., :1]
    elif len(shares) > MAX_LOG_ODDS:
        random = generator_for(0, Purpose.TARGET_PROJECTION)
        projection = random.standard_normal((len(shares), MAX_LOG_ODDS))
        found = found @ projection / np.sqrt(MAX_LOG_ODDS)
    return np.concatenate([found, np.log1p(counts.sum(axis=-1, keepdims=True))], axis=-1)
