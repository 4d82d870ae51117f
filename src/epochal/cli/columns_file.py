"""The roles of columns in a TOML file: `--columns FILE`.

    target = "income"
    weight = "households"
    drop = ["id", "name"]
    categorical = ["zip"]
    text = ["title"]
    skip_lines = 2
    missing_values = ["NA", "-999"]

Command-line options override the file.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from epochal.errors import SettingError, suggestion
from epochal.io.opening import reading
from epochal.io.pipes import is_piped, piped

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

ONE = ("target", "weight", "group", "time")
SEVERAL = ("drop", "categorical", "text", "missing_values")
FLAGS = ("no_header", "keep_spaces")
COUNTS = ("skip_lines",)


def fill_in(arguments: argparse.Namespace) -> None:
    """Set options that were not given from the file, if there is one; returns nothing."""
    if arguments.columns is None:
        return
    file = arguments.columns
    if is_piped(file):
        file = piped(file, "", arguments.output.waiting)
    for name, value in options_in(file).items():
        if hasattr(arguments, name) and not getattr(arguments, name):
            setattr(arguments, name, value)


def options_in(path: Path) -> dict[str, Any]:
    """Return the options in a file, validated.

    Raises:
        SourceError: if there is no such file, or it is no TOML.
        SettingError: for an unknown key, or a value of another type.
    """
    with reading(path, "a TOML file with the roles of columns"), path.open("rb") as file:
        options = tomllib.load(file)
    known = (*ONE, *SEVERAL, *FLAGS, *COUNTS)
    for name, value in options.items():
        if name not in known:
            raise SettingError(
                f"{path} has the key {name!r}",
                f"one of {', '.join(known)}",
                suggestion(name, known),
            )
        if name in ONE and not isinstance(value, str):
            raise SettingError(
                f"{name} in {path} is {value!r}", "the name of one column, in quotes"
            )
        if name in SEVERAL and not _is_names(value):
            what = "texts" if name == "missing_values" else "names of columns"
            raise SettingError(f"{name} in {path} is {value!r}", f'{what}, as ["id", "name"]')
        if name in FLAGS and not isinstance(value, bool):
            raise SettingError(f"{name} in {path} is {value!r}", "true or false")
        if name in COUNTS and (type(value) is not int or value < 0):
            raise SettingError(f"{name} in {path} is {value!r}", "a whole number from 0 up")
    return {name: tuple(value) if name in SEVERAL else value for name, value in options.items()}


def _is_names(value: object) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
