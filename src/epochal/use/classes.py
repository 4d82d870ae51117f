"""Which class is each label? Labels of new data, as the classes of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from epochal.errors import DataError, suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def class_indices(classes: NDArray[Any], labels: Sequence[Any] | NDArray[Any]) -> NDArray[np.int32]:
    """Return the class index of every label; a label that is no class is refused by name.

    Labels are compared by what they say, for a file may hold as text what the
    model knows as a number: "3", 3 and 3.0 are one label, and so are "True",
    "true" and True.

    >>> class_indices(np.array([3, 7]), ["7", "3", "7.0"]).tolist()
    [1, 0, 1]
    """
    known = {_meaning(label, classes.dtype.kind): index for index, label in enumerate(classes)}
    distinct: dict[Any, int] = {}
    for label in labels:
        if label not in distinct:
            distinct[label] = _index(label, known, classes.dtype.kind)
    unseen = [str(label) for label, index in distinct.items() if index < 0]
    if unseen:
        names = ", ".join(repr(name) for name in unseen[:5]) + (", …" if len(unseen) > 5 else "")
        raise DataError(
            f"the labels hold {names}, which the model was not trained on",
            "only classes of the model",
            suggestion(unseen[0], [str(label) for label in classes]),
        )
    return np.fromiter((distinct[label] for label in labels), dtype=np.int32, count=len(labels))


def _index(label: Any, known: dict[Any, int], kind: str) -> int:
    """Return the class index of one label, or -1."""
    index = known.get(_meaning(label, kind), -1)
    if index < 0 and isinstance(label, float) and label.is_integer():
        return known.get(str(int(label)), -1)
    return index


def _meaning(label: Any, kind: str) -> Any:
    """Return a label as the kind of value that the classes are; as text where that fails."""
    text = str(label).strip()
    if kind == "b":
        return TRUTHS.get(text.lower(), text)
    if kind not in "iuf":
        return str(label)
    try:
        # As a whole number first: a float holds only 53 bits of it.
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        return text
