"""The one protocol by which methods are compared: same rows, same split, same figures.

A suite is a folder with a `manifest.json`: a list of tables, each with a `name`
and a `file`, a Parquet file with a column `target`. Per seed a table is split
80 to 20, stratified, or by time or group (`accuracy_splits`); a method trains on
at most `TRAIN_CAP` rows and is tested on at most `TEST_CAP`. It gets the raw
columns: numbers as float64 with NaN, everything else as it came with None.
"""

from __future__ import annotations

import json
import resource
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from accuracy_splits import RANDOM, divided, features_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from accuracy_splits import Division

TRAIN_CAP, TEST_CAP = 15_000, 20_000
# A class with fewer rows is left out: it cannot be split.
RAREST = 5
BINS = 15
# Probabilities below this are taken for this, so that no single row decides a mean.
LEAST = 1e-7


class Split(NamedTuple):
    """Rows to train on and rows to test on, with their labels as text."""

    train: pd.DataFrame
    train_labels: np.ndarray
    test: pd.DataFrame
    test_labels: np.ndarray


class Answer(NamedTuple):
    """What a method says of the test rows, and what that took."""

    probabilities: np.ndarray
    classes: np.ndarray
    fit_seconds: float
    predict_seconds: float
    expected_log_loss: float | None = None


def tables(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and file of each Parquet table of a suite."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for entry in manifest:
        if str(entry["file"]).endswith(".parquet"):
            yield entry["name"], folder / entry["file"]


def split(
    path: Path,
    seed: int,
    train_cap: int = TRAIN_CAP,
    test_cap: int = TEST_CAP,
    by: Division = RANDOM,
) -> Split:
    """Return the split of a table that belongs to a seed."""
    frame = pd.read_parquet(path)
    labels = frame.pop("target").astype(str).to_numpy()
    keep = pd.Series(labels).groupby(labels).transform("size").to_numpy() >= RAREST
    frame, labels = frame[keep].reset_index(drop=True), labels[keep]
    train, test = divided(frame, labels, seed, by)
    frame = features_of(frame, path)
    for name in frame.columns:
        frame[name] = _raw(frame[name])
    train, test = capped(train, labels, train_cap, seed), capped(test, labels, test_cap, seed)
    test = test[np.isin(labels[test], labels[train])]
    rows = (frame.iloc[numbers].reset_index(drop=True) for numbers in (train, test))
    return Split(next(rows), labels[train], next(rows), labels[test])


def _raw(column: pd.Series) -> pd.Series:
    """Return a column as methods get it: float64 with NaN, or Python values with None."""
    nullable = (pd.Int64Dtype, pd.Float64Dtype, pd.BooleanDtype)
    if column.dtype.kind in "biuf" or isinstance(column.dtype, nullable):
        return column.astype("float64")
    return column.astype(object).where(column.notna(), None)


def capped(rows: np.ndarray, labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return at most so many rows: stratified, or at random where a class is too rare for it."""
    if len(rows) <= most:
        return rows
    counts = np.unique(labels[rows], return_counts=True)[1]
    stratify = labels[rows] if counts.min() > 1 else None
    return train_test_split(rows, train_size=most, random_state=seed, stratify=stratify)[0]


def figures(
    truth: np.ndarray, probabilities: np.ndarray, classes: np.ndarray
) -> dict[str, float | None]:
    """Return log-loss in nats, error, AUC (None if undefined) and calibration error.

    Args:
        truth: labels as text.
        probabilities: of each row and class.
        classes: the labels of the columns, which sort as text.
    """
    p = np.clip(np.asarray(probabilities, np.float64), LEAST, 1)
    p /= p.sum(axis=1, keepdims=True)
    names = np.asarray(classes).astype(str)
    numbers = np.searchsorted(names, truth)
    if not ((np.sort(names) == names).all() and (names[numbers] == truth).all()):
        msg = f"classes {names[:5]} do not sort as text, or lack labels of the test rows"
        raise ValueError(msg)
    each = np.sort(-np.log(p[np.arange(len(numbers)), numbers]))[::-1]
    return {
        "log_loss": float(log_loss(numbers, p, labels=np.arange(len(names)))),
        # Of its mean over these rows, and how few of them make up half of it.
        "log_loss_se": float(each.std() / np.sqrt(len(each))),
        "half_of_loss": int(np.searchsorted(np.cumsum(each), each.sum() / 2) + 1),
        "error": float(1 - (p.argmax(axis=1) == numbers).mean()),
        "auc": _auc(p, numbers),
        "ece": calibration_error(p, numbers),
    }


def _auc(p: np.ndarray, numbers: np.ndarray) -> float | None:
    """Return the area under the ROC curve, of more classes the mean of one against the rest."""
    if len(np.unique(numbers)) < p.shape[1]:
        return None
    if p.shape[1] == 2:
        return float(roc_auc_score(numbers, p[:, 1]))
    return float(roc_auc_score(numbers, p, multi_class="ovr"))


def calibration_error(p: np.ndarray, numbers: np.ndarray) -> float:
    """Return the mean gap of winning probability and share of hits, over bins of equal width.

    >>> calibration_error(np.array([[0.75, 0.25], [0.75, 0.25]]), np.array([0, 1]))
    0.25
    """
    winning, hit = p.max(axis=1), p.argmax(axis=1) == numbers
    bins = np.minimum((winning * BINS).astype(int), BINS - 1)
    gaps = (
        abs(winning[inside].mean() - hit[inside].mean()) * inside.mean()
        for inside in (bins == number for number in np.unique(bins))
    )
    return float(sum(gaps))


def store(answer: Answer, truth: np.ndarray, path: Path) -> None:
    """Write probabilities as float16, and beside them the column of each row's label.

    Args:
        answer: with classes that sort as text.
        truth: labels as text.
        path: of the probabilities, `NAME.npy`; the labels are in `NAME.labels.npy`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = np.searchsorted(np.asarray(answer.classes).astype(str), truth)
    np.save(path, np.asarray(answer.probabilities, np.float16))
    np.save(path.with_suffix(".labels.npy"), columns.astype(np.int16))


def run(
    method: Callable[[Split], Answer],
    path: Path,
    seed: int,
    by: Division = RANDOM,
    keep: Path | None = None,
) -> dict[str, Any]:
    """Return a method's results on a table, and the warnings that came from it, JSON-ready.

    A method's failure is a result too: its kind and message stand in `failed`.

    Args:
        method: what answers.
        path: of the table.
        seed: of the split.
        by: how the table is split.
        keep: where the probabilities of the test rows are stored, if they are.
    """
    parts = split(path, seed, by=by)
    sizes = {"seed": seed, "n_train": len(parts.train_labels), "n_test": len(parts.test_labels)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = method(parts)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the result
            return {**sizes, "failed": f"{type(error).__name__}: {str(error)[:200]}"}
    if keep is not None:
        store(answer, parts.test_labels, keep)
    told = sorted({f"{one.category.__name__}: {str(one.message)[:200]}" for one in caught})
    return {
        **sizes,
        "fit_s": round(answer.fit_seconds, 3),
        "predict_s": round(answer.predict_seconds, 4),
        # Of the process since it began, tables before included.
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        **figures(parts.test_labels, answer.probabilities, answer.classes),
        **({"warnings": told} if told else {}),
        **({"expected": answer.expected_log_loss} if answer.expected_log_loss else {}),
    }
