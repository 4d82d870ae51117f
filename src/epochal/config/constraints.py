"""Constraints of settings: a check, a sentence, a type, and values that violate it.

The sentence is used in error messages, the type in docstrings and tables, the violating values in
tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Protocol


class Constraint(Protocol):
    """A check with its sentence."""

    @property
    def sentence(self) -> str:
        """What the value must be, as the continuation of 'must be'."""

    @property
    def annotation(self) -> str:
        """The type, as docstrings write it."""

    def allows(self, value: object) -> bool:
        """Whether the value is valid."""

    def breaking(self) -> list[object]:
        """Return values that are not allowed, for tests."""


@dataclass(frozen=True)
class Integer:
    """An integer that is at least `low`."""

    low: int

    @property
    def sentence(self) -> str:
        """What the value must be."""
        return f"an int in the range [{self.low}, inf)"

    @property
    def annotation(self) -> str:
        """The type, as docstrings write it."""
        return f"int in [{self.low}, inf)"

    def allows(self, value: object) -> bool:
        """Whether the value is such a number; booleans are not."""
        if isinstance(value, bool) or not isinstance(value, Integral):
            return False
        return int(value) >= self.low

    def breaking(self) -> list[object]:
        """Return values that are not allowed."""
        return [self.low - 1, 1.5, "many", True]


@dataclass(frozen=True)
class Number:
    """A real number between `low` and `high`; `open_low`/`open_high` exclude the ends."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    @property
    def sentence(self) -> str:
        """What the value must be."""
        return f"a float in the range {self._range}"

    @property
    def annotation(self) -> str:
        """The type, as docstrings write it."""
        return f"float in {self._range}"

    @property
    def _range(self) -> str:
        """The interval."""
        left = "(" if self.open_low else "["
        right = ")" if self.open_high or math.isinf(self.high) else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"

    def allows(self, value: object) -> bool:
        """Whether the value is such a number; booleans, NaN and infinity are not."""
        if isinstance(value, bool) or not isinstance(value, Real):
            return False
        try:
            number = float(value)
        except OverflowError:  # an integer beyond the range of floats
            return False
        if not math.isfinite(number):
            return False
        above = number > self.low if self.open_low else number >= self.low
        below = number < self.high if self.open_high else number <= self.high
        return above and below

    def breaking(self) -> list[object]:
        """Return values that are not allowed."""
        return [self.low - 1, math.nan, math.inf, 10**400, "some", False]


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What the value must be."""
        return "a str among {" + ", ".join(repr(word) for word in self.words) + "}"

    @property
    def annotation(self) -> str:
        """The type, as docstrings write it."""
        words = ", ".join(f'"{word}"' for word in self.words)
        return words if len(self.words) == 1 else f"{{{words}}}"

    def allows(self, value: object) -> bool:
        """Whether the value is one of the words."""
        return isinstance(value, str) and value in self.words

    def breaking(self) -> list[object]:
        """Return values that are not allowed."""
        return ["no such word", 3]


@dataclass(frozen=True)
class Flag:
    """True or False."""

    @property
    def sentence(self) -> str:
        """What the value must be."""
        return "a bool"

    @property
    def annotation(self) -> str:
        """The type, as docstrings write it."""
        return "bool"

    def allows(self, value: object) -> bool:
        """Whether the value is a boolean, NumPy's included."""
        return isinstance(value, bool) or type(value).__name__ == "bool"

    def breaking(self) -> list[object]:
        """Return values that are not allowed."""
        return ["yes", 2]


@dataclass(frozen=True)
class Sizes:
    """A sequence of integers of at least 1; `lengths` are its valid lengths (None: any)."""

    lengths: tuple[int, ...] | None = None

    @property
    def sentence(self) -> str:
        """What the value must be."""
        count = "" if self.lengths is None else f" {' or '.join(map(str, self.lengths))}"
        return f"a tuple of{count} ints in the range [1, inf)"

    @property
    def annotation(self) -> str:
        """The type, as docstrings write it."""
        if self.lengths is None:
            return "tuple of int"
        return " or ".join(f"({', '.join(['int'] * length)})" for length in self.lengths)

    def allows(self, value: object) -> bool:
        """Whether the value is such a sequence."""
        if not isinstance(value, (tuple, list)):
            return False
        return (self.lengths is None or len(value) in self.lengths) and all(
            Integer(1).allows(size) for size in value
        )

    def breaking(self) -> list[object]:
        """Return values that are not allowed."""
        return [(0,), (10, -1), ("wide",), 1.5]


@dataclass(frozen=True)
class IsNone:
    """None."""

    @property
    def sentence(self) -> str:
        """What the value must be."""
        return "None"

    @property
    def annotation(self) -> str:
        """The type, as docstrings write it."""
        return "None"

    def allows(self, value: object) -> bool:
        """Whether the value is None."""
        return value is None

    def breaking(self) -> list[object]:
        """Return values that are not allowed."""
        return []


@dataclass(frozen=True)
class AnyOf:
    """Any of several constraints."""

    options: tuple[Constraint, ...]

    @property
    def sentence(self) -> str:
        """What the value must be."""
        return " or ".join(option.sentence for option in self.options)

    @property
    def annotation(self) -> str:
        """The type, as docstrings write it."""
        *others, last = (option.annotation for option in self.options)
        return f"{', '.join(others)} or {last}"

    def allows(self, value: object) -> bool:
        """Whether one of the constraints allows the value."""
        return any(option.allows(value) for option in self.options)

    def breaking(self) -> list[object]:
        """Return values that none of the constraints allows."""
        candidates = [value for option in self.options for value in option.breaking()]
        return [value for value in candidates if not self.allows(value)]
