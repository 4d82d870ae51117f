"""How methods stand side by side, from lines of results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import pages

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# Figures below this are taken for this: a ratio to a loss of 0 says nothing.
LEAST = 1e-3


def read(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the results in the files that are there; the last of a table, method and seed counts."""
    latest = {
        (row["dataset"], row["method"], row["seed"]): row
        for path in paths
        if path.exists()
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    }
    return list(latest.values())


def means(rows: list[dict[str, Any]], metric: str) -> pd.DataFrame:
    """Return the mean over seeds by table and method, for tables that every method has tried.

    A failure is NaN.
    """
    frame = pd.DataFrame(rows).reindex(columns=["dataset", "method", "seed", metric])
    groups = frame.groupby(["dataset", "method"])
    tried = groups["seed"].count().unstack("method")  # noqa: PD010 - of a counted series
    values = groups[metric].mean().unstack("method")  # noqa: PD010
    return values[tried.notna().all(axis=1)]


def comparison(rows: list[dict[str, Any]], metric: str) -> str:
    """Return ranks, wins, ratios to the best and seconds by method, then the table of figures.

    A method's failure on a table counts as the worst rank there, and takes
    part in no ratio.
    """
    values, seconds = means(rows, metric), means(rows, "fit_s")
    rank = values.rank(axis=1, method="average", na_option="bottom")
    floored = values.clip(lower=LEAST)
    ratio = np.exp(np.log(floored.div(floored.min(axis=1), axis=0)).mean())
    summary = pd.DataFrame(
        {
            "mean_rank": rank.mean(),
            "wins": (rank == 1).sum(),
            "ratio_to_best": ratio,
            "failed": values.isna().sum(),
            "fit_s": seconds.sum(),
        }
    ).sort_values("mean_rank")
    figures = values[summary.index].round(4)
    title = f"{metric} on {len(values)} tables"
    return "\n\n".join((title, summary.round(3).to_string(), figures.to_string()))


def against(rows: list[dict[str, Any]], method: str, peer: str, metric: str) -> str:
    """Return on how many tables a method beats a peer, and where it does not."""
    values = means([row for row in rows if row["method"] in {method, peer}], metric)
    if not {method, peer} <= set(values.columns) or values.empty:
        return f"{method} and {peer} have no table in common"
    # A failure of ours is no win; a failure of the peer is.
    won = values[method].notna() & ~(values[method] >= values[peer])
    lost = [
        f"{name} ({values[method][name]:.4f} against {values[peer][name]:.4f})"
        for name in values.index[~won]
    ]
    sentence = f"{method} beats {peer}'s {metric} on {int(won.sum())} of {len(values)} tables"
    return f"{sentence}; not on {', '.join(lost)}" if lost else sentence


def page(rows: list[dict[str, Any]], method: str, peer: str, machine: dict[str, Any]) -> str:
    """Return a method's figures beside a peer's, table by table, in Markdown."""
    both = [row for row in rows if row["method"] in {method, peer}]
    shown = {name: means(both, name) for name in ("log_loss", "error", "ece", "n_train", "fit_s")}
    rows_of_tables = [
        (
            str(name),
            f"{shown['n_train'].loc[name, method]:,.0f}",
            *(f"{shown[key].loc[name, who]:.4f}" for key in ("log_loss", "error", "ece")
              for who in (method, peer)),
            f"{shown['fit_s'].loc[name, method]:.0f}",
        )
        for name in shown["log_loss"].index
    ]  # fmt: skip
    figures = ("log-loss", "error", "calibration error")
    head = ("table", "rows", *(f"{what}, {who}" for what in figures for who in ("epochal", peer)))
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    conditions = (
        f"`{method}` beside `{peer}`; {machine['processor']} ({machine['vectors']}), "
        f"{machine['cores']} cores; {versions}; {machine['date']}. The machine is shared: the "
        f"seconds are rough."
    )
    seconds = pages.table((*head, "fit, s"), rows_of_tables)
    return "\n\n".join((conditions, seconds, against(rows, method, peer, "log_loss") + "."))


def complaints(rows: list[dict[str, Any]], method: str) -> list[str]:
    """Return a line for each failure and each warning of a method."""
    return [
        f"{row['dataset']}, seed {row['seed']}: {text}"
        for row in rows
        if row["method"] == method
        for text in [*([row["failed"]] if "failed" in row else []), *row.get("warnings", [])]
    ]
