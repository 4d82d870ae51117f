"""What each step from the classical recipe to the default one gives. `make bench-ablation DATA=folder`.

Steps are settings of one estimator, run by the protocol of `accuracy.py` on small and middling tables. Results
are added to a file of JSON lines, and what stands there is not run again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import accuracy_report as report
import machine
import pages
from accuracy import complete
from accuracy_protocol import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

OUT = Path(__file__).parent / "results" / "ablation.jsonl"
PAGE = Path(__file__).parents[1] / "docs" / "ACCURACY.md"
TABLES = [
    "churn",
    "credit_g",
    "cylinder_bands",
    "phoneme",
    "satimage",
    "segment",
    "titanic",
    "vehicle",
    "wine_quality",
]
ALONE = "embedding_size=None:averaging=0.0:calibrate=False:learning_rate=constant"
SMOOTH = "averaging=0.0:calibrate=False:learning_rate=constant"
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, print the steps, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with manifest.json")
    parser.add_argument("--seeds", default="0,1", help="of the splits, by comma (0,1)")
    parser.add_argument("--tables", default=",".join(TABLES), help="by comma")
    parser.add_argument("--out", type=Path, default=OUT, help="the file that results are added to")
    parser.add_argument("--write", action="store_true", help="put the steps into docs/ACCURACY.md")
    arguments = parser.parse_args(argv)
    chosen = arguments.tables.split(",")
    suite = [(name, path) for name, path in tables(arguments.data) if name in chosen]
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    complete(suite, list(STEPS.values()), seeds, arguments.out)
    wanted = {(name, seed) for name, _ in suite for seed in seeds}
    rows = [r for r in report.read([arguments.out]) if (r["dataset"], r["seed"]) in wanted]
    head = ("step", "log-loss against the step before", "against the first", "fit, s")
    text = pages.table(head, steps(rows))
    print(text)
    if arguments.write:
        at = machine.description()
        conditions = (
            f"{', '.join(name for name, _ in suite)}; seeds {arguments.seeds}; {at['processor']} "
            f"({at['vectors']}), {at['cores']} cores; {at['date']}."
        )
        pages.write(f"{conditions}\n\n{text}", PAGE, "ablation", "ablation.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
