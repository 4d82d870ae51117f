"""Labels of new data as the classes of a model, whatever type their file gave them.

A label is a class if it is spelled the same, letter for letter; else if it is the only one with
the same canonical text. So 7, 7.0 and "7" are one label, and "007" is another.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.data.canonical import canonical
from epochal.data.labels import Coded
from epochal.errors import DataError, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

# How files spell booleans besides; only where the classes are booleans.
_BOOLEANS = {"1": "true", "yes": "true", "0": "false", "no": "false"}
_SHOWN = 5


def class_indices(
    classes: NDArray[Any], labels: NDArray[Any] | Coded | list[Any], where: str = "the labels"
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
        of_value = class_indices(classes, labels.values, where)
        return of_value.astype(np.min_scalar_type(len(classes)))[labels.codes]
    values = labels.tolist() if isinstance(labels, np.ndarray) else labels
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "f":
        # As numbers of their own precision: 0.1 in 32 bits is 0.1.
        values = list(labels)
    index = matching(classes, values)
    unknown = [label for label, found in index.items() if found is None]
    if unknown:
        raise _unknown(classes, unknown, where)
    return np.fromiter((index[label] for label in values), dtype=np.int32, count=len(values))


def matching(classes: NDArray[Any], labels: Iterable[Any]) -> dict[Any, int | None]:
    """Return the class index of each different label; None for one that is no class.

    Raises:
        DataError: for a label that may be either of two classes.

    >>> matching(np.array(["2.1", "2.10"]), ["2.10", 2.1, "x"])
    {'2.10': 1, 2.1: 0, 'x': None}
    """
    names = classes.tolist() if classes.dtype.kind != "f" else list(classes)
    spelled = {str(name): index for index, name in enumerate(names)}
    canonicals = [canonical(name) for name in names]
    meant = {text: index for index, text in enumerate(canonicals)}
    twice = {text for text, count in Counter(canonicals).items() if count > 1}
    booleans = _BOOLEANS if classes.dtype.kind == "b" else {}
    found: dict[Any, int | None] = {}
    for label in labels:
        if label in found:
            continue
        text = canonical(label)
        own = str(label) if isinstance(label, str) else text
        index = spelled.get(own)
        if index is None and text in twice:
            raise _ambiguous(
                label, [n for n, c in zip(names, canonicals, strict=True) if c == text]
            )
        if index is None:
            index = meant.get(booleans.get(text.lower(), text))
        found[label] = index
    return found


def _ambiguous(label: object, names: list[Any]) -> DataError:
    """Return the error for a label that several classes spell differently."""
    several = " and ".join(repr(name) for name in names[:_SHOWN])
    found = f"the label {label!r} may be any of the model's classes {several}"
    hint = "give the labels as the model's classes are spelled"
    return DataError(found, "a label that is spelled like one of them", hint)


def _unknown(classes: NDArray[Any], unknown: list[Any], where: str) -> DataError:
    """Return the error for labels that are no classes."""
    names = ", ".join(repr(_plain(label)) for label in unknown[:_SHOWN])
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    hint = suggestion(str(unknown[0]), [str(label) for label in classes])
    found = f"{where} hold {names}{more}, which the model was not trained on"
    return DataError(found, "only classes of the model", hint)


def _plain(label: Any) -> Any:
    """Return a NumPy scalar as Python's own value, which is printed as one would write it."""
    return label.item() if isinstance(label, np.generic) else label
