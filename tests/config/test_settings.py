"""Every setting has one default, one constraint, and is refused where it cannot be."""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pytest

from epochal.classifier import EpochalClassifier
from epochal.config.constraints import AnyOf, Choice, Flag, Integer, IsNone, Number, Sizes
from epochal.config.presets import PRESETS, preset
from epochal.config.settings import AUTO, SETTINGS, Settings, validated
from epochal.errors import SettingError

if TYPE_CHECKING:
    from types import ModuleType

    from epochal.config.constraints import Constraint

ROOT = Path(__file__).parents[2]
TYPES = {Integer: int, Number: float, Choice: str, Flag: bool, IsNone: type(None)}

BREAKING = [
    (name, value) for name, about in SETTINGS.items() for value in about.constraint.breaking()
]


def _tool() -> ModuleType:
    """Return the script that writes the docstring and the page, as a module."""
    path = ROOT / "tools" / "write_settings.py"
    spec = importlib.util.spec_from_file_location("write_settings", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["write_settings"] = module
    spec.loader.exec_module(module)
    return module


tool = _tool()


def test_fields_hold_all_that_is_known_of_a_setting() -> None:
    """Every field has a default, a constraint, a summary and a reason; no two have one summary."""
    assert list(SETTINGS) == [field.name for field in fields(Settings)]
    for name, about in SETTINGS.items():
        assert getattr(Settings(), name) == about.default
        assert about.summary[0].islower()
        assert about.reason.endswith(".")
        assert about.details == "" or about.details.endswith(".")
        # argparse would take it for the beginning of a format.
        assert "%" not in about.summary
        assert "\n" not in about.summary
    assert len({about.summary for about in SETTINGS.values()}) == len(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_defaults_keep_their_constraints(name: str) -> None:
    """The default of a setting, and what "auto" is by the number of columns, are valid values."""
    about = SETTINGS[name]

    assert about.constraint.allows(about.default)
    assert all(about.constraint.allows(value) for value in about.by_width or ())


def test_the_parameters_of_the_classifier_follow_the_fields() -> None:
    """The signature names the settings in the order of the fields, and leaves all to the preset."""
    parameters = inspect.signature(EpochalClassifier).parameters
    found = [name for name in parameters if name in SETTINGS]

    assert found == list(SETTINGS)
    assert {parameters[name].default for name in found} == {AUTO}


@pytest.mark.parametrize("name", SETTINGS)
def test_types_of_parameters_follow_the_constraints(name: str) -> None:
    """A constraint allows the types of the parameter's annotation, and "auto"."""
    annotation = eval(EpochalClassifier.__init__.__annotations__[name], {"Auto": Literal["auto"]})
    allowed = {
        kind for constraint in options(SETTINGS[name].constraint) for kind in kinds(constraint)
    }
    members = set(get_args(annotation)) or {annotation}

    # A str may be any word; and an int is a float in annotations.
    expected = allowed | ({Literal["auto"]} if str not in allowed else set())
    assert members == (expected - {int} if float in expected else expected)


def options(constraint: Constraint) -> tuple[Constraint, ...]:
    """Return the constraints of which one has to hold, but for that of "auto"."""
    found = constraint.options if isinstance(constraint, AnyOf) else (constraint,)
    return tuple(one for one in found if one != Choice((AUTO,)))


def kinds(constraint: Constraint) -> set[Any]:
    """Return the types of what a constraint allows."""
    match constraint:
        case Sizes(None):
            return {tuple[int, ...]}
        case Sizes():
            return {tuple[int, int]}
        case _:
            return {TYPES[type(constraint)]}


def test_the_docstring_of_the_classifier_follows_the_fields() -> None:
    """Its section of settings is what tools/write_settings.py writes: types, defaults, meanings."""
    source = tool.CLASSIFIER.read_text(encoding="utf-8")

    assert tool.with_section(source) == source
    assert "    l2 : float in [0, inf), default=0.025\n" in tool.docstring_section()


def test_the_page_of_settings_follows_the_fields() -> None:
    """The tables of docs/SETTINGS.md are what tools/write_settings.py writes."""
    page = tool.PAGE.read_text(encoding="utf-8")

    assert tool.with_tables(page) == page
    for name, about in SETTINGS.items():
        assert (
            f"| `{name}` | `--{name.replace('_', '-')}` | `{tool.shown(about.default)}` |" in page
        )


@pytest.mark.parametrize(("name", "value"), BREAKING)
def test_breaking_values_are_refused_by_name(name: str, value: object) -> None:
    """A value outside its bounds is refused with its name, its bounds and itself."""
    with pytest.raises(SettingError) as caught:
        validated(Settings(), {name: value})

    assert f"'{name}' parameter" in str(caught.value)
    assert SETTINGS[name].constraint.sentence in str(caught.value)
    assert repr(value) in str(caught.value)


def test_unknown_settings_are_refused() -> None:
    """A misspelt setting is refused, with the nearest that exists."""
    with pytest.raises(SettingError, match="did you mean 'dropout'"):
        validated(Settings(), {"drop_out": 0.1})


def test_checked_replaces_only_what_is_named() -> None:
    """The fields that are not named keep the values of the base, and the base stays as it was."""
    base = preset("classic")
    changed = validated(base, {"l2": 0.5})

    assert changed == replace(base, l2=0.5)
    assert base == PRESETS["classic"]
    assert base.l2 != 0.5


def test_checked_makes_plain_values() -> None:
    """NumPy's scalars and lists become Python's own, so that the settings can be written as JSON."""
    values: dict[str, Any] = {
        "n_estimators": np.int64(2),
        "hidden_layer_sizes": [np.int32(5), 6],
        "dropout": np.float64(0.25),
        "shuffle": np.False_,
        "patch": [3, 4],
    }
    settings = validated(Settings(), values)

    assert settings.hidden_layer_sizes == (5, 6)
    assert settings.patch == (3, 4)
    assert type(settings.n_estimators) is int
    assert type(settings.dropout) is float
    assert settings.shuffle is False
    json.dumps(settings.to_dict())


@pytest.mark.parametrize("name", PRESETS)
def test_settings_survive_json(name: str) -> None:
    """Settings restored from JSON equal the original."""
    settings = replace(preset(name), patch=(3, 4), time_limit=0.1)
    text = json.dumps(settings.to_dict(), allow_nan=False)

    assert Settings.from_dict(json.loads(text)) == settings
