"""The parameters of a classifier as given by the user, stored in addition to the resolved settings.

A loaded classifier has these parameters, so that a refit resolves "auto" for its rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeAlias

from epochal.config.constraints import Number
from epochal.config.presets import from_preset
from epochal.config.settings import AUTO, SETTINGS, is_auto
from epochal.errors import ModelError, SettingError
from epochal.tables.read_as import ReadAs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Label: TypeAlias = "bool | int | float | str"
Columns: TypeAlias = "tuple[str | int, ...] | None"

# The parameters that name columns: those read as names, and those read as texts.
COLUMNS = ("categorical_features", "text_features")
SHAPE = {
    "preset": str,
    "settings": {str: object},
    "class_weight": (None, "balanced", [[(bool, int, float, str)]]),
    "categorical_features": (None, [(int, str)]),
    "text_features": (None, [(int, str)]),
    "oob_score": bool,
    "warm_start": bool,
    "random_state": (int, None),
    "verbose": (bool, int),
}


@dataclass(frozen=True)
class Parameters:
    """The parameters of a classifier, except those of a machine or of a single run.

    `settings` has those that are not "auto". `class_weight` has a pair of label and weight for each
    named class: JSON keys would turn labels into texts. Columns are given by name, or by number.
    """

    preset: str = "default"
    settings: Mapping[str, Any] = field(default_factory=dict)
    class_weight: tuple[tuple[Label, float], ...] | str | None = None
    categorical_features: Columns = None
    text_features: Columns = None
    oob_score: bool = False
    warm_start: bool = False
    random_state: int | None = None
    verbose: bool | int = False

    @classmethod
    def of(
        cls, preset: str, settings: Mapping[str, Any], class_weight: Any = None, **others: Any
    ) -> Parameters:
        """Return the parameters that a user gives; refuse invalid ones, and those that cannot be stored.

        >>> Parameters.of("fast", {"l2": 0.1, "tol": "auto"}, {0: 1, 1: 2.5}).class_weight
        ((0, 1), (1, 2.5))
        """
        chosen = from_preset(preset, dict(settings))
        named = {n: getattr(chosen, n) for n, value in settings.items() if not is_auto(value)}
        if class_weight is not None and class_weight != "balanced":
            if not hasattr(class_weight, "items"):
                expected = "a dict of weights by class, 'balanced' or None"
                raise SettingError.from_value("class_weight", class_weight, expected)
            class_weight = tuple(_pairs(class_weight.items()))
        for name in COLUMNS:
            if others.get(name) is not None:
                others[name] = tuple(_plain(column) for column in others[name])
        return cls(preset, named, class_weight, **others)

    def to_arguments(self) -> dict[str, Any]:
        """Return the arguments of a classifier with these parameters."""
        arguments = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "settings"}
        if isinstance(self.class_weight, tuple):
            arguments["class_weight"] = dict(self.class_weight)
        arguments |= self.column_lists()
        settings = {name: self.settings.get(name, AUTO) for name in SETTINGS}
        return arguments | settings

    def read_as(self, columns: Sequence[str]) -> ReadAs:
        """Return which of a table's columns are read as names, and which as texts.

        >>> Parameters(categorical_features=(0,), text_features=("b",)).read_as(["a", "b"])
        ReadAs(names=('a',), texts=('b',))
        """
        named: dict[str | int, str] = {name: name for name in columns} | dict(enumerate(columns))
        given = self.column_lists()
        # Other columns may be named in a file that no fit wrote.
        return ReadAs(
            *(tuple(named[one] for one in given.get(p, ()) if one in named) for p in COLUMNS)
        )

    def column_lists(self) -> dict[str, list[str | int]]:
        """Return the lists of columns that are given."""
        given = {name: getattr(self, name) for name in COLUMNS}
        return {name: list(columns) for name, columns in given.items() if columns is not None}


def to_json(parameters: Parameters) -> dict[str, Any]:
    """Return the parameters as JSON-ready values.

    >>> to_json(Parameters(class_weight=((True, 2.0),)))["class_weight"]
    [[True, 2.0]]
    """
    described = {f.name: getattr(parameters, f.name) for f in fields(Parameters)}
    described["settings"] = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in parameters.settings.items()
    }
    if isinstance(parameters.class_weight, tuple):
        described["class_weight"] = [list(pair) for pair in parameters.class_weight]
    return described | parameters.column_lists()


def from_json(described: dict[str, Any]) -> Parameters:
    """Return the parameters that `to_json` described, validated like those of a user."""
    weights, others = described["class_weight"], dict(described)
    if isinstance(weights, list):
        if not all(len(pair) == 2 for pair in weights):
            raise ModelError.from_damage("model.json: parameters.class_weight has no pairs")
        weights = dict(map(tuple, weights))
        if len(weights) != len(described["class_weight"]):
            raise ModelError.from_damage("model.json: parameters.class_weight has a label twice")
    settings = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in others.pop("settings").items()
    }
    others.pop("class_weight")
    try:
        return Parameters.of(others.pop("preset"), settings, weights, **others)
    except SettingError as error:
        raise ModelError.from_damage(f"model.json: invalid parameters: {error.found}") from error


def _pairs(items: Iterable[tuple[Any, Any]]) -> Iterable[tuple[Label, float]]:
    """Yield labels with their weights as plain Python values."""
    for label, weight in items:
        plain, number = _plain(label), _plain(weight)
        if not isinstance(plain, (bool, int, float, str)) or plain != plain:  # noqa: PLR0124  (not NaN)
            problem = f"class_weight has a weight for {label!r}"
            raise SettingError(problem, "labels that are numbers, texts, or true and false")
        if not Number(0).allows(number):
            problem = f"the class weight of {label!r} is {weight!r}"
            raise SettingError(problem, "a finite number of at least 0")
        yield plain, int(number) if isinstance(number, Integral) else float(number)


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as a Python value, and any other value unchanged."""
    return value.item() if hasattr(value, "item") else value
