"""Class labels as JSON and back, with their NumPy type.

Integers, floats, booleans and text are supported. Text has NumPy's fixed width (`<U5`: up to five
characters) or is stored as Python strings (`object`). Integers beyond 64 bits are objects, too.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np

from epochal.errors import ModelError

SHAPE = {"dtype": str, "values": ([bool], [int], [float], [str])}
_NUMBERS = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)")
_TEXT = re.compile(r"<U([1-9]\d{0,7})")
# A bound, so that a few bytes of JSON cannot allocate gigabytes.
MOST_CHARACTERS = 2**24


def to_json(classes: np.ndarray) -> dict[str, Any]:
    """Return the labels as JSON-ready values.

    >>> to_json(np.array(["no", "yes"]))
    {'dtype': '<U3', 'values': ['no', 'yes']}
    """
    _check(classes)
    dtype = classes.dtype
    name = f"<U{dtype.itemsize // 4}" if dtype.kind == "U" else dtype.name
    return {"dtype": name, "values": [_plain(v) for v in classes.tolist()]}


def from_json(described: dict[str, Any]) -> np.ndarray:
    """Return the labels that `to_json` described.

    >>> from_json({"dtype": "int16", "values": [-1, 1]})
    array([-1,  1], dtype=int16)
    """
    name, values = described["dtype"], described["values"]
    text = _TEXT.fullmatch(name)
    if not (text or name == "object" or _NUMBERS.fullmatch(name)):
        raise ModelError.from_damage(f"model.json: classes.dtype is {name!r}", "a type of labels")
    if text and int(text[1]) * len(values) > MOST_CHARACTERS:
        raise ModelError.from_damage("the class labels are too long")
    try:
        with np.errstate(over="ignore"):
            classes = np.array(values, dtype=name)
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelError.from_damage(
            f"model.json: classes.values are no labels of type {name}"
        ) from error
    # A number cast to text, or a float cast to an integer, is another label.
    if classes.tolist() != values:
        raise ModelError.from_damage(f"model.json: classes.values are no labels of type {name}")
    _check(classes)
    return classes


def _check(classes: np.ndarray) -> None:
    """Refuse labels that are not sorted, or of a type that cannot be stored."""
    kind = classes.dtype.kind
    values = classes.tolist()
    plain = kind == "O" and _are_texts_or_integers(values)
    if not (plain or kind == "U" or _NUMBERS.fullmatch(classes.dtype.name)):
        raise ModelError(
            f"the class labels are of type {classes.dtype}",
            "numbers, booleans or text",
            "turn the labels into text before training",
        )
    if classes.ndim != 1 or classes.size < 2:
        raise ModelError.from_damage(f"there are {classes.size} class labels", "at least 2")
    if not all(left < right for left, right in pairwise(values)):
        raise ModelError.from_damage("the class labels are not sorted, or one occurs twice")
    if kind == "U" and classes.nbytes // 4 > MOST_CHARACTERS:
        raise ModelError.from_damage("the class labels are too long", "shorter labels")
    if kind == "f" and not np.isfinite(classes).all():
        raise ModelError.from_damage("a class label is not finite")


def _are_texts_or_integers(values: list[Any]) -> bool:
    """Whether all labels are texts, or all are integers of which some need more than 64 bits."""
    if all(isinstance(value, str) for value in values):
        return True
    integers = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    return integers and any(not -(2**63) <= value < 2**63 for value in values)


def _plain(value: Any) -> Any:
    """Return a label as a JSON value: a subclass of str as str."""
    return str(value) if isinstance(value, str) else value
