"""Tables with many columns and few rows: made ones and real ones, and the log-loss of methods on them.

Made tables have 200 to 600 training rows, 100 to 500 columns and 2 to 16 classes, some of them rare.
A few columns decide: in straight lines, by thresholds, or by being missing. The others are noise, correlated with these or
not; some are constant, some repeat another one. Test rows are many, so that the deviation is that
of the tables. Real tables are thinned to a few hundred training rows.

Tables with an even number are for choosing, those with an odd one for confirming. Real tables have
a seed: `leaf_species:0`. Results are added to a file, and what is there is not run again.

    python benchmarks/wide_tables.py --methods logreg,epochal:default --out results.jsonl
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TEST_ROWS = 1500
# Shapes of made tables by number: training rows, columns, classes.
SHAPES = (
    (354, 279, 16),
    (350, 280, 13),
    (250, 120, 2),
    (300, 100, 2),
    (400, 400, 6),
    (450, 350, 5),
    (600, 200, 10),
    (550, 250, 9),
    (220, 500, 3),
    (200, 450, 4),
)
# Shapes with more rows, of tables that are named `larger:0-3`.
LARGER_SHAPES = ((4000, 400, 2), (5000, 300, 5), (3000, 450, 9), (8000, 500, 3))
# Real tables by name: the share or number of rows to train on.
REAL: dict[str, float] = {
    "golub_leukemia": 0.7,
    "leaf_species": 0.7,
    "grants_unimelb": 500,
    "mfeat_factors": 300,
    "caravan_insurance": 600,
    "cylinder_bands": 300,
    "loans_grade": 400,
    "satimage": 300,
}


class Table(NamedTuple):
    """Rows to train on and rows to test on; the name of the fields are those of `accuracy_protocol.Split`."""

    train: pd.DataFrame
    train_labels: np.ndarray
    test: pd.DataFrame
    test_labels: np.ndarray


def made(number: int, shapes: Sequence[tuple[int, int, int]] = SHAPES) -> Table:
    """Return the made table with this number, of which the shapes recur."""
    random = np.random.default_rng(10_000 + number)
    rows, columns, classes = shapes[number % len(shapes)]
    x = _columns(random, rows + TEST_ROWS, columns)
    numbers = (_ruled if number % 4 < 2 else _scored)(random, x, classes)
    labels = np.array([f"k{k:02d}" for k in numbers])
    gaps = random.random(columns) < 0.15
    x[:, gaps] = np.where(random.random((len(x), gaps.sum())) < 0.2, np.nan, x[:, gaps])
    frame = pd.DataFrame(x, columns=[f"c{j}" for j in range(columns)])
    order = np.arange(len(x))
    return _split(frame, labels, order[:rows], order[rows:])


def _columns(random: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return columns of many shapes, in correlated groups; some constant, some repeated."""
    factors = random.normal(size=(rows, max(columns // 12, 2)))
    loading = random.normal(size=(factors.shape[1], columns))
    loading *= random.random(loading.shape) < 0.15
    x = factors @ loading + random.normal(size=(rows, columns)) * random.uniform(0.3, 1.5, columns)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    shapes = random.choice(5, columns, p=[0.35, 0.25, 0.15, 0.15, 0.1])
    for j, shape in enumerate(shapes):
        if shape == 1:  # integers
            x[:, j] = np.round(x[:, j] * random.uniform(1, 20) + random.uniform(-30, 90))
        elif shape == 2:  # rare flags
            x[:, j] = x[:, j] > random.uniform(0.8, 2.3)
        elif shape == 3:  # mostly zero
            x[:, j] = np.maximum(np.round(3 * (x[:, j] - random.uniform(0, 1.5))), 0)
        elif shape == 4:  # a long tail
            x[:, j] = np.exp(random.uniform(0.5, 1.5) * x[:, j])
    special = random.permutation(columns)
    constant, repeats = special[: columns // 20], special[columns // 20 : columns // 8]
    x[:, constant] = 0.0
    x[:, repeats] = x[:, random.permutation(columns)[: len(repeats)]]
    return x


def _scored(random: np.random.Generator, x: np.ndarray, classes: int) -> np.ndarray:
    """Return classes drawn by scores, each of columns of its own and of shared ones."""
    z, varying = _standardised(x)
    shares = 1.0 / (1.0 + np.arange(classes)) ** random.uniform(0.5, 2.0)
    scores = np.tile(np.log(shares / shares.sum()), (len(x), 1))
    shared = random.choice(varying, 6, replace=False)
    for k in range(classes):
        for j in random.choice(shared, 3, replace=False):
            scores[:, k] += 1.5 * random.normal() * z[:, j]
        for j in random.choice(varying, random.integers(2, 5), replace=False):
            edge = np.quantile(z[:, j], random.uniform(0.6, 0.9))
            step = random.random() < 0.6
            scores[:, k] += random.uniform(2, 6) * (z[:, j] > edge if step else z[:, j] / 2)
    noise = random.uniform(0.3, 0.9) * random.gumbel(size=scores.shape)
    return np.argmax(scores + noise, axis=1)


def _ruled(random: np.random.Generator, x: np.ndarray, classes: int) -> np.ndarray:
    """Return classes by a list of rules: most rows are class 0, another one is behind a threshold or two."""
    z, varying = _standardised(x)
    labels, free = np.zeros(len(x), np.int64), np.ones(len(x), bool)
    share = 0.55 if classes > 2 else 0.4
    sizes = 1.0 / (1.0 + np.arange(classes - 1)) ** random.uniform(0.3, 1.2)
    sizes *= share / sizes.sum()
    for k in range(1, classes):
        used = random.choice(varying, random.integers(1, 4), replace=False)
        # Soft: the rows with the largest sum of steps and slopes, of those that are left.
        score = 0.15 * random.normal(size=len(x))
        for j in used:
            edge = np.quantile(z[:, j], random.uniform(0.5, 0.8))
            score += np.where(z[:, j] > edge, 1.0, 0.0) + 0.3 * random.random() * z[:, j]
        chosen = np.argsort(np.where(free, -score, np.inf))[: max(int(sizes[k - 1] * len(x)), 30)]
        labels[chosen], free[chosen] = k, False
    wrong = random.random(len(x)) < random.uniform(0.0, 0.1)
    return np.where(wrong, random.permutation(labels), labels)


def _standardised(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return standardised columns within three deviations, and the numbers of those that vary."""
    deviation = x.std(axis=0)
    z = np.clip((x - x.mean(axis=0)) / np.maximum(deviation, 1e-9), -3, 3)
    return z, np.flatnonzero(deviation > 0)


def real(name: str, folders: Sequence[Path], seed: int) -> Table:
    """Return a thinned real table; of golub and leaf_species, a stratified split of all rows."""
    from sklearn.model_selection import train_test_split

    path = next(
        folder / f"{name}.parquet" for folder in folders if (folder / f"{name}.parquet").exists()
    )
    frame = pd.read_parquet(path)
    labels = frame.pop("target").astype(str).to_numpy()
    keep = pd.Series(labels).groupby(labels).transform("size").to_numpy() >= 10
    frame, labels = frame[keep].reset_index(drop=True), labels[keep]
    for column in frame.columns:
        frame[column] = _raw(frame[column])
    size = REAL[name] if REAL[name] < 1 else int(REAL[name])
    train, test = train_test_split(
        np.arange(len(labels)), train_size=size, random_state=seed, stratify=labels
    )
    return _split(frame, labels, train, test[:TEST_ROWS])


def _raw(column: pd.Series) -> pd.Series:
    """Return a column as methods get it: float64 with NaN, or texts with None."""
    if column.dtype.kind in "biuf" or pd.api.types.is_extension_array_dtype(column.dtype):
        try:
            return column.astype("float64")
        except (TypeError, ValueError):
            pass
    return column.astype(object).where(column.notna(), None)


def _split(frame: pd.DataFrame, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> Table:
    """Return the parts; test rows of classes that the training rows lack are left out."""
    test = test[np.isin(labels[test], labels[train])]
    parts = (frame.iloc[rows].reset_index(drop=True) for rows in (train, test))
    return Table(next(parts), labels[train], next(parts), labels[test])


def method_of(name: str) -> Callable[[Table], tuple[np.ndarray, Any]]:
    """Return the method of a name: fits on the table and returns probabilities and classes."""
    if name.startswith("epochal:"):
        from accuracy_methods import settings_of
        from epochal import EpochalClassifier

        return lambda t: _fitted(EpochalClassifier(**settings_of(name)), t)
    if name == "logreg_cv":
        return lambda t: _fitted(_logistic(), Table(*map(_texts, t)))
    if name == "cat":
        return _catboost
    msg = f"no method is called {name!r}; there are logreg_cv, cat and epochal:PRESET[:setting=value…]"
    raise ValueError(msg)


def _texts(part: Any) -> Any:
    """Return the frame with everything but numbers as text."""
    if not isinstance(part, pd.DataFrame):
        return part
    return part.apply(lambda c: c if c.dtype.kind == "f" else c.fillna("__na__").astype(str))


def _fitted(model: Any, table: Table) -> tuple[np.ndarray, Any]:
    """Return what a model says of the test rows, and its classes."""
    model.fit(table.train, table.train_labels)
    return model.predict_proba(table.test), model


def _logistic() -> Any:
    """Return logistic regression on standardised columns, its L2 penalty cross-validated."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    scaled = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    coded = OneHotEncoder(handle_unknown="ignore", min_frequency=3, sparse_output=False)
    columns = make_column_transformer(
        (scaled, make_column_selector(dtype_include="number")),
        (coded, make_column_selector(dtype_exclude="number")),
    )
    logistic = LogisticRegressionCV(
        Cs=np.logspace(-4, 1, 8), cv=4, scoring="neg_log_loss", max_iter=300
    )
    return make_pipeline(columns, logistic)


def _catboost(table: Table) -> tuple[np.ndarray, Any]:
    """Return what CatBoost says with its defaults."""
    from catboost import CatBoostClassifier

    names = [c for c in table.train if table.train[c].dtype.kind != "f"]
    several = len(np.unique(table.train_labels)) > 2
    model = CatBoostClassifier(
        loss_function="MultiClass" if several else "Logloss",
        cat_features=names,
        verbose=0,
        thread_count=1,
        allow_writing_files=False,
        random_seed=0,
    )
    return _fitted(model, Table(*map(_texts, table)))


def figures(name: str, table: Table) -> dict[str, Any]:
    """Return log-loss, its standard error over the test rows, error and seconds of a method."""
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p, model = method_of(name)(table)
    seconds = time.perf_counter() - began
    classes = np.asarray(model.classes_).astype(str)
    place = np.searchsorted(classes, table.test_labels)
    p = np.clip(p, 1e-7, 1)
    p /= p.sum(axis=1, keepdims=True)
    each = -np.log(p[np.arange(len(place)), place])
    out_of_bag = getattr(model, "out_of_bag_", None)
    return {
        "log_loss": float(each.mean()),
        "log_loss_se": float(each.std() / np.sqrt(len(each))),
        "error": float((p.argmax(axis=1) != place).mean()),
        "seconds": round(seconds, 2),
        "expected": out_of_bag and out_of_bag.expected_log_loss,
    }


def tables(names: str, folders: Sequence[Path]) -> Iterator[tuple[str, Callable[[], Table]]]:
    """Yield name and maker of each table that a text names: `made:0-9`, `larger:0-3` and `NAME:SEED`, by comma."""
    for part in names.split(","):
        name, _, numbers = part.partition(":")
        first, _, last = (numbers or "0").partition("-")
        for number in range(int(first), int(last or first) + 1):
            if name in {"made", "larger"}:
                shapes = SHAPES if name == "made" else LARGER_SHAPES
                yield f"{name}:{number}", partial(made, number, shapes)
            else:
                yield f"{name}:{number}", partial(real, name, folders, number)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, add it to the results, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="folders of real tables")
    parser.add_argument("--tables", default="made:0-9")
    parser.add_argument("--methods", default="epochal:default")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(argv)
    methods = re.split(r",(?![^(]*\))", arguments.methods)
    done = set()
    if arguments.out.exists():
        lines = arguments.out.read_text(encoding="utf-8").splitlines()
        done = {(r["table"], r["method"]) for r in map(json.loads, lines)}
    for name, make in tables(arguments.tables, arguments.data):
        for method in methods:
            if (name, method) in done:
                continue
            row = {"table": name, "method": method, **figures(method, make())}
            print(json.dumps(row), flush=True)
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
