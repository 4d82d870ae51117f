"""Labels as class numbers, and what class weights make of the weights of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from epochal.data.rows import blocks
from epochal.data.sources.labelled import missing_labels
from epochal.data.weights import relative
from epochal.errors import DataError, SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENORMOUS = 2.0**512
_EXPECTED = "labels that are whole numbers, texts, or true and false"


class Coded(NamedTuple):
    """Labels of very many rows: the different ones, and of each row the number of its own."""

    values: np.ndarray
    codes: np.ndarray  # (rows,) whole numbers, of a type as small as may be

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.codes)


def encode_labels(y: np.ndarray | Coded) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, sorted, and for every row the number of its class (int32 or smaller).

    The classes keep the type of the labels: integers, floats with whole
    values, booleans, texts (also as objects).

    >>> classes, indices = encode_labels(np.array(["no", "yes", "no"]))
    >>> print(classes, indices)
    ['no' 'yes'] [0 1 0]
    """
    if isinstance(y, Coded):
        classes, indices = encode_labels(y.values)
        return classes, indices.astype(y.codes.dtype)[y.codes]
    y = np.asarray(y)
    if y.ndim != 1:
        kind = "multilabel or multioutput"
        raise _unknown_type(kind, f"y has the shape {y.shape}, expected one label per row")
    if not len(y):
        raise DataError("the target has no labels", "at least two rows")
    if y.dtype.kind in "OT":
        y = _plain_labels(y.astype(object))
    _refuse_unfit(y)
    classes, indices = _by_set(y) if y.dtype.kind == "O" else np.unique(y, return_inverse=True)
    if len(classes) == 1:
        found = f"the target has one class only ({classes.tolist()[0]!r})"
        raise DataError(found, "at least two classes")
    return classes, indices.astype(np.int32)


def class_weights(
    classes: np.ndarray,
    indices: np.ndarray,
    class_weight: str | Mapping[object, float] | None,
    sample_weight: np.ndarray | None,
) -> np.ndarray:
    """Return the weight of every row (float64): its own times that of its class.

    "balanced" makes the classes weigh the same: W / (K W_k) for class k, with
    W the weight of all rows, W_k that of the class, K the number of classes
    that occur. A mapping names classes; a class it leaves out has weight 1.
    As in scikit-learn.

    >>> classes, indices = np.array(["a", "b"]), np.array([0, 0, 0, 1])
    >>> print(class_weights(classes, indices, "balanced", None).round(3))
    [0.667 0.667 0.667 2.   ]
    """
    # One number stands for all rows that weigh the same.
    rows = np.broadcast_to(1.0, len(indices))
    if sample_weight is not None:
        rows = np.asarray(sample_weight, np.float64)
    if class_weight is None:
        return rows
    if isinstance(class_weight, str) and class_weight == "balanced":
        sums = np.zeros(len(classes))
        for some in blocks(len(indices)):
            sums += np.bincount(indices[some], rows[some], len(classes))
        occurring = sums > 0
        factors = sums.sum() / (occurring.sum() * np.where(occurring, sums, 1.0))
    else:
        factors = _named_factors(classes, class_weight)
    weights = np.empty(len(indices))
    for some in blocks(len(indices)):
        np.multiply(rows[some], factors[indices[some]], out=weights[some])
    return weights


def _plain_labels(y: np.ndarray) -> np.ndarray:
    """Return object labels of one plain type as an array of that type; texts stay objects."""
    missing = missing_labels(y)
    if missing.any():
        raise _missing(int(missing.argmax()))
    types = {type(label) for label in y.tolist()}
    if all(issubclass(type_, str) for type_ in types):
        return y
    if all(issubclass(type_, (bool, np.bool_)) for type_ in types):
        return y.astype(bool)
    if any(issubclass(type_, (bool, np.bool_)) for type_ in types):
        raise _unknown_type("unknown", f"labels of the types {_named(types)} are mixed")
    if all(issubclass(type_, (int, np.integer)) for type_ in types):
        return y.astype(np.int64)
    if all(issubclass(type_, (int, float, np.integer, np.floating)) for type_ in types):
        return y.astype(np.float64)
    raise _unknown_type("unknown", f"there are labels of the types {_named(types)}")


def _refuse_unfit(y: np.ndarray) -> None:
    """Refuse labels that are missing, infinite, continuous, or of a type without meaning."""
    if y.dtype.kind == "f":
        if np.isnan(y).any():
            raise _missing(int(np.isnan(y).argmax()))
        if np.isinf(y).any():
            row = int(np.isinf(y).argmax())
            raise DataError(f"Input y contains infinity (row {row})", _EXPECTED)
        fractions = y != np.round(y)
        if fractions.any():
            row = int(fractions.argmax())
            raise _unknown_type("continuous", f"the label in row {row} is {y[row]}")
    elif y.dtype.kind not in "biuUO":
        raise _unknown_type("unknown", f"the labels are of type {y.dtype}")


def _by_set(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes of object texts, and the number of every row's; no sorting of rows."""
    classes = sorted(set(y.tolist()))
    number = {label: index for index, label in enumerate(classes)}
    indices = np.fromiter((number[label] for label in y.tolist()), np.int32, len(y))
    return np.array(classes, dtype=object), indices


def _named_factors(classes: np.ndarray, class_weight: object) -> np.ndarray:
    """Return the factor of every class out of a mapping."""
    if not hasattr(class_weight, "items"):
        expected = "a dict of weights by class, 'balanced' or None"
        raise SettingError.from_value("class_weight", class_weight, expected)
    by_class = dict(class_weight.items())
    labels = classes.tolist()
    left_out = [label for label in labels if label not in by_class]
    if left_out and len(labels) - len(left_out) != len(by_class):
        unknown = [label for label in by_class if label not in labels]
        raise SettingError(
            f"The classes, {left_out}, are not in class_weight, but {unknown} are",
            f"classes out of {labels}",
        )
    factors = np.array([by_class.get(label, 1.0) for label in labels], dtype=np.float64)
    if not (np.isfinite(factors) & (factors >= 0)).all():
        expected = "a dict of finite weights of at least 0"
        raise SettingError.from_value("class_weight", class_weight, expected)
    # Such factors times weights of rows may be no numbers of float64.
    return relative(factors) if factors.max() > _ENORMOUS else factors


def _missing(row: int) -> DataError:
    """Return the error for a row without a label."""
    hint = "leave such rows out of the training"
    return DataError(f"Input y contains NaN: the label is missing in row {row}", _EXPECTED, hint)


def _unknown_type(kind: str, found: str) -> DataError:
    """Return the error for labels that are no classes, with scikit-learn's opening words."""
    hint = "a continuous target asks for a regressor" if kind == "continuous" else ""
    return DataError(f"Unknown label type: {kind}; {found}", _EXPECTED, hint)


def _named(types: set[type]) -> str:
    """Return the names of types, sorted, in one text."""
    return ", ".join(sorted(type_.__name__ for type_ in types))


def numbered(y: np.ndarray | Coded, classes: np.ndarray) -> np.ndarray:
    """Return the class number of every label (int32 or smaller), for classes that are known.

    Args:
        y: labels, shape (rows,).
        classes: sorted, as `encode_labels` gave them.

    Raises:
        DataError: for a label that is none of the classes.

    >>> print(numbered(np.array([7, 3, 7]), np.array([3, 7])))
    [1 0 1]
    """
    if isinstance(y, Coded):
        of_value = numbered(y.values, classes)
        return of_value.astype(np.min_scalar_type(len(classes)))[y.codes]
    y = np.asarray(y)
    number = {label: index for index, label in enumerate(classes.tolist())}
    indices = np.fromiter((number.get(label, -1) for label in y.tolist()), np.int32, len(y))
    if (indices < 0).any():
        row = int((indices < 0).argmax())
        known = ", ".join(repr(label) for label in classes.tolist()[:10])
        raise DataError(
            f"the label {y.tolist()[row]!r} in row {row} is not one of the model's classes",
            f"one of: {known}" + (", …" if len(classes) > 10 else ""),
            "name all classes in the first call of partial_fit, or fit anew",
        )
    return indices
