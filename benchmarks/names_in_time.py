"""What target statistics give where test rows are later than training rows. `python benchmarks/names_in_time.py DATA`.

DATA has Parquet files and a manifest.json with the time column of tables. The latest fifth of the rows
tests, at most 20,000 of them; 15,000 of the others train. Shown is the log-loss, with target statistics
and without, with and without `timestamps`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

import machine
import pages
from epochal import EpochalClassifier

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLES = "shelter_outcomes,nycflights13_late"
TRAINED, TESTED = 15_000, 20_000
# Whether there are target statistics, and whether the fit knows the times.
VARIANTS = {
    "statistics": (True, False),
    "none": (False, False),
    "statistics, timestamps": (True, True),
    "none, timestamps": (False, True),
}


def in_order(frame: pd.DataFrame, column: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows in the order of a column, and its times."""
    times = pd.to_datetime(frame[column]).to_numpy()
    order = np.argsort(times, kind="stable")
    return frame.iloc[order].reset_index(drop=True), times[order]


def losses(frame: pd.DataFrame, column: str, preset: str) -> list[float]:
    """Return the log-loss of each variant."""
    frame, times = in_order(frame, column)
    labels = frame.pop("target").astype(str).to_numpy()
    first = int(0.8 * len(labels))
    chosen = np.random.default_rng(0).choice(first, min(TRAINED, first), replace=False)
    train, test = np.sort(chosen), np.arange(first, len(labels))[:TESTED]
    found = []
    for encodes, knows in VARIANTS.values():
        model = EpochalClassifier(preset=preset, random_state=0, target_encoding=encodes)
        given = {"timestamps": times[train]} if knows else {}
        model.fit(frame.iloc[train], labels[train], **given)
        p = model.predict_proba(frame.iloc[test])
        found.append(float(log_loss(labels[test], p, labels=model.classes_)))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table of log-losses; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with manifest.json")
    parser.add_argument("--tables", default=TABLES, help="by comma")
    parser.add_argument("--preset", default="fast")
    arguments = parser.parse_args(argv)
    rows = []
    for entry in json.loads((arguments.data / "manifest.json").read_text(encoding="utf-8")):
        if entry["name"] in arguments.tables.split(","):
            frame = pd.read_parquet(arguments.data / entry["file"])
            found = losses(frame, entry["time_column"], arguments.preset)
            rows.append((entry["name"], *(f"{loss:.4f}" for loss in found)))
    print(machine.line(), pages.table(("table", *VARIANTS), rows), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
