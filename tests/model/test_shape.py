"""The shape of JSON values."""

from __future__ import annotations

from typing import Any

import pytest

from epochal.errors import ModelError
from epochal.model.shape import check

FITTING = [
    (1, int),
    (1, float),
    (1.5, float),
    ("x", str),
    (True, bool),
    (None, None),
    ("infinity", "infinity"),
    ([], [int]),
    ([1, 2], [int]),
    ({"a": 1}, {"a": int}),
    ({"any": "x", "key": "y"}, {str: str}),
    ([1.0, None], [(float, None)]),
    (["a", "b"], ([int], [str])),
    ({"a": [True]}, object),
    (True, object),
]
MISFITTING = [
    (True, int, "True"),
    (False, float, "False"),
    (1.0, int, "1.0"),
    (10**400, float, "a number"),
    (1, str, "a text"),
    (1, bool, "true or false"),
    (0, None, "null"),
    ("Infinity", "infinity", "'infinity'"),
    ({}, [int], "a list"),
    ([], {"a": int}, "an object"),
    ([1, "a"], [int], r"top\[1\]"),
    ({}, {"a": int}, "lacks a key; expected 'a'"),
    ({"a": 1, "b": 2}, {"a": int}, "unknown key 'b'"),
    ({"a": {"b": [1]}}, {"a": {"b": [str]}}, r"top\.a\.b\[0\]"),
    ({"key": 1}, {str: str}, r"top\.key"),
    (["a", 1], ([int], [str]), "a list or a list"),
]


@pytest.mark.parametrize(("value", "shape"), FITTING)
def test_a_value_of_the_shape_passes(value: object, shape: Any) -> None:
    """What fits is let through."""
    assert check(value, shape, "top") is None


@pytest.mark.parametrize(("value", "shape", "message"), MISFITTING)
def test_another_value_is_refused_with_its_place(value: object, shape: Any, message: str) -> None:
    """The message names the place and what was expected there."""
    with pytest.raises(ModelError, match=message):
        check(value, shape, "top")
