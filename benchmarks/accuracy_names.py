"""How the methods stand on tables with many categories. `python benchmarks/accuracy_names.py`.

Reads the results that `accuracy.py --out benchmarks/results/accuracy_names.jsonl` has added, of the
random split with seed 0. With `--write` the table goes into docs/ACCURACY.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import accuracy_report as report
import pages
from accuracy import PAGE, RESULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

OURS = "epochal:default"
# Shown, but without a rank: it has no categories, and too few test rows to tell methods apart.
UNRANKED = {"golub_leukemia"}
# So far above the best peer, in percent, the default is told apart.
NEAR = 2.0


def losses(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the log-loss by method and table, NaN where a method failed or did not run."""
    kept = [row for row in rows if row["seed"] == 0 and row.get("split", "random") == "random"]
    frame = pd.DataFrame(kept).reindex(columns=["method", "dataset", "log_loss"])
    return frame.pivot_table(index="method", columns="dataset", values="log_loss")


def ranks(values: pd.DataFrame) -> pd.DataFrame:
    """Return the mean rank of each method, and on how many tables it has one, the best first.

    On each table, methods that have a result there are ranked. Methods with settings of their own
    are ablations: without a rank.
    """
    plain = values[values.index.str.count(":") < 2]
    ranked = plain[[name for name in values if name not in UNRANKED]].rank()
    mean = ranked.mean(axis=1).reindex(values.index)
    tables = ranked.notna().sum(axis=1).reindex(values.index, fill_value=0)
    frame = pd.DataFrame({"rank": mean, "tables": tables})
    return frame.sort_values("rank", na_position="last")


def distances(values: pd.DataFrame) -> pd.Series:
    """Return by how many percent the default is above the best peer; below 0 it is the better one."""
    peers = values[~values.index.str.startswith("epochal:")].min()
    return 100 * (values.loc[OURS] / peers - 1)


def page(rows: list[dict[str, Any]]) -> str:
    """Return losses and mean ranks in Markdown, and how far the default is from the best."""
    values = losses(rows)
    order, away, best = ranks(values), distances(values), values.min()
    full = order["tables"].max()
    lines = [
        (
            f"`{method}`",
            _rank(float(order["rank"][method]), int(order["tables"][method]), int(full)),
            *(_loss(values[name][method], best[name]) for name in values),
        )
        for method in order.index
    ]
    signed = ("–" if np.isnan(value) else f"{value:+.1f} %" for value in away)
    last = (f"`{OURS}` against the best peer", "", *signed)
    table = pages.table(("method", "mean rank", *map(str, values)), [*lines, last])
    far = [
        f"{name} ({away[name]:+.1f} %, best `{values[name].idxmin()}`)"
        for name in values
        if away[name] > NEAR
    ]
    sentence = (
        f"More than {NEAR:.0f} % above the best peer: {', '.join(far)}."
        if far
        else f"On no table is the default more than {NEAR:.0f} % above the best peer."
    )
    return f"{report.machines(rows)}\n\n{table}\n\n{sentence}"


def _rank(mean: float, tables: int, full: int) -> str:
    """Return a mean rank, with the number of its tables where some are missing."""
    if not tables:
        return "–"
    return f"{mean:.2f}" if tables == full else f"{mean:.2f} ({tables} of {full})"


def _loss(value: float, best: float) -> str:
    """Return a loss, bold if it is the best, a dash if it is missing."""
    if np.isnan(value):
        return "–"
    return f"**{value:.4f}**" if value == best else f"{value:.4f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, put it into the page if asked; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS / "accuracy_names.jsonl")
    parser.add_argument("--write", action="store_true", help="put the table into docs/ACCURACY.md")
    arguments = parser.parse_args(argv)
    text = page(report.read([arguments.results]))
    print(text)
    if arguments.write:
        pages.write(text, PAGE, "accuracy-names", "accuracy_names.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
