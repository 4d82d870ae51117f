"""Labels to JSON and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from epochal.errors import ModelError
from epochal.model.labels import MOST_CHARACTERS, from_json, to_json


def through_json(classes: np.ndarray) -> np.ndarray:
    """Return the labels after they went through JSON text."""
    return from_json(json.loads(json.dumps(to_json(classes))))


TYPES = (
    arrays.boolean_dtypes()
    | arrays.integer_dtypes(endianness="<")
    | arrays.unsigned_integer_dtypes(endianness="<")
    | arrays.floating_dtypes(endianness="<", sizes=(16, 32, 64))
    | arrays.unicode_string_dtypes(endianness="<")
)


@given(
    TYPES.flatmap(
        lambda dtype: arrays.arrays(
            dtype,
            st.integers(2, 6),
            elements=arrays.from_dtype(dtype, allow_nan=False, allow_infinity=False),
        )
    )
)
def test_labels_come_back_with_their_type(values: np.ndarray) -> None:
    """Every type that can be stored is restored bit for bit, the width of text included."""
    classes = np.unique(values)
    if classes.size < 2:
        with pytest.raises(ModelError, match="at least 2"):
            to_json(classes)
        return
    back = through_json(classes)
    assert back.dtype == classes.dtype
    assert back.tolist() == classes.tolist()


def test_python_strings_come_back_as_python_strings() -> None:
    """Labels of type object stay so."""
    back = through_json(np.array(["a", "ö\ud800"], dtype=object))
    assert back.dtype == object
    assert back.tolist() == ["a", "ö\ud800"]


@pytest.mark.parametrize(
    "classes",
    [
        np.array([1, "a"], dtype=object),
        np.array([1 + 2j, 3]),
        np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]"),
        np.array([b"a", b"b"]),
        np.array([[0, 1], [2, 3]]),
        np.array([1, 0]),
        np.array([1, 1]),
        np.array([0.0, np.inf]),
        np.array([0.0, np.nan]),
    ],
)
def test_labels_that_cannot_be_kept_are_refused(classes: np.ndarray) -> None:
    """Other types, unsorted, repeated and infinite labels are refused before they are written."""
    with pytest.raises(ModelError):
        to_json(classes)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("int64", ["a", "b"]),
        ("int64", [0.5, 1.5]),
        ("int8", [1, 300]),
        ("int64", [1, 10**30]),
        ("float16", [1.0, 1e10]),
        ("float64", [1, 10**400]),
        ("bool", [0, 2]),
        ("<U1", ["a", "bb"]),
        ("<U2", [1, 2]),
        ("<U0", ["", "a"]),
        ("<U3", ["a\0", "b"]),
        (">U3", ["a", "b"]),
        ("object", [1, 2]),
        ("float128", [1.0, 2.0]),
        ("datetime64[D]", ["2020-01-01", "2021-01-01"]),
        ("i4,i4", [1, 2]),
        ("O,O", ["a", "b"]),
        ("int64", [1]),
        ("int64", []),
        ("<U1", ["b", "a"]),
        (f"<U{MOST_CHARACTERS}", ["a", "b"]),
        ("<U99999999999", ["a", "b"]),
    ],
)
def test_json_that_no_saving_wrote_is_refused(dtype: str, values: list[Any]) -> None:
    """Values that are not of the type, and types that are no labels, are model errors."""
    with pytest.raises(ModelError):
        from_json({"dtype": dtype, "values": values})
