"""What one call takes in a process of its own: seconds and memory, from small to large.

`everyday_speed.py` starts this once for every point of its curves, since a
process's highest mark of memory says nothing of calls before the last one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.neural_network import MLPClassifier

import machine
import memory_watch
from epochal import EpochalClassifier
from training_speed import Shape, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from epochal.records import EpochEvent

    Calls = Mapping[str, Callable[[], Any]]

MANY = Shape((54, 256, 256, 7), 256, 1_000_000, 1, ensemble=True)
MEMBERS = 8
# What is varied by itself, from the middle one of each: the plain network, two hidden layers.
MIDDLE = {"rows": 100_000, "columns": 50, "members": 1, "width": 128}
AXES: dict[str, tuple[int, ...]] = {
    "rows": (1_000, 10_000, 100_000, 1_000_000, 3_000_000, 10_000_000),
    "columns": (5, 10, 20, 50, 100, 200, 500, 1_000),
    "members": (1, 2, 4, 8, 16, 32),
    "width": (16, 32, 64, 128, 256, 512, 1_024),
}
# Rows that the epochs of one point of a curve go through, at the least.
GROWTH_ROWS = 200_000


def network(**settings: Any) -> EpochalClassifier:
    """Return our plain network, with nothing of what the default preset puts around it."""
    return EpochalClassifier(preset="classic", early_stopping=False, random_state=0, **settings)


def peer(**settings: Any) -> MLPClassifier:
    """Return scikit-learn's network, which goes on to the last epoch as ours does."""
    return MLPClassifier(tol=0.0, n_iter_no_change=100_000, random_state=0, **settings)


def predictors(rows: int) -> Calls:
    """Return how each side predicts many rows; the networks have hardly been trained."""
    x, y = rows_of(MANY._replace(rows=2 * MANY.batch_size))
    same = {"hidden_layer_sizes": MANY.sizes[1:-1], "batch_size": MANY.batch_size, "max_iter": 1}
    ours = network(n_estimators=MEMBERS, solver="adam", learning_rate_init=1e-3, **same)
    theirs = [peer(**same).set_params(random_state=number) for number in range(MEMBERS)]
    machine.seconds_of(lambda: [model.fit(x, y) for model in (ours, *theirs)])
    many = np.random.default_rng(1).standard_normal((rows, MANY.sizes[0]), np.float32)

    def ema_updated() -> Any:
        """Return the mean of their probabilities."""
        total = theirs[0].predict_proba(many)
        for model in theirs[1:]:
            total += model.predict_proba(many)
        return total / MEMBERS

    return {"epochal": lambda: ours.predict_proba(many), "sklearn": ema_updated}


def growth() -> list[dict[str, Any]]:
    """Return seconds per epoch and memory along each axis, every point in a process of its own."""
    curves = []
    for axis, values in AXES.items():
        points = [{"value": value, **apart(**{**MIDDLE, axis: value})} for value in values]
        curves.append({"axis": axis, "points": points})
    return curves


def apart(**of: Any) -> dict[str, float]:
    """Return what a new process of this script measures."""
    words = [sys.executable, __file__, json.dumps(of)]
    printed = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(f"{of}: {printed.strip()}", file=sys.stderr, flush=True)
    figures: dict[str, float] = json.loads(printed)
    return figures


def measured_apart(of: dict[str, Any]) -> dict[str, float]:
    """Return the figures of one prediction, or of one point of a curve, taken in this process."""
    if "side" in of:
        call = predictors(of["rows"])[of["side"]]
        return beyond(call)
    width, epochs = of["width"], max(GROWTH_ROWS // of["rows"], 2) + 1
    shape = Shape((of["columns"], width, width, 7), 256, of["rows"], epochs, ensemble=True)
    x, y = rows_of(shape)
    told: list[EpochEvent] = []
    model = network(
        n_estimators=of["members"],
        solver="adam",
        learning_rate_init=1e-3,
        hidden_layer_sizes=(width, width),
        batch_size=shape.batch_size,
        max_iter=epochs,
        callbacks=[told.append],
    )
    figures = beyond(lambda: model.fit(x, y))
    per_epoch = (told[-1].seconds - told[0].seconds) / (epochs - 1)
    return {"seconds_per_epoch": per_epoch, **figures}


def beyond(call: Callable[[], Any]) -> dict[str, float]:
    """Return the peak memory of a call: of the whole process, and beyond what was there, MB."""
    status = Path("/proc/self/status")
    before = memory_watch.kilobytes(status)["VmRSS"]
    # The highest mark so far becomes what is there now.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    machine.seconds_of(call)
    peak = memory_watch.kilobytes(status)["VmHWM"]
    return {"peak_mb": peak * 1024 / 1e6, "beyond_mb": (peak - before) * 1024 / 1e6}


def main(argv: Sequence[str]) -> int:
    """Measure what the one argument says, in JSON, and print it; return the exit code."""
    # What is compiled belongs to what a call takes.
    os.environ["EPOCHAL_CACHE"] = ""
    print(json.dumps(measured_apart(json.loads(argv[0]))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
