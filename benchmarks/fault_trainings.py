"""The runs that faults are tried on: tiny trainings of every kind, and predictions."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 160
_SIZE = ("--hidden-layer-sizes", "8", "--max-iter", "8")
SMALL = (*_SIZE, "--checkpoint-every", "0", "--out", "m.epochal")
FAST = ("--preset", "fast", *SMALL)
PEOPLE = ("train", "people.csv", "--target", "income")
# Columns that are inputs of few kinds only.
NAMES = "name,note"


class Kind(NamedTuple):
    """A kind of run: its words, and the file that it writes.

    `before` is run once, without faults, and its result is there when the others begin.
    """

    words: tuple[str, ...]
    out: str = "m.epochal"
    before: tuple[str, ...] = ()


def _table(*words: str, data: str = "people.csv", drop: str = NAMES + ",w,bed,day") -> Kind:
    """Return a training on the table."""
    dropped = ("--drop", drop) if drop else ()
    return Kind(("train", data, "--target", "income", *words, *dropped))


_EARLIER = (*PEOPLE, *FAST[:-2], "--drop", NAMES + ",w,bed,day", "--out", "earlier.epochal")
_PREDICT = ("predict", "earlier.epochal", "people.csv")

KINDS: dict[str, Kind] = {
    "fast": _table(*FAST),
    "default": _table(*SMALL, "--n-estimators", "4", "--n-folds", "4"),
    "classic": _table("--preset", "classic", *SMALL),
    "best": _table("--preset", "best", *SMALL, "--n-estimators", "8", "--n-folds", "4"),
    "with a memory limit": _table(*FAST, "--memory", "400MB"),
    "gzip, memory limit, kept cache": _table(
        *FAST, "--memory", "400MB", "--cache-dir", "kept", data="people.csv.gz"
    ),
    "Parquet": _table(*FAST, data="people.parquet"),
    "images (.npz)": Kind(("train", "images.npz", "--target", "y", *FAST, "--patch", "3,3")),
    "bootstrap": _table(*FAST, "--bagging", "bootstrap", "--max-samples", "0.8"),
    "no bagging": _table(*FAST, "--bagging", "none", "--n-estimators", "3"),
    "random columns": _table(*FAST, "--max-features", "0.7"),
    "groups": _table(*FAST, "--group", "bed", drop=NAMES + ",w,day"),
    "times": _table(*FAST, "--time", "day", drop=NAMES + ",w,bed"),
    "validation file": _table(*FAST, "--valid", "valid.csv"),
    "test rows": _table(*FAST, "--test-fraction", "0.25"),
    "weights, SGD": _table(
        *FAST, "--weight", "w", "--class-weight", "balanced", "--solver", "sgd", drop=NAMES
    ),
    "many names": _table(*FAST, "--max-categories", "8", drop="note,w,bed,day"),
    "texts": _table(*FAST, "--text", "note", "--max-categories", "8", drop="name,w,bed,day"),
    "adaptive rate, SGD": _table(
        *FAST, "--solver", "sgd", "--learning-rate", "adaptive", "--n-iter-no-change", "1"
    ),
    "members that stop apart": _table(
        *SMALL, "--n-estimators", "4", "--n-folds", "4", "--n-iter-no-change", "1", "--tol", "0.01"
    ),
    "not calibrated, cosine": _table(*FAST, "--no-calibrate", "--learning-rate", "cosine"),
    "squared error, tanh": _table(*FAST, "--loss", "squared_error", "--activation", "tanh"),
    "continued": _table(*SMALL, "--from", "earlier.epochal")._replace(before=_EARLIER),
    "no validation rows": _table(
        "--preset", "classic", *SMALL, "--no-early-stopping", "--batch-size", "8"
    ),
    "predictions as CSV": Kind((*_PREDICT, "--out", "p.csv"), "p.csv", _EARLIER),
    "predictions as Parquet": Kind((*_PREDICT, "--out", "p.parquet"), "p.parquet", _EARLIER),
}


def write_data(folder: Path) -> None:
    """Write the files that the kinds read into a new folder; returns nothing."""
    folder.mkdir()
    (folder / "kept").mkdir()
    random = np.random.default_rng(0)
    table = _people(ROWS, random)
    pyarrow.csv.write_csv(table, folder / "people.csv")
    pyarrow.csv.write_csv(_people(60, random), folder / "valid.csv")
    pyarrow.parquet.write_table(table, folder / "people.parquet")
    with gzip.open(folder / "people.csv.gz", "wb") as file:
        file.write((folder / "people.csv").read_bytes())
    images = random.integers(256, size=(ROWS, 6, 6), dtype=np.uint8)
    np.savez(folder / "images.npz", x=images, y=(images[:, 0, 0] > 127).astype(int))


def _people(rows: int, random: np.random.Generator) -> pa.Table:
    """Return a table: numbers with gaps, categories, names, texts, a weight, a group, a day, a target."""
    age = random.integers(18, 90, rows)
    job = random.integers(3, size=rows)
    noisy = age + 10 * (job == 2) + random.normal(scale=5, size=rows)
    words = np.array(["red", "green", "old", "new", "small", "large"])
    return pa.table(
        {
            "age": pa.array(age, mask=random.random(rows) < 0.1),
            "job": np.array(["clerk", "cook", "smith"])[job],
            "member": random.random(rows) < 0.5,
            "name": [f"n{number}" for number in random.integers(30, size=rows)],
            "note": [" ".join(random.choice(words, 3)) for _ in range(rows)],
            "w": 1 + np.arange(rows) % 3,
            "bed": np.arange(rows) // 4,
            "day": np.arange(rows),
            "income": np.where(noisy > 55, "high", "low"),
        }
    )
