"""The door: the public names, loaded when first used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import epochal
from epochal import EpochalError, errors

if TYPE_CHECKING:
    from collections.abc import Callable

HEAVY = {"jax", "jaxlib", "numpy", "scipy", "sklearn", "pyarrow", "narwhals", "rich", "pandas"}


def test_importing_loads_nothing_heavy(in_new_process: Callable[..., str]) -> None:
    """`import epochal` alone loads neither JAX nor NumPy, nor anything else that takes time."""
    program = "import sys, epochal; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = set(in_new_process(program).split())

    assert "epochal" in loaded
    assert not HEAVY & loaded


@pytest.mark.parametrize("name", epochal.__all__)
def test_public_names_are_there(name: str) -> None:
    """Every public name can be had from the package, and is listed by dir()."""
    assert getattr(epochal, name) is not None
    assert name in dir(epochal)


def test_every_error_and_warning_is_public() -> None:
    """Every error of `epochal.errors` is exported, except those that users never meet by name."""
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, (EpochalError, Warning))
    }

    assert defined - set(epochal.__all__) == {"CellError", "CellTypeError"}


@pytest.mark.parametrize("name", ["Settings", "PRESETS", "EpochEvent", "DataError"])
def test_settings_events_and_errors_load_nothing_heavy(
    name: str, in_new_process: Callable[..., str]
) -> None:
    """They can be used, and errors caught, without JAX or NumPy."""
    program = f"import sys; from epochal import {name}; print(*sys.modules)"

    assert not HEAVY & set(in_new_process(program).split())


def test_other_names_are_refused() -> None:
    """A name that is not public raises what Python raises for any module."""
    with pytest.raises(AttributeError, match="module 'epochal' has no attribute 'Classifier'"):
        _ = epochal.Classifier


def test_the_version_is_a_version() -> None:
    """The version has three numbers, and perhaps a suffix for a pre-release."""
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.?(a|b|rc|dev)\d+)?", epochal.__version__)
