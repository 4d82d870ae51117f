"""Images as plain arrays: Fashion-MNIST, no convolution, no augmentation. `make bench-images DATA=folder`.

DATA has the original IDX files, 60,000 images to train on and 10,000 to test on. One fit for each preset,
in a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import machine
import pages
from accuracy_methods import names_in, settings_of
from accuracy_protocol import LEAST
from epochal import EpochalClassifier
from epochal.io import files

if TYPE_CHECKING:
    from collections.abc import Sequence

OUT = Path(__file__).parent / "results" / "images.jsonl"
PAGE = Path(__file__).parents[1] / "docs" / "ACCURACY.md"


def measured(method: str, folder: Path) -> dict[str, Any]:
    """Return what one fit took and gave."""
    (X, y), (X_test, y_test) = (labelled(folder, part) for part in ("train", "t10k"))
    model = EpochalClassifier(**settings_of(method))
    began = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - began
    probabilities = model.predict_proba(X_test)
    truth = np.searchsorted(model.classes_, y_test)
    of_truth = np.maximum(probabilities[np.arange(len(truth)), truth], LEAST)
    single = [np.mean(one.predict(X_test) == y_test) for one in model.estimators_[:4]]
    out_of_bag = model.out_of_bag_
    return {
        "method": method,
        "rows": len(y),
        "machine": machine.line(),
        "accuracy": float(np.mean(probabilities.argmax(axis=1) == truth)),
        "log_loss": float(-np.log(of_truth).mean()),
        "one_member": float(np.mean(single)),
        "left_out_accuracy": out_of_bag and out_of_bag.accuracy,
        "expected": out_of_bag and out_of_bag.expected_log_loss,
        "members": len(model.estimators_),
        "epochs": model.n_iter_,
        "fit_s": round(seconds, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def labelled(folder: Path, part: str) -> tuple[Any, Any]:
    """Return the images and the labels of a part."""
    found = files.read(str(folder / f"{part}-images-idx3-ubyte.gz"), "label")
    return found.rows, found.labels


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the results in Markdown."""
    lines = [
        (
            f"`{row['method']}`",
            row["machine"].rstrip("."),
            str(row["members"]),
            f"{row['accuracy']:.2%}",
            f"{row['one_member']:.2%}",
            f"{row['log_loss']:.4f}",
            "–" if row["expected"] is None else f"{row['expected']:.4f}",
            f"{row['fit_s']:,.0f}",
            f"{row['peak_mb']:,}",
        )
        for row in rows
    ]
    head = (
        "method",
        "on",
        "members",
        "accuracy",
        "of one member",
        "log-loss",
        "by rows left out",
        "fit, s",
        "memory, MB",
    )
    return pages.table(head, lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is missing, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with the IDX files")
    parser.add_argument("--methods", default="epochal:default", help="by comma")
    parser.add_argument("--out", type=Path, default=OUT, help="the file that results are added to")
    parser.add_argument("--write", action="store_true", help="put the table into docs/ACCURACY.md")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.one:
        print(json.dumps(measured(arguments.one, arguments.data)))
        return 0
    there = arguments.out.read_text().splitlines() if arguments.out.exists() else []
    rows = [json.loads(line) for line in there]
    for method in names_in(arguments.methods):
        if method not in {row["method"] for row in rows}:
            words = [sys.executable, __file__, str(arguments.data), "--one", method]
            told = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
            rows.append(json.loads(told.splitlines()[-1]))
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    text = table(rows)
    print(text)
    if arguments.write:
        pages.write(text, PAGE, "images", "images.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
