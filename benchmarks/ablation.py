"""What each step from the classical recipe to the default one gives. `make bench-ablation DATA=folder`.

Steps are settings of one estimator; how they are run is said in `studies`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import accuracy_report as report
import pages
import studies

ALONE = "embedding_size=None:ema_decay=0.0:calibrate=False:learning_rate=constant"
SMOOTH = "ema_decay=0.0:calibrate=False:learning_rate=constant"
# Each step keeps what the steps before it have.
STEPS = {
    "the classical recipe": "epochal:classic",
    "Adam, dropout, two layers of 128 units": (
        f"epochal:default:n_estimators=1:bagging=None:n_iter_no_change=25:{ALONE}"
    ),
    "eight members, each leaving out a fold": (
        f"epochal:default:n_estimators=8:n_iter_no_change=25:{ALONE}"
    ),
    "columns become vectors": f"epochal:default:n_estimators=8:n_iter_no_change=25:{SMOOTH}",
    "means over epochs, and back with smaller steps": (
        "epochal:default:n_estimators=8:calibrate=False"
    ),
    "the best temperature, in stopping and at the end": "epochal:default:n_estimators=8",
    "eight fine members more: the default": "epochal:default",
}


def steps(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return for each step its log-loss, relative to the step before and to the first, and seconds.

    Geometric means over the tables, then mean and standard deviation over the seeds.
    """
    frame = pd.DataFrame(rows)
    losses = frame.pivot_table(index=["dataset", "seed"], columns="method", values="log_loss")
    seconds = frame.pivot_table(index=["dataset", "seed"], columns="method", values="fit_s")
    logs = np.log(losses.clip(lower=report.LEAST))
    lines, before, first = [], None, None
    for name, method in STEPS.items():
        of_seeds = logs[method].groupby("seed").mean()
        first = of_seeds if first is None else first
        cells = [
            _change(of_seeds, before),
            _change(of_seeds, first if before is not None else None),
        ]
        lines.append((name, *cells, f"{seconds[method].groupby('seed').sum().mean():.0f}"))
        before = of_seeds
    return lines


def _change(later: pd.Series, earlier: pd.Series | None) -> str:
    """Return the relative change with its deviation over the seeds."""
    if earlier is None:
        return ""
    change = 100 * np.expm1(later - earlier)
    spread = f" ± {change.std():.1f}" if len(change) > 1 else ""
    return f"{change.mean():+.1f}{spread} %"


def table(rows: list[dict[str, Any]]) -> str:
    """Return the steps in Markdown."""
    head = ("step", "log-loss against the step before", "against the first", "fit, s")
    return pages.table(head, steps(rows))


STUDY = studies.Study("ablation", Path(__file__), __doc__ or "", list(STEPS.values()), "0,1", table)

if __name__ == "__main__":
    sys.exit(studies.run(STUDY, None))
