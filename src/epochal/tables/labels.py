"""Label encoding: labels as class indices.

Labels of a text file are texts, compared character by character: "007" and "7" are two classes.
Labels that are numbers in a typed file or an array are numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from epochal.errors import CellError, DataError
from epochal.tables.conversion import is_gap

_EXPECTED = "labels that are whole numbers, texts, or true and false"
_AS_TEXT = (
    "predict quantities with a regressor; if the numbers are names, "
    "train with --target-as-text, in Python with y.astype(str)"
)


class Coded(NamedTuple):
    """Dictionary-encoded labels: the unique values, and the index of every row's value."""

    values: np.ndarray
    codes: np.ndarray  # (rows,) integers of the smallest type that holds them

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.codes)


def encode_labels(y: np.ndarray | Coded, where: str = "y") -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, sorted, and for every row the number of its class (int32 or smaller).

    The classes have the type of the labels: integers (also as objects, beyond 64 bits),
    floats with whole values, booleans, texts (also as objects). `where` names the source of
    the labels in messages.

    >>> classes, indices = encode_labels(np.array(["no", "yes", "no"]))
    >>> print(classes, indices)
    ['no' 'yes'] [0 1 0]
    """
    if isinstance(y, Coded):
        try:
            classes, indices = encode_labels(y.values, where)
        except CellError as error:
            raise error.placed(int((y.codes == error.row).argmax())) from None
        return classes, indices.astype(y.codes.dtype)[y.codes]
    y = np.asarray(y)
    if y.ndim != 1:
        kind = "multilabel or multioutput"
        raise unknown_type(kind, f"{where} has the shape {y.shape}, expected one label per row")
    if not len(y):
        raise DataError(f"{where} has no labels", "at least two rows")
    if y.dtype.kind in "OT":
        y = _plain_labels(y.astype(object), where)
    _refuse_unfit(y, where)
    classes, indices = _by_set(y) if y.dtype.kind == "O" else np.unique(y, return_inverse=True)
    if len(classes) == 1:
        problem = f"{where} has one class only ({classes.tolist()[0]!r})"
        raise DataError(problem, "at least two classes")
    return classes, indices.astype(np.int32)


def _plain_labels(y: np.ndarray, where: str) -> np.ndarray:
    """Return object labels that have one type as an array of that type; texts stay objects."""
    missing = missing_labels(y)
    if missing.any():
        raise _missing(int(missing.argmax()))
    types = {type(label) for label in y.tolist()}
    if all(issubclass(type_, str) for type_ in types):
        return y
    if all(issubclass(type_, (bool, np.bool_)) for type_ in types):
        return y.astype(bool)
    if any(issubclass(type_, (bool, np.bool_)) for type_ in types):
        raise unknown_type("unknown", f"{where} mixes labels of the types {_named(types)}")
    if all(issubclass(type_, (int, np.integer)) for type_ in types):
        integers = [int(label) for label in y]
        fits = min(integers) >= -(2**63) and max(integers) < 2**63
        return np.array(integers, np.int64 if fits else object)
    if all(issubclass(type_, (int, float, np.integer, np.floating)) for type_ in types):
        return y.astype(np.float64)
    raise unknown_type("unknown", f"{where} has labels of the types {_named(types)}")


def _refuse_unfit(y: np.ndarray, where: str) -> None:
    """Refuse labels that are missing, infinite, continuous, or of an unsupported type."""
    if y.dtype.kind == "f":
        if np.isnan(y).any():
            raise _missing(int(np.isnan(y).argmax()))
        if np.isinf(y).any():
            row = int(np.isinf(y).argmax())
            raise CellError.in_row(f"Input y contains infinity: {where}, in", row, "", _EXPECTED)
        fractions = y != np.round(y)
        if fractions.any():
            row = int(fractions.argmax())
            before = f"Unknown label type: continuous; {where} holds {y[row]} in"
            raise CellError.in_row(before, row, "", _EXPECTED, _AS_TEXT)
    elif y.dtype.kind not in "biuUO":
        raise unknown_type("unknown", f"the labels of {where} are of type {y.dtype}")


def _by_set(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes of object texts, and every row's class index, without sorting the rows."""
    classes = sorted(set(y.tolist()))
    number = {label: index for index, label in enumerate(classes)}
    indices = np.fromiter((number[label] for label in y.tolist()), np.int32, len(y))
    return np.array(classes, dtype=object), indices


def _missing(row: int) -> CellError:
    """Return the error for a row without a label."""
    before, hint = (
        "Input y contains NaN: the label is missing in",
        "leave such rows out of the training",
    )
    return CellError.in_row(before, row, "", _EXPECTED, hint)


def unknown_type(kind: str, found: str) -> DataError:
    """Return the error for labels that are no classes; it begins as scikit-learn's does."""
    hint = _AS_TEXT if kind == "continuous" else ""
    return DataError(f"Unknown label type: {kind}; {found}", _EXPECTED, hint)


def _named(types: set[type]) -> str:
    """Return the names of types, sorted, in one text."""
    return ", ".join(sorted(type_.__name__ for type_ in types))


def missing_labels(labels: np.ndarray) -> np.ndarray:
    """Return for every label whether it is None, NaN or NaT.

    >>> print(missing_labels(np.array(["a", None, float("nan")], dtype=object)))
    [False  True  True]
    """
    if labels.dtype.kind in "fcmM":
        missing: np.ndarray = np.isnat(labels) if labels.dtype.kind in "mM" else np.isnan(labels)
        return missing
    if labels.dtype != object:
        return np.zeros(labels.shape, dtype=bool)
    kinds = set(map(type, labels.flat))
    if kinds <= {str, type(None)}:
        # The usual case, in a tenth of the time.
        return np.equal(labels, np.array(None, dtype=object)).astype(bool)
    flags = map(is_gap, labels.flat)
    return np.fromiter(flags, dtype=bool, count=labels.size).reshape(labels.shape)
