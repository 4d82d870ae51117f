"""Are the default's settings more than a fit to these tables? `make bench-leave-tables-out DATA=folder`.

Each setting is changed alone, up and down. On one half of the tables the best of all variants is chosen, by
the log-loss that a fit expects of itself, which no test row enters; on the other half it is judged by test
rows, against the default. Over all ways to halve the tables. How variants are run is said in `studies`.
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import accuracy_report as report
import pages
import studies

DEFAULT = "epochal:default"
CHANGES = (
    "learning_rate_init=0.0015",
    "learning_rate_init=0.006",
    "dropout=0.0",
    "dropout=0.3",
    "l2=0.005",
    "l2=0.1",
    "ema_decay=0.0",
    "ema_decay=0.9",
    "embedding_size=4",
    "hidden_layer_sizes=(256, 256)",
    "activation=silu",
    "sqrt_transform=True",
    "input_dropout=0.1",
)
VARIANTS = (DEFAULT, *(f"{DEFAULT}:{change}" for change in CHANGES))


def relative(rows: list[dict[str, Any]], figure: str) -> pd.DataFrame:
    """Return the logarithm of a figure relative to the default's: tables by variants, over seeds."""
    values = pd.DataFrame(rows).pivot_table(index="dataset", columns="method", values=figure)
    logs = np.log(values.clip(lower=report.LEAST))[list(VARIANTS)]
    return logs.sub(logs[DEFAULT], axis=0)


def halves(expected: pd.DataFrame, validation_loss: pd.DataFrame) -> pd.DataFrame:
    """Return for each way to halve the tables what was chosen, and what it is worth on the others."""
    names = list(expected.index)
    outcomes = []
    for half in combinations(names, len(names) // 2):
        for chosen_on in (list(half), [name for name in names if name not in half]):
            others = [name for name in names if name not in chosen_on]
            choice = str(expected.loc[chosen_on].mean().idxmin())
            outcomes.append((choice, float(validation_loss.loc[others, choice].mean())))
    return pd.DataFrame(outcomes, columns=["choice", "change"])


def summary(rows: list[dict[str, Any]]) -> str:
    """Return the variants over all tables, and what choosing on halves comes to."""
    expected, validation_loss = relative(rows, "expected"), relative(rows, "log_loss")
    outcomes = halves(expected, validation_loss)
    times = outcomes["choice"].value_counts(normalize=True)
    lines = [
        (
            f"`{variant.removeprefix(DEFAULT + ':')}`" if variant != DEFAULT else "the default",
            *(_change(part[variant]) for part in (expected, validation_loss)),
            f"{100 * times.get(variant, 0.0):.0f} %",
        )
        for variant in VARIANTS
    ]
    head = ("changed", "expected log-loss", "log-loss on test rows", "chosen on a half")
    change = 100 * np.expm1(outcomes["change"].mean())
    return (
        f"{pages.table(head, lines)}\n\nWhat is chosen on one half of the tables is, on the other half, "
        f"{change:+.1f} % in log-loss against the default, mean over all {len(outcomes)} choices."
    )


def _change(logs: pd.Series) -> str:
    """Return the mean change over the tables with its standard error."""
    error = 100 * logs.std() / np.sqrt(len(logs))
    return f"{100 * np.expm1(logs.mean()):+.1f} ± {error:.1f} %"


STUDY = studies.Study("leave-tables-out", Path(__file__), __doc__ or "", VARIANTS, "0", summary)

if __name__ == "__main__":
    sys.exit(studies.run(STUDY, None))
