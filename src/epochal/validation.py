"""What an estimator is given, checked as scikit-learn does: rows, what is known of each, parameters."""

from __future__ import annotations

import warnings
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.validation import _check_sample_weight, validate_data

from epochal.config.csv_options import PLAIN
from epochal.config.settings import SETTINGS
from epochal.errors import DataError, SettingError
from epochal.io.columns import PYTHON, as_read, labelled
from epochal.io.frames import (
    as_labels,
    as_rows,
    as_values,
    concrete,
    head_without,
    is_frame,
)
from epochal.io.named_columns import taken_from, with_labels, without
from epochal.io.objects import as_array
from epochal.model.parameters import Parameters
from epochal.preprocessing.validation import is_plain
from epochal.tables.conversion import converting, shown_value
from epochal.tables.dataset import Labelled
from epochal.tables.labels import encode_labels, missing_labels
from epochal.tables.rows import head_of, len_of
from epochal.tables.streaming import Streamed
from epochal.tables.target import check_target

if TYPE_CHECKING:
    from collections.abc import Collection

    from epochal.config.csv_options import CsvOptions
    from epochal.io.columns import Roles
    from epochal.tables.rows import Rows

# Errors of scikit-learn itself, which pass unchanged.
_ITS_OWN = (ValueError, TypeError)


def checked_rows(
    estimator: Any,
    X: Any,
    *,
    reset: bool,
    without: Collection[str] = (),
    row_shape: tuple[int, ...] = (),
) -> Rows:
    """Return X as a table or array, checked as scikit-learn's contract asks.

    Args:
        estimator: of which the names and the number of features are set, or compared.
        X: rows of any kind, and no path.
        reset: True in a fit, False at prediction and for further rows.
        without: columns of a frame that are not features.
        row_shape: the shape of a row, for an empty list at prediction.
    """
    unnamed = not reset and not hasattr(estimator, "feature_names_in_")
    if unnamed and is_plain(X, estimator.n_features_in_):
        return X
    rows: Rows
    if isinstance(X, Streamed):
        if reset:
            validate_data(estimator, head_of(X), reset=True, skip_check_array=True)
        return X
    if is_frame(X):
        rows = as_rows(X)
        if reset or unnamed:
            # Otherwise columns are matched by name, in any order, by the preprocessor.
            head = head_without(X, without)
            validate_data(estimator, head, reset=reset, skip_check_array=True)
        return rows.drop_columns([name for name in rows.column_names if name in without])
    with converting("X", "rows of numbers", passed=_ITS_OWN):
        rows = validate_data(
            estimator,
            as_array(X, row_shape),
            reset=reset,
            accept_sparse="csr",
            dtype="numeric",
            ensure_all_finite=False,
            allow_nd=True,
            ensure_min_samples=int(reset),
        )
    return rows


def read_rows(
    estimator: Any,
    X: Any,
    roles: Roles,
    *,
    reset: bool,
    ending: str = "",
    csv: CsvOptions = PLAIN,
) -> Labelled:
    """Return rows with their labels, weights, groups and timestamps, given by values or by names of columns.

    `reset` as above; `ending` is the end of the argument names, "_val" for validation rows;
    `csv` is how CSV files are read.
    """
    if roles.target is None:
        msg = "requires y to be passed, but the target y is None"
        raise ValueError(f"{type(estimator).__name__} {msg}")
    categorical, text = (
        _columns_in(estimator, PYTHON.categorical),
        _columns_in(estimator, PYTHON.text),
    )
    if isinstance(X, (str, PathLike)):
        for role, value in zip(("y", "sample_weight", "groups", "times"), roles, strict=False):
            if not isinstance(value, (str, type(None))):
                found = f"X is a path, and {role} is of type {type(value).__name__!r}"
                raise DataError(found, f"the name of a column for {role}{ending}")
        read = labelled(
            str(X),
            roles,
            categorical=list(map(str, categorical)),
            text=list(map(str, text)),
            streamed=estimator.memory_limit is not None,
            options=PYTHON,
            csv=csv,
            folder=estimator.cache_dir,
        )
        _warn_of_dropped(read.dropped, str(X))
        return replace(read, rows=checked_rows(estimator, read.rows, reset=reset))
    X = concrete(X)
    values, named = taken_from(X, roles, ending)
    rows = checked_rows(estimator, X, reset=reset, without=without(roles, named))
    rows, read_as = as_read(rows, categorical, text, "X")
    y, weight, groups, timestamps, _ = values
    beside = of_rows(rows, groups, "groups"), of_rows(rows, timestamps, "timestamps")
    if isinstance(rows, Streamed):
        return Labelled(rows, y, weight, *beside, read_as=read_as)
    where = f"column {roles.target!r} of the data frame" if "target" in named else f"y{ending}"
    labels = checked_labels(rows, y, weight)
    read = Labelled(rows, *labels, *beside, label_source=where, read_as=read_as)
    if "target" in named:
        read = with_labels(read)
        _warn_of_dropped(read.dropped, "the data frame")
    if reset:
        check_target(read.labels, read.label_source)
    return read


def _columns_in(estimator: Any, parameter: str) -> list[Any]:
    """Return the columns that a parameter of an estimator names; refuse a text in place of a list."""
    columns = getattr(estimator, parameter)
    if isinstance(columns, str):
        hint = f"put it into a list: [{columns!r}]"
        raise SettingError(f"{parameter} is {columns!r}", "a list of columns", hint)
    return [] if columns is None else list(columns)


def _warn_of_dropped(rows: int, source: str) -> None:
    """Warn if rows without a label were dropped."""
    if rows:
        found = f"{source} has {rows:,} {'row' if rows == 1 else 'rows'} without a label"
        warnings.warn(f"{found}: left out", UserWarning, stacklevel=4)


def checked_labels(rows: Rows, y: Any, weight: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the labels and weights of rows in memory, checked as scikit-learn does."""
    labels = column_or_1d(as_labels(y), warn=True)
    if len(labels) != rows.shape[0]:
        counts = f"[{rows.shape[0]}, {len(labels)}]"
        msg = f"Found input variables with inconsistent numbers of samples: {counts}"
        raise ValueError(msg)
    if weight is not None:
        if not np.isscalar(weight):
            weight = as_values(weight, "sample_weight")
        one_each = np.empty((len(labels), 1))
        with converting("sample_weight", "numbers of at least 0", passed=_ITS_OWN):
            weight = _check_sample_weight(
                weight, one_each, dtype=np.float64, ensure_non_negative=True
            )
    return labels, weight


def of_rows(rows: Rows | Streamed, values: Any, name: str) -> np.ndarray | None:
    """Return one value for each row as an array, or None if there are none."""
    if values is None:
        return None
    found: np.ndarray = column_or_1d(as_values(values, name))
    if len(found) != len_of(rows):
        message = f"{name} has {len(found)} values for {len_of(rows)} rows"
        raise DataError(message, "one for each row")
    return found


def checked_classes(classes: Any, known: np.ndarray | None) -> np.ndarray | None:
    """Return the sorted classes of `partial_fit`, or None if none are given.

    Args:
        classes: as given; duplicates are allowed.
        known: the classes of the fitted model, which must be the same; None before the first fit.
    """
    if classes is None:
        return None
    labels = as_labels(classes, "classes")
    if labels.ndim != 1:
        found = f"classes is {shown_value(classes)}"
        raise DataError(found, "a list or an array of labels, in one dimension")
    missing = missing_labels(labels)
    if missing.any():
        found = f"classes[{int(missing.argmax())}] is missing"
        raise DataError(found, "every class there will be", "leave it out")
    if len(set(labels.tolist())) < 2:
        raise DataError(f"classes is {labels.tolist()}", "at least two classes")
    each, _ = encode_labels(labels)
    if known is not None and each.tolist() != known.tolist():
        raise DataError(
            f"`classes={each.tolist()}` is not the same as on last call to partial_fit, "
            f"was: {known.tolist()}",
            "the same classes in every call, or none after the first",
            "fit again for other classes",
        )
    return each


def parameters_of(estimator: Any, seed: int) -> Parameters:
    """Return the parameters of an estimator as a model stores them; for a generator, the seed drawn from it."""
    state, verbose = estimator.random_state, estimator.verbose
    drawn = None if state is None else seed
    return Parameters.of(
        estimator.preset,
        {name: getattr(estimator, name) for name in SETTINGS},
        estimator.class_weight,
        categorical_features=estimator.categorical_features,
        text_features=estimator.text_features,
        oob_score=bool(estimator.oob_score),
        warm_start=bool(estimator.warm_start),
        random_state=int(state) if isinstance(state, (int, np.integer)) else drawn,
        verbose=verbose if isinstance(verbose, int) else bool(verbose),
    )
