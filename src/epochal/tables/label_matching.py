"""Label matching: labels of new data as class indices of a model, whatever their storage type.

A label matches the class with exactly the same spelling; else the only class with the same canonical
text. So 7, 7.0 and "7" are one label, and "007" is another.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.errors import CellError, DataError, suggestion
from epochal.tables.canonical import canonical
from epochal.tables.labels import Coded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

# Other spellings of booleans; used only if the classes are booleans.
_BOOLEANS = {"1": "true", "yes": "true", "0": "false", "no": "false"}
_SHOWN = 5


def class_indices(
    classes: NDArray[Any], labels: NDArray[Any] | Coded | list[Any], where: str = "y"
) -> NDArray[np.int32]:
    """Return the class index of every label; a label that is no class is refused by name.

    Args:
        classes: of a model, shape (classes,).
        labels: shape (rows,); none is missing.
        where: what holds the labels, in messages.

    >>> class_indices(np.array([3, 7]), ["7", "3", "7.0"]).tolist()
    [1, 0, 1]
    >>> class_indices(np.array(["007", "7"]), [7, "007"]).tolist()
    [1, 0]
    """
    if isinstance(labels, Coded):
        index = matching(classes, list(labels.values))
        value_classes = [index[label] for label in list(labels.values)]
        unknown = [
            value
            for value, class_index in zip(labels.values, value_classes, strict=True)
            if class_index is None
        ]
        if unknown:
            numbers = np.flatnonzero([class_index is None for class_index in value_classes])
            row = int(np.isin(labels.codes, numbers).argmax())
            raise _unknown(classes, [labels.values[labels.codes[row]], *unknown], where, row)
        return np.array(value_classes, np.min_scalar_type(len(classes)))[labels.codes]
    values = labels.tolist() if isinstance(labels, np.ndarray) else labels
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "f":
        # NumPy scalars print at their own precision: 0.1 in 32 bits is 0.1.
        values = list(labels)
    index = matching(classes, values)
    unknown = [label for label, class_index in index.items() if class_index is None]
    if unknown:
        row = next(row for row, label in enumerate(values) if index[label] is None)
        raise _unknown(classes, unknown, where, row)
    return np.fromiter((index[label] for label in values), dtype=np.int32, count=len(values))


def matching(classes: NDArray[Any], labels: Iterable[Any]) -> dict[Any, int | None]:
    """Return the class index of each unique label; None for a label that is no class.

    Raises:
        DataError: for a label that may be either of two classes.

    >>> matching(np.array(["2.1", "2.10"]), ["2.10", 2.1, "x"])
    {'2.10': 1, 2.1: 0, 'x': None}
    """
    names = classes.tolist() if classes.dtype.kind != "f" else list(classes)
    spelled = {str(name): index for index, name in enumerate(names)}
    canonicals = [canonical(name) for name in names]
    by_canonical_text = {text: index for index, text in enumerate(canonicals)}
    repeated = {text for text, count in Counter(canonicals).items() if count > 1}
    booleans = _BOOLEANS if classes.dtype.kind == "b" else {}
    class_of: dict[Any, int | None] = {}
    for label in labels:
        if label in class_of:
            continue
        text = canonical(label)
        spelling = str(label) if isinstance(label, str) else text
        index = spelled.get(spelling)
        if index is None and text in repeated:
            raise _ambiguous(
                label, [n for n, c in zip(names, canonicals, strict=True) if c == text]
            )
        if index is None:
            index = by_canonical_text.get(booleans.get(text.lower(), text))
        class_of[label] = index
    return class_of


def _ambiguous(label: object, names: list[Any]) -> DataError:
    """Return the error for a label that several classes spell differently."""
    spellings = " and ".join(repr(name) for name in names[:_SHOWN])
    problem = f"the label {label!r} may be any of the model's classes {spellings}"
    hint = "give the labels as the model's classes are spelled"
    return DataError(problem, "a label that is spelled like one of them", hint)


def _unknown(classes: NDArray[Any], unknown: list[Any], where: str, row: int) -> DataError:
    """Return the error for labels that are no classes; the row holds the first of them."""
    first, *others = map(_plain, dict.fromkeys(unknown))
    names = ", ".join(map(repr, others[: _SHOWN - 1]))
    surplus = len(others) + 1 - _SHOWN
    names += f" and {surplus} more" if surplus > 0 else ""
    problem = f", which is no class of the model{f'; others are {names}' if names else ''}"
    hint = suggestion(str(first), [str(label) for label in classes])
    before = f"{where} holds the label {first!r} in"
    return CellError.in_row(before, row, problem, "only classes of the model", hint)


def _plain(label: Any) -> Any:
    """Return a NumPy scalar as a Python value, which prints without its type."""
    return label.item() if isinstance(label, np.generic) else label
