"""What a setting may be: the check, the sentence and the breaking values agree."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from epochal.config.constraints import AnyOf, Choice, Flag, Integer, IsNone, Number, Sizes

if TYPE_CHECKING:
    from epochal.config.constraints import Constraint

ALL: list[Constraint] = [
    Integer(1),
    Number(0),
    Number(0, 1, open_low=True, open_high=True),
    Choice(("adam", "sgd")),
    Flag(),
    Sizes(),
    Sizes((2,)),
    AnyOf((Integer(1), IsNone())),
]


@pytest.mark.parametrize("constraint", ALL, ids=repr)
def test_breaking_values_are_refused(constraint: Constraint) -> None:
    """A constraint names at least one value that breaks it, and refuses each that it names."""
    breaking = constraint.breaking()

    assert breaking
    assert not any(constraint.allows(value) for value in breaking)


@pytest.mark.parametrize(
    ("constraint", "value"),
    [
        (Integer(1), 1),
        (Integer(1), np.int64(3)),
        (Integer(-2), -2),
        (Number(0), 0),
        (Number(0), np.float32(0.5)),
        (Number(0, 1), 1.0),
        (Number(0, 1, open_low=True), math.nextafter(0.0, 1.0)),
        (Choice(("adam", "sgd")), "sgd"),
        (Flag(), False),
        (Flag(), np.True_),
        (Sizes(), ()),
        (Sizes(), [5, np.int32(5)]),
        (Sizes((2,)), (3, 4)),
        (IsNone(), None),
        (AnyOf((Integer(1), IsNone())), None),
        (AnyOf((Integer(1), IsNone())), 7),
    ],
)
def test_good_values_are_allowed(constraint: Constraint, value: object) -> None:
    """Values inside the bounds are allowed, NumPy's scalars and lists as well."""
    assert constraint.allows(value)


@pytest.mark.parametrize(
    ("constraint", "value"),
    [
        (Integer(0), True),
        (Integer(0), 1.0),
        (Number(0), True),
        (Number(0), np.nan),
        (Number(0), -np.inf),
        (Number(0, 1, open_low=True), 0),
        (Number(0, 1, open_high=True), 1),
        (Number(0, 1), math.nextafter(1.0, 2.0)),
        (Choice(("adam",)), b"adam"),
        (Flag(), 1),
        (Sizes(), 5),
        (Sizes(), "55"),
        (Sizes((2,)), (3,)),
        (IsNone(), 0),
        (AnyOf((Integer(1), IsNone())), 0),
    ],
)
def test_values_at_the_edge_are_refused(constraint: Constraint, value: object) -> None:
    """Values just outside the bounds and values of a neighbouring type are refused."""
    assert not constraint.allows(value)


@pytest.mark.parametrize(
    ("constraint", "sentence"),
    [
        (Integer(1), "an int in the range [1, inf)"),
        (Number(0), "a float in the range [0, inf)"),
        (Number(0, 1, open_low=True), "a float in the range (0, 1]"),
        (Number(0, 0.5, open_high=True), "a float in the range [0, 0.5)"),
        (Choice(("adam", "sgd")), "a str among {'adam', 'sgd'}"),
        (Flag(), "a bool"),
        (Sizes(), "a tuple of ints in the range [1, inf)"),
        (Sizes((2, 3)), "a tuple of 2 or 3 ints in the range [1, inf)"),
        (AnyOf((Integer(1), IsNone())), "an int in the range [1, inf) or None"),
    ],
)
def test_sentences(constraint: Constraint, sentence: str) -> None:
    """A sentence names the type and the bounds, and stands after 'must be'."""
    assert constraint.sentence == sentence


@pytest.mark.parametrize(
    ("constraint", "annotation"),
    [
        (Integer(1), "int in [1, inf)"),
        (Number(0, 1, open_low=True), "float in (0, 1]"),
        (Choice(("adam", "sgd")), '{"adam", "sgd"}'),
        (Choice(("auto",)), '"auto"'),
        (Flag(), "bool"),
        (Sizes(), "tuple of int"),
        (Sizes((2,)), "(int, int)"),
        (AnyOf((Integer(0), Choice(("auto",)), IsNone())), 'int in [0, inf), "auto" or None'),
    ],
)
def test_annotations_are_types_as_docstrings_write_them(
    constraint: Constraint, annotation: str
) -> None:
    """A type with its interval, words in braces, and alternatives joined by "or"."""
    assert constraint.annotation == annotation
