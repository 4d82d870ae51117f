"""JSON shapes: a small schema language for values.

A shape is written like the values that it allows:

* `int`, `float`, `str`, `bool`: a value of this type (a whole number is also a
  `float`; true and false are neither); `object`: any value,
* `None` or a string: exactly this,
* `[shape]`: a list of such values,
* `{"key": shape, ...}`: an object with exactly these keys,
* `{str: shape}`: an object with any keys,
* `(shape, shape)`: any of these.
"""

from __future__ import annotations

from reprlib import repr as short
from typing import TYPE_CHECKING, Any

from epochal.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def check(value: object, shape: Any, where: str) -> None:
    """Refuse a value that does not have the shape, with the path of the mismatch; return nothing.

    >>> check({"size": [1, 2]}, {"size": [int]}, "box")
    >>> check({"size": [1, "x"]}, {"size": [int]}, "box")
    Traceback (most recent call last):
    epochal.errors.ModelError: box.size[1] is 'x'; expected a whole number.
    Hint: copy the file again from where it was made, or train the model again
    """
    for place, sentence, expected in mismatches(value, shape, where):
        raise ModelError.from_damage(f"{place} {sentence}", expected)


def mismatches(value: object, shape: Any, where: str) -> Iterator[tuple[str, str, str]]:
    """Yield mismatches: the path, what is there, what is expected."""
    if isinstance(shape, tuple):
        if all(any(mismatches(value, option, where)) for option in shape):
            yield where, f"is {short(value)}", words(shape)
    elif isinstance(shape, list) and isinstance(value, list):
        for number, item in enumerate(value):
            yield from mismatches(item, shape[0], f"{where}[{number}]")
    elif isinstance(shape, dict) and isinstance(value, dict):
        yield from _key_mismatches(value, shape, where)
    elif not _fits(value, shape):
        yield where, f"is {short(value)}", words(shape)


def words(shape: Any) -> str:
    """Return the shape in words.

    >>> words((None, [int], "infinity"))
    "null or a list or 'infinity'"
    """
    if isinstance(shape, tuple):
        return " or ".join(words(option) for option in shape)
    if isinstance(shape, list):
        return "a list"
    if isinstance(shape, dict):
        return "an object"
    return "null" if shape is None else _WORDS.get(shape, repr(shape))


def _key_mismatches(
    value: dict[str, Any], shape: Any, where: str
) -> Iterator[tuple[str, str, str]]:
    """Yield the mismatches of an object."""
    if str in shape:
        shape = dict.fromkeys(value, shape[str])
    for key in sorted(shape.keys() - value.keys()):
        yield where, "lacks a key", repr(key)
    for key in sorted(value.keys() - shape.keys()):
        yield where, f"has an unknown key {short(key)}", ""
    for key in sorted(shape.keys() & value.keys()):
        yield from mismatches(value[key], shape[key], f"{where}.{key}")


def _fits(value: object, shape: Any) -> bool:
    """Whether a value has a shape that is no list, object or choice."""
    if shape is None or isinstance(shape, str):
        return value == shape
    if not isinstance(shape, type):
        return False
    if isinstance(value, bool):
        return shape in {bool, object}
    if shape is float and isinstance(value, int):
        return value.bit_length() < 1024  # or it would be no float
    return isinstance(value, shape)
