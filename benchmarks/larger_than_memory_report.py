"""Tables from the results of `larger_than_memory.py`."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# What makes two results two of the same.
TABLE = ("format", "rows", "columns", "processor", "vectors", "cores")
SAME = ("mode", *TABLE, "epochs", "batch_size", "limit", "large", "method", "phase", "order")
DATA = ("rows", "format, GB", "vectors, date")
PEAKS = ("method", "phase", "limit", "peak, MB", "above start-up, MB", "accuracy")
SPEEDS = ("epochs", "method", "phase", "limit", "s", "rows/s", "rows/s within epochs")
THROUGHPUT = (
    *("epochs", "limits", "from disk, s per epoch", "in memory, s per epoch"),
    *("speed from disk", "of the whole command", "disk: peak, MB", "memory: peak, MB"),
)
SORTED = ("epochs", "in the file", "limit", "accuracy", "log-loss", "best possible", "peak, MB")
NOTHING = "–"


def latest(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return of equal runs the last, where the first was.

    >>> latest([{"mode": "sorted", "accuracy": 0.5}, {"mode": "sorted", "accuracy": 0.6}])
    [{'mode': 'sorted', 'accuracy': 0.6}]
    """
    return list({tuple(row.get(name) for name in SAME): row for row in rows}.values())


def page(rows: Sequence[dict[str, Any]]) -> str:
    """Return all tables in Markdown, one for each question; of no results, nothing."""
    modes: dict[str, list[dict[str, Any]]] = {"methods": [], "throughput": [], "sorted": []}
    for row in sorted(latest(rows), key=lambda row: [row[name] for name in TABLE]):
        modes[row["mode"]].append(row)
    timed = [row for row in modes["methods"] if "seconds" in row or "failed" in row]
    parts = {
        "How much memory does each command take?": _lines(modes["methods"], PEAKS, _peaks),
        "How long does it take?": _lines(timed, SPEEDS, _speeds),
        "How fast is training from disk?": _lines(modes["throughput"], THROUGHPUT, _throughput),
        "Does the order of rows in a file matter?": _lines(modes["sorted"], SORTED, _by_class),
    }
    shown = [f"**{question}**\n\n{table}" for question, table in parts.items() if table]
    return "\n\n".join([machines(rows), *shown] if shown else [])


def machines(rows: Sequence[dict[str, Any]]) -> str:
    """Return a line that names the machines of the results, and the columns of the tables."""
    found = sorted({f"{row['processor']} ({row['vectors']}), {row['cores']} cores" for row in rows})
    columns = sorted({row["columns"] for row in rows})
    return f"{'; '.join(found)}. Tables of {', '.join(map(str, columns))} columns."


def _lines(
    rows: Sequence[dict[str, Any]],
    names: Sequence[str],
    line: Callable[[dict[str, Any]], list[str]],
) -> str:
    """Return a table with a line for each result; "" without any."""
    return pages.table((*DATA, *names), [_data(row) + line(row) for row in rows]) if rows else ""


def _data(row: dict[str, Any]) -> list[str]:
    """Return of which data, and on which machine, a result is."""
    form = {"parquet": "Parquet", "csv": "CSV", "arrow": "Arrow"}[row["format"]]
    size = f"{form}, {row['bytes'] / 1e9:.1f}"
    return [f"{row['rows']:,}", size, f"{row['vectors']}, {row['date']}"]


def _peaks(row: dict[str, Any]) -> list[str]:
    """Return the memory of a phase."""
    return [
        f"`{row['method']}`",
        row.get("failed") or row["phase"],
        row.get("limit", NOTHING),
        *(_whole(row, name) for name in ("peak_mb", "above_start_mb")),
        _share(row, "accuracy"),
    ]


def _speeds(row: dict[str, Any]) -> list[str]:
    """Return the time of a phase."""
    return [
        str(row["epochs"]),
        f"`{row['method']}`",
        row["phase"],
        row.get("limit", NOTHING),
        _whole(row, "seconds"),
        row.get("failed") or _whole(row, "rows_per_s"),
        _whole(row, "rows_per_s_within"),
    ]


def _throughput(row: dict[str, Any]) -> list[str]:
    """Return how fast training from disk is, as a share of that in memory: medians over the rounds."""
    whole = [str(row["epochs"]), f"{row['limit']}, {row['large']}"]
    sides = [side for one in row["rounds"] for side in one.values()]
    failed = [side["failed"] for side in sides if "failed" in side]
    if failed:
        return [*whole, failed[0], *[NOTHING] * (len(THROUGHPUT) - 3)]

    def middle(side: str, name: str) -> float:
        return median(one[side][name] for one in row["rounds"])

    return [
        *whole,
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


def _by_class(row: dict[str, Any]) -> list[str]:
    """Return how good what was learnt is on other rows."""
    return [
        str(row["epochs"]),
        row.get("failed") or row["order"],
        row.get("limit", NOTHING),
        _share(row, "accuracy"),
        f"{row['log_loss']:.4f}" if "log_loss" in row else NOTHING,
        _share(row, "best_accuracy"),
        _whole(row, "peak_mb"),
    ]


def _whole(row: dict[str, Any], name: str) -> str:
    """Return a figure without decimals, if it is there.

    >>> _whole({"rows": 1234.5}, "rows"), _whole({}, "rows")
    ('1,234', '–')
    """
    return f"{row[name]:,.0f}" if name in row else NOTHING


def _share(row: dict[str, Any], name: str) -> str:
    """Return a share in hundredths, if it is there."""
    return f"{row[name]:.2%}" if name in row else NOTHING
