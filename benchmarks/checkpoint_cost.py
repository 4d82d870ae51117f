"""What checkpoints cost: the time that a training waits for one, its size, and the time to write it.

`python benchmarks/checkpoint_cost.py`. A checkpoint is written after each segment of an epoch; shown are
medians, and the share of a minute for which the training waits.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

import machine
import pages
from epochal import EpochalClassifier
from epochal.training.checkpoint_files import INTERVAL
from epochal.training.checkpoints import Checkpoints

if TYPE_CHECKING:
    from collections.abc import Sequence

# Rows, columns, classes and settings of each training.
TRAININGS: dict[str, tuple[int, int, int, dict[str, Any]]] = {
    "default, 15,000 × 50": (15_000, 50, 5, {}),
    "default, 2,000 × 784": (2_000, 784, 10, {}),
}


def costs(rows: int, columns: int, classes: int, settings: dict[str, Any]) -> tuple[float, ...]:
    """Return medians: the seconds of waiting, those of writing, and the size in bytes."""
    random = np.random.default_rng(0)
    X = random.normal(size=(rows, columns)).astype(np.float32)
    y = random.integers(classes, size=rows)
    waited, written, sizes = [], [], []
    original = Checkpoints.__call__

    def timed(self: Checkpoints, state: Any, *, last: bool = False) -> None:
        """Measure a checkpoint."""
        self.next = 0.0
        began = time.perf_counter()
        original(self, state, last=last)
        handed_over = time.perf_counter()
        self.wait()
        waited.append(handed_over - began)
        written.append(time.perf_counter() - handed_over)
        sizes.append(max(path.stat().st_size for path in self.folder.iterdir()))

    with tempfile.TemporaryDirectory() as folder, patch.object(Checkpoints, "__call__", timed):
        model = EpochalClassifier(max_iter=3, random_state=0, **settings)
        model.set_params(checkpoint_dir=str(Path(folder) / "state")).fit(X, y)
    return tuple(float(statistics.median(figures)) for figures in (waited, written, sizes))


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table of costs; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.parse_args(argv)
    lines = []
    for name, training in TRAININGS.items():
        waiting, writing, size = costs(*training)
        share = f"{waiting / INTERVAL:.2%}"
        lines.append((name, f"{waiting * 1e3:.0f}", share, f"{writing:.2f}", f"{size / 1e6:.1f}"))
    head = ("training", "waits, ms", "of a minute", "writing, s", "size, MB")
    print(machine.line(), pages.table(head, lines), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
