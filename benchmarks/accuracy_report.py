"""How methods stand side by side, from lines of results."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

# Figures below this are taken for this: a ratio to a loss of 0 says nothing.
LEAST = 1e-3
# A method this much above the best is told apart.
WORST = 1.15


def read(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the results in the files that are there; the last of a table, method, seed and split counts."""
    latest = {
        key_of(row): row
        for path in paths
        if path.exists()
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    }
    return list(latest.values())


def key_of(row: dict[str, Any]) -> tuple[str, str, int, str]:
    """Return what a result is of: table, method, seed, and kind of split."""
    return row["dataset"], row["method"], row["seed"], row.get("split", "random")


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


def machines(rows: list[dict[str, Any]]) -> str:
    """Return the machines that results are of."""
    return " ".join(sorted({row["machine"] for row in rows}))


def page(
    rows: list[dict[str, Any]],
    method: str,
    versions: dict[str, str],
    turns: Sequence[dict[str, Any]] = (),
) -> str:
    """Return where a method stands among all that tried every table of it, in Markdown.

    Args:
        rows: the results.
        method: ours.
        versions: of the packages that decide.
        turns: results of one run, whose seconds are compared.
    """
    first = [row for row in rows if row["seed"] == 0]
    count = len({row["dataset"] for row in first if row["method"] == method})
    names = sorted({row["method"] for row in first})
    full = [
        name for name in names if len({r["dataset"] for r in first if r["method"] == name}) == count
    ]
    among = [row for row in first if row["method"] in full]
    on = machines([row for row in rows if row["method"] == method])
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    conditions = (
        f"{on} {packages}. Peers' figures are from another machine of that size, and their seconds "
        f"are rough; so are ours, as the machine is shared."
    )
    parts = (
        conditions,
        f"**Ranking of the methods**, {count} tables, seed 0:",
        _standings(among),
        "**Log-loss**, seed 0:",
        _figures(among),
        _elsewhere(first),
        _worst(among, method),
        *(_beside(first, method, name) for name in names if name not in full),
        f"**`{method}` over its seeds**, mean ± standard deviation:",
        _own(rows, method),
        _honesty(rows, method),
        _memory(rows, method),
        _in_turn(_timed(turns), method),
    )
    return "\n\n".join(part for part in parts if part)


def _standings(rows: list[dict[str, Any]]) -> str:
    """Return ranks, ratios, calibration and seconds of the methods, best log-loss first."""
    losses, errors = means(rows, "log_loss"), means(rows, "error")
    bins, timed = means(rows, "ece"), _timed(rows)
    rank, floored = losses.rank(axis=1, na_option="bottom"), losses.clip(lower=LEAST)
    ratio = floored.div(floored.min(axis=1), axis=0)
    error_rank = errors.rank(axis=1, na_option="bottom")

    def seconds(method: str) -> str:
        """Return the seconds of a method's fits; a dash if some of them were not timed."""
        own = [row["fit_s"] for row in timed if row["method"] == method]
        return f"{sum(own):,.0f}" if len(own) == len(losses) else "–"

    lines = [
        (
            f"`{name}`",
            f"{rank[name].mean():.2f}",
            f"{np.exp(np.log(ratio[name]).mean()):.3f}",
            f"{ratio[name].max():.2f}",
            f"{error_rank[name].mean():.2f}",
            f"{bins[name].mean():.4f}",
            seconds(name),
        )
        for name in rank.mean().sort_values().index
    ]
    head = ("method", "log-loss: mean rank", "ratio to the best", "worst ratio")
    return pages.table((*head, "error: mean rank", "calibration error", "fit, s"), lines)


def _figures(rows: list[dict[str, Any]]) -> str:
    """Return the log-loss of every method on every table, the lowest bold."""
    values = means(rows, "log_loss")
    values = values[values.mean().sort_values().index]

    lines = [
        (str(name), *(_shown(value, losses.min()) for value in losses))
        for name, losses in values.iterrows()
    ]
    return pages.table(("table", *(f"`{name}`" for name in values)), lines)


def _shown(value: float, best: float) -> str:
    """Return a loss, bold if it is the best."""
    return f"**{value:.4f}**" if value == best else f"{value:.4f}"


def _worst(rows: list[dict[str, Any]], method: str) -> str:
    """Return the tables on which a method is more than 15 % above the best, with what decides there."""
    values = means(rows, "log_loss").clip(lower=LEAST)
    ratio = values[method] / values.min(axis=1)
    own = {row["dataset"]: row for row in rows if row["method"] == method}
    told = []
    for name in ratio[ratio > WORST].sort_values(ascending=False).index:
        row = own[name]
        sentence = f"On {name} `{method}` is {ratio[name]:.2f} times the best, `{values.loc[name].idxmin()}`"
        if "log_loss_se" in row:
            sentence += (
                f": {row['log_loss']:.4f} ± {row['log_loss_se']:.4f} (standard error) against "
                f"{values.loc[name].min():.4f}. {row['half_of_loss']} of its {row['n_test']:,} test rows make up "
                f"half of its loss"
            )
        told.append(sentence + ".")
    return "\n\n".join(told)


def _beside(rows: list[dict[str, Any]], method: str, other: str) -> str:
    """Return a method's figures beside those of another that ran on some of the tables only."""
    rows = [row for row in rows if row["method"] in {method, other}]
    values = means(rows, "log_loss")[[method, other]].dropna()
    seconds = means(_timed(rows), "fit_s").reindex(values.index)[[method, other]]
    timed = seconds.dropna()
    lines = [
        (
            str(name),
            *(_shown(losses[each], losses.min()) for each in (method, other)),
            *(f"{seconds.loc[name, each]:,.0f}".replace("nan", "–") for each in (method, other)),
        )
        for name, losses in values.iterrows()
    ]
    floored = np.log(values.clip(lower=LEAST))
    ratio = np.exp((floored[method] - floored[other]).mean())
    better = int((values[method] < values[other]).sum())
    shares = timed[method].sum() / timed[other].sum()
    of = "" if len(timed) == len(seconds) else f" (on {len(timed)} of them)"
    head = ("table", f"`{method}`", f"`{other}`", "fit, s", f"`{other}` fit, s")
    return (
        f"**Compared with `{other}`**, on the {len(values)} tables that it was run on, seed 0: better on {better}, "
        f"log-loss {ratio:.2f} times its, fit time {shares:.2f} times its{of}.\n\n{pages.table(head, lines)}"
    )


def _timed(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results whose seconds say something: with nothing beside, on the machine itself."""
    return [row for row in rows if not row.get("busy") and "device" not in row and "fit_s" in row]


def _elsewhere(rows: list[dict[str, Any]]) -> str:
    """Return which methods ran on another device, and on how many tables."""
    ran = Counter((row["method"], row["device"]) for row in rows if "device" in row)
    return " ".join(
        f"On {count} of the tables `{method}` ran on another device, {device}."
        for (method, device), count in sorted(ran.items())
    )


def _in_turn(rows: list[dict[str, Any]], method: str) -> str:
    """Return seconds of fits that were timed one after the other, and what a method takes of others' sum."""
    if method not in {row["method"] for row in rows}:
        return ""
    seconds = pd.DataFrame(rows).pivot_table(index="dataset", columns="method", values="fit_s")
    counts = {row["dataset"]: row["n_train"] for row in rows}
    others = [name for name in seconds if name != method]
    shares = []
    for other in others:
        both = seconds[[method, other]].dropna()
        share = both[method].sum() / both[other].sum()
        shares.append(f"{share:.2f} of `{other}`'s on {len(both)} tables")
    lines = [
        (
            str(name),
            f"{counts[str(name)]:,}",
            *("–" if np.isnan(own[each]) else f"{own[each]:,.1f}" for each in (method, *others)),
        )
        for name, own in seconds.iterrows()
    ]
    head = ("table", "rows", *(f"`{name}`, s" for name in (method, *others)))
    sentence = (
        f"**Fits timed in turn**: {machines(rows)} `{method}` takes {', '.join(shares)}, in sum."
    )
    return f"{sentence}\n\n{pages.table(head, lines)}"


def _memory(rows: list[dict[str, Any]], method: str) -> str:
    """Return the most memory that a process which ran a method's tables one after another had."""
    # Of the first seed: a process that goes on to the next has more behind it.
    most = [
        row["peak_mb"]
        for row in rows
        if row["method"] == method and row["seed"] == 0 and "peak_mb" in row
    ]
    return f"Peak memory of a process that fits every table: {max(most):,} MB." if most else ""


def _own(rows: list[dict[str, Any]], method: str) -> str:
    """Return a method's figures on every table over its seeds."""
    frame = pd.DataFrame([row for row in rows if row["method"] == method])
    lines = []
    for name, own in frame.groupby("dataset"):
        spread = [
            f"{own[key].mean():.4f}" + (f" ± {own[key].std():.4f}" if len(own) > 1 else "")
            for key in ("log_loss", "error", "ece")
        ]
        # Of the first seed: of the others the machine may have had more to do.
        seconds = f"{own['fit_s'][own['seed'] == own['seed'].min()].mean():.0f}"
        lines.append((str(name), f"{own['n_train'].iloc[0]:,}", str(len(own)), *spread, seconds))
    head = ("table", "rows", "seeds", "log-loss", "error", "calibration error", "fit, s")
    return pages.table(head, lines)


def _honesty(rows: list[dict[str, Any]], method: str) -> str:
    """Return how the log-loss that a fit expects differs from that on test rows."""
    pairs = [
        (row["expected"], row["log_loss"])
        for row in rows
        if row["method"] == method and row.get("expected")
    ]
    if len(pairs) < 2:
        return ""
    ratio = np.log([max(expected, LEAST) / max(loss, LEAST) for expected, loss in pairs])
    error = ratio.std(ddof=1) / np.sqrt(len(ratio))
    return (
        f"The expected log-loss of a fit (`out_of_bag_.expected_log_loss`) is "
        f"{100 * ratio.mean():+.1f} ± {100 * error:.1f} % of the one on the test rows, mean and standard "
        f"error over {len(ratio)} fits; the median of the absolute differences is "
        f"{100 * np.median(np.abs(ratio)):.0f} %."
    )


def complaints(rows: list[dict[str, Any]], method: str) -> list[str]:
    """Return a line for each failure and each warning of a method."""
    return [
        f"{row['dataset']}, seed {row['seed']}: {text}"
        for row in rows
        if row["method"] == method
        for text in [*([row["failed"]] if "failed" in row else []), *row.get("warnings", [])]
    ]
