"""How a table is divided into training and test rows: at random, by time, or by group.

The manifest of a suite names the time column and the group column of a table. By time, the latest fifth of the times
tests, and rows of one time stay together. By group, a fifth of the groups tests, with all their rows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit, train_test_split

if TYPE_CHECKING:
    from pathlib import Path

TEST_SHARE = 0.2
# Columns that their tables have for splits and weights only, by the name of the file.
NO_FEATURES = {"nass_cds_deaths": ("caseid", "weight")}


class Division(NamedTuple):
    """A kind of split, and the column of times or groups."""

    kind: Literal["random", "time", "group"] = "random"
    column: str = ""


RANDOM = Division()


def divisions_in(folder: Path, kind: Literal["random", "time", "group"]) -> dict[str, Division]:
    """Return the split of each table of a suite; the random one where its manifest names no column."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    columns = {entry["name"]: entry.get(f"{kind}_column") for entry in manifest}
    return {name: Division(kind, column) if column else RANDOM for name, column in columns.items()}


def features_of(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the columns of a table that methods get."""
    return frame.drop(columns=[name for name in NO_FEATURES.get(path.stem, ()) if name in frame])


def divided(
    frame: pd.DataFrame, labels: np.ndarray, seed: int, by: Division
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of training rows and of test rows.

    By time the seed changes nothing here, only which rows remain where there are too many.
    """
    if by.kind == "time":
        return _by_time(frame[by.column])
    rows = np.arange(len(labels))
    if by.kind == "group":
        folds = GroupShuffleSplit(1, test_size=TEST_SHARE, random_state=seed)
        # A missing group is a group of its own.
        groups = pd.factorize(frame[by.column], use_na_sentinel=False)[0]
        return next(folds.split(rows, groups=groups))
    train, test = train_test_split(rows, test_size=TEST_SHARE, random_state=seed, stratify=labels)
    return train, test


def _by_time(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows before the latest fifth, and those of it.

    Raises:
        ValueError: for a column with a single time.
    """
    times = pd.to_datetime(column).to_numpy()
    bounds, counts = np.unique(times, return_counts=True)
    if len(bounds) < 2:
        msg = f"all rows have the same {column.name}: no split by time"
        raise ValueError(msg)
    # Of rows at each time or later, without the first time: then nothing would be before.
    shares = counts[::-1].cumsum()[::-1][1:] / len(times)
    first = bounds[1:][np.abs(shares - TEST_SHARE).argmin()]
    return np.flatnonzero(times < first), np.flatnonzero(times >= first)
