"""What shared statistics give where a column has more names than statistics. `python benchmarks/rare_names.py`.

Made data: each name has a logit of its own, normal with standard deviation 1.5, and four numbers have
another. Names are equally frequent, or by Zipf's law. Shown is the log-loss on 100,000 new rows after
three epochs of the preset `fast`, and the least that is possible.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from sklearn.metrics import log_loss

import machine
import pages
from epochal import EpochalClassifier
from epochal.loader import target_tables
from epochal.preprocessing.name_candidates import Names
from epochal.tables import categories

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from epochal.preprocessing.vocabulary import Vocabulary

TESTED = 100_000
VARIANTS = ("64 vectors only", "the most frequent", "and shared ones", "one for each name")


class Made(NamedTuple):
    """Rows to train on, and new ones behind them, with labels and the least log-loss on the new ones."""

    table: pa.Table
    labels: np.ndarray
    least: float


def made(names: int, rows: int, *, zipf: bool) -> Made:
    """Return rows with so many names, and `TESTED` more."""
    random = np.random.default_rng(0)
    count = rows + TESTED
    share = 1.0 / np.arange(1, names + 1) if zipf else np.ones(names)
    which = np.searchsorted(np.cumsum(share) / share.sum(), random.random(count))
    which = np.minimum(which, names - 1)
    x = random.standard_normal((count, 4))
    logit = 1.5 * random.standard_normal(names)[which] + x[:, 0] - 0.5 * x[:, 1] * x[:, 2]
    labels = (random.random(count) < 1 / (1 + np.exp(-logit))).astype(int)
    columns = {f"x{number}": column for number, column in enumerate(x.T)}
    table = pa.table({**columns, "name": [f"n{number}" for number in which]})
    p = 1 / (1 + np.exp(-logit[rows:]))
    return Made(table, labels, float(log_loss(labels[rows:], p)))


@contextmanager
def limited(variant: str) -> Iterator[None]:
    """Let vocabularies be as a variant has them."""
    original = Names.vocabulary

    def frequent(names: Names, most: int) -> Vocabulary:
        """Return a vocabulary without buckets: with as many names as there is room for."""
        # Half of the entries are for names.
        found = original(names._replace(rare=categories.Rare(1.0, np.inf)), 2 * most)
        return found._replace(buckets=0)

    with ExitStack() as stack:
        if variant == "the most frequent":
            stack.enter_context(patch.object(Names, "vocabulary", frequent))
        if variant == "one for each name":
            stack.enter_context(patch.object(target_tables, "MAX_TABLE_SIZE", 2**24))
            stack.enter_context(patch.object(categories, "MOST_UNIQUE", 2**23))
        yield


def losses(data: Made) -> list[float]:
    """Return the log-loss of each variant."""
    rows, found = len(data.labels) - TESTED, []
    for variant in VARIANTS:
        model = EpochalClassifier(
            preset="fast", max_iter=3, random_state=0, target_encoding=variant != VARIANTS[0]
        )
        with limited(variant), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(data.table[:rows], data.labels[:rows])
        p = model.predict_proba(data.table[rows:])
        found.append(float(log_loss(data.labels[rows:], p)))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table of log-losses; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--names", type=int, default=300_000)
    parser.add_argument("--rows", type=int, default=1_500_000)
    arguments = parser.parse_args(argv)
    lines = []
    for zipf in (False, True):
        data = made(arguments.names, arguments.rows, zipf=zipf)
        law = "by Zipf's law" if zipf else "equally frequent"
        figures = [*losses(data), data.least]
        lines.append((law, *(f"{loss:.4f}" for loss in figures)))
        print(*lines[-1], file=sys.stderr, flush=True)
    print(machine.line(), pages.table(("names", *VARIANTS, "least"), lines), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
