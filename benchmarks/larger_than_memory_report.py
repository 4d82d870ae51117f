"""Tables from the results of `larger_than_memory.py`."""

from __future__ import annotations

from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING, Any

import pages

if TYPE_CHECKING:
    from collections.abc import Sequence

# What makes two results two of the same.
TABLE = ("format", "rows", "columns", "processor", "vectors", "cores")
SAME = ("mode", *TABLE, "epochs", "batch_size", "limit", "large", "method", "phase", "order")
METHODS = (
    *("method", "phase", "limit", "s", "rows/s", "rows/s within epochs"),
    *("peak, MB", "above start-up, MB", "its own, MB", "of files, MB", "accuracy"),
)
THROUGHPUT = (
    *("method", "limits", "from disk, s per epoch", "in memory, s per epoch"),
    *("speed from disk", "of the whole command", "disk: peak, MB", "memory: peak, MB"),
)
SORTED = ("method", "rows", "limit", "accuracy", "log-loss", "best possible", "peak, MB")
NOTHING = "–"
BESIDE = " Other processes ran meanwhile: only peaks are shown."


def latest(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return of equal runs the last, where the first was.

    >>> latest([{"mode": "sorted", "accuracy": 0.5}, {"mode": "sorted", "accuracy": 0.6}])
    [{'mode': 'sorted', 'accuracy': 0.6}]
    """
    return list({tuple(row.get(name) for name in SAME): row for row in rows}.values())


def page(rows: Sequence[dict[str, Any]]) -> str:
    """Return all tables in Markdown: one for each mode and table of data."""
    shown = {"methods": methods, "throughput": throughput, "sorted": by_class}

    def group(row: dict[str, Any]) -> tuple[Any, ...]:
        return (list(shown).index(row["mode"]), *(row[name] for name in (*TABLE, "epochs")))

    parts = []
    for _, some in groupby(sorted(latest(rows), key=group), key=group):
        those = list(some)
        parts.append(f"{heading(those)}\n\n{shown[those[0]['mode']](those)}")
    return "\n\n".join(parts)


def heading(rows: Sequence[dict[str, Any]]) -> str:
    """Return the line over a table: which data, which machine, when."""
    one, dates = rows[0], sorted({row["date"] for row in rows})
    what = {
        "methods": "Methods",
        "throughput": "From disk and in memory",
        "sorted": "Sorted by class and as drawn",
    }[one["mode"]]
    form = {"parquet": "Parquet", "csv": "CSV", "arrow": "Arrow"}[one["format"]]
    data = f"{one['rows']:,} rows × {one['columns']} columns, {form}, {one['bytes'] / 1e9:.2f} GB"
    load = max(row["load"] for row in rows)
    where = f"{one['processor']} ({one['vectors']}), {one['cores']} cores, load before {load}"
    when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    beside = "" if all("seconds" in row or "rounds" in row for row in rows) else BESIDE
    return f"**{what}**: {data}; {one['epochs']} epochs. {where}; {when}.{beside}"


def methods(rows: Sequence[dict[str, Any]]) -> str:
    """Return what every phase of every method took."""
    return pages.table(METHODS, [_method(row) for row in rows])


def _method(row: dict[str, Any]) -> list[str]:
    """Return the line of a phase."""
    return [
        f"`{row['method']}`",
        row["phase"],
        row.get("limit", NOTHING),
        _whole(row, "seconds"),
        row.get("failed") or _whole(row, "rows_per_s"),
        _whole(row, "rows_per_s_within"),
        *(_whole(row, name) for name in ("peak_mb", "above_start_mb", "own_mb", "files_mb")),
        _share(row, "accuracy"),
    ]


def throughput(rows: Sequence[dict[str, Any]]) -> str:
    """Return how fast training from disk is, as a share of that in memory."""
    return pages.table(THROUGHPUT, [_throughput(row) for row in rows])


def _throughput(row: dict[str, Any]) -> list[str]:
    """Return the line of a method: medians over the rounds."""
    whole = [row["method"], f"{row['limit']}, {row['large']}"]
    sides = [side for one in row["rounds"] for side in one.values()]
    failed = [side["failed"] for side in sides if "failed" in side]
    if failed:
        return [f"`{whole[0]}`", whole[1], failed[0], *[NOTHING] * (len(THROUGHPUT) - 3)]

    def middle(side: str, name: str) -> float:
        return median(one[side][name] for one in row["rounds"])

    return [
        f"`{whole[0]}`",
        whole[1],
        f"{middle('disk', 'epoch_s'):.2f}",
        f"{middle('memory', 'epoch_s'):.2f}",
        _ratios(row["rounds"], "epoch_s"),
        _ratios(row["rounds"], "seconds"),
        f"{middle('disk', 'peak_mb'):,.0f}",
        f"{middle('memory', 'peak_mb'):,.0f}",
    ]


def _ratios(rounds: Sequence[dict[str, Any]], name: str) -> str:
    """Return the seconds in memory over those from disk: median, lowest and highest round.

    >>> _ratios([{"memory": {"s": 9.0}, "disk": {"s": 10.0}}], "s")
    '**90%** (90 – 90)'
    """
    shares = [one["memory"][name] / one["disk"][name] for one in rounds]
    return f"**{median(shares):.0%}** ({100 * min(shares):.0f} – {100 * max(shares):.0f})"


def by_class(rows: Sequence[dict[str, Any]]) -> str:
    """Return how good what was learnt is on other rows."""
    lines = [
        [
            f"`{row['method']}`",
            row.get("failed") or row["order"],
            row.get("limit", NOTHING),
            _share(row, "accuracy"),
            f"{row['log_loss']:.4f}" if "log_loss" in row else NOTHING,
            _share(row, "best_accuracy"),
            _whole(row, "peak_mb"),
        ]
        for row in rows
    ]
    return pages.table(SORTED, lines)


def _whole(row: dict[str, Any], name: str) -> str:
    """Return a figure without decimals, if it is there.

    >>> _whole({"rows": 1234.5}, "rows"), _whole({}, "rows")
    ('1,234', '–')
    """
    return f"{row[name]:,.0f}" if name in row else NOTHING


def _share(row: dict[str, Any], name: str) -> str:
    """Return a share in hundredths, if it is there."""
    return f"{row[name]:.2%}" if name in row else NOTHING
