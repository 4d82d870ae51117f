"""Settings as options: every field of `Settings` as --kebab-case, validated."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from epochal.config.constraints import (
    AnyOf,
    Choice,
    Constraint,
    Flag,
    Integer,
    IsNone,
    Number,
    Sizes,
)
from epochal.config.settings import SETTINGS
from epochal.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator


class StoreSetting(argparse.Action):
    """Stores the text of an option as the value that the setting's constraint allows."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store the value in the namespace; raises SettingError for an invalid one; returns nothing."""
        del parser, option_string
        setattr(namespace, self.dest, setting_value(self.dest, str(values)))


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add one option per setting; an option that is not given is absent from the result; returns nothing."""
    group = parser.add_argument_group("settings", "by default those of the preset")
    for name, about in SETTINGS.items():
        text = f"{about.summary} (default: {spelled(about.default)})"
        option = option_of(name)
        if isinstance(about.constraint, Flag):
            group.add_argument(
                option,
                action=argparse.BooleanOptionalAction,
                default=argparse.SUPPRESS,
                help=text,
            )
        else:
            group.add_argument(
                option,
                action=StoreSetting,
                default=argparse.SUPPRESS,
                metavar=placeholder(about.constraint),
                help=text,
            )


def option_of(name: str) -> str:
    """Return the option of a setting.

    >>> option_of("n_estimators")
    '--n-estimators'
    """
    return "--" + name.replace("_", "-")


def chosen_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were given, as keyword arguments of the classifier."""
    return {name: getattr(arguments, name) for name in SETTINGS if hasattr(arguments, name)}


def setting_value(name: str, text: str) -> Any:
    """Return the first reading of the text that the setting allows.

    >>> setting_value("hidden_layer_sizes", "256,128")
    (256, 128)
    >>> setting_value("max_samples", "0.5"), setting_value("max_samples", "100")
    (0.5, 100)
    >>> print(setting_value("bagging", "none"))
    None
    """
    constraint = SETTINGS[name].constraint
    for value in _readings(text.strip()):
        if constraint.allows(value):
            return value
    expected = constraint.sentence.replace("None", "none").replace("a bool", "yes or no")
    raise SettingError(f"{option_of(name)} is {text!r}", expected)


def spelled(value: Any) -> str:
    """Return a setting's value as an option takes it.

    >>> spelled((256, 256)), spelled(None), spelled(1e-3), spelled(True)
    ('256,256', 'none', '0.001', 'yes')
    """
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return str(value)
    return {None: "none", True: "yes", False: "no"}[value] if _is_word(value) else str(value)


def placeholder(constraint: Constraint) -> str:
    """Return the placeholder of the value in the help.

    >>> placeholder(SETTINGS["batch_size"].constraint)
    'N|auto'
    """
    match constraint:
        case AnyOf(options):
            return "|".join(placeholder(option) for option in options)
        case Choice(words):
            return "|".join(words)
        case Integer():
            return "N"
        case Number():
            return "X"
        case Sizes():
            return "N,N"
        case Flag():
            return "yes|no"
        case IsNone():
            return "none"
        case _:
            return "VALUE"


def _readings(text: str) -> Iterator[object]:
    """Yield the values that the text may be, the simplest first."""
    words = {"none": None, "yes": True, "no": False}
    if text.lower() in words:
        yield words[text.lower()]
    for kind in (int, float):
        try:
            yield kind(text)
        except ValueError:
            continue
    if re.fullmatch(r"\d+([,x]\d+)*,?", text):
        yield tuple(int(size) for size in re.split("[,x]", text) if size)
    yield text


def _is_word(value: Any) -> bool:
    """Whether a value is None, True or False, which have a spelling of their own."""
    return value is None or isinstance(value, bool)
