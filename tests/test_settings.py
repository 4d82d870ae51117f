"""Every setting has one default, one constraint, and is refused where it cannot be."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.errors import SettingError
from epochal.settings import (
    BY_WIDTH,
    CONSTRAINTS,
    PRESETS,
    Settings,
    batch_size_for,
    checked,
    preset,
    resolved,
)

NAMES = [field.name for field in fields(Settings)]
BREAKING = [(name, value) for name in NAMES for value in CONSTRAINTS[name].breaking()]


def test_every_setting_has_a_constraint() -> None:
    """The table of constraints and the dataclass name the same settings, in the same order."""
    assert list(CONSTRAINTS) == NAMES


@pytest.mark.parametrize("name", PRESETS)
def test_presets_keep_their_own_constraints(name: str) -> None:
    """Every value of every preset passes the check that a user's value must pass."""
    values = {field: getattr(preset(name), field) for field in NAMES}

    assert checked(Settings(), values) == PRESETS[name]


@pytest.mark.parametrize(("name", "value"), BREAKING)
def test_breaking_values_are_refused_by_name(name: str, value: object) -> None:
    """A value outside its bounds is refused with its name, its bounds and itself."""
    with pytest.raises(SettingError) as caught:
        checked(Settings(), {name: value})

    assert f"'{name}' parameter" in str(caught.value)
    assert CONSTRAINTS[name].sentence in str(caught.value)
    assert repr(value) in str(caught.value)


def test_unknown_settings_are_refused() -> None:
    """A misspelt setting is refused, with the nearest that exists."""
    with pytest.raises(SettingError, match="did you mean 'dropout'"):
        checked(Settings(), {"drop_out": 0.1})


def test_checked_replaces_only_what_is_named() -> None:
    """The fields that are not named keep the values of the base, and the base stays as it was."""
    base = preset("classic")
    changed = checked(base, {"l2": 0.5})

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
    settings = checked(Settings(), values)

    assert settings.hidden_layer_sizes == (5, 6)
    assert settings.patch == (3, 4)
    assert type(settings.n_estimators) is int
    assert type(settings.dropout) is float
    assert settings.shuffle is False
    json.dumps(settings.to_dict())


@pytest.mark.parametrize("name", PRESETS)
def test_settings_survive_json(name: str) -> None:
    """Settings that went through JSON are equal to what they were."""
    settings = replace(preset(name), patch=(3, 4), time_limit=0.1)
    text = json.dumps(settings.to_dict(), allow_nan=False)

    assert Settings.from_dict(json.loads(text)) == settings


@pytest.mark.parametrize("name", ["", "Default", None, 3, ["default"]])
def test_unknown_presets_are_refused(name: Any) -> None:
    """What is no preset is refused, and the presets there are are named."""
    with pytest.raises(SettingError, match="must be a str among {'default', 'classic'"):
        preset(name)


def test_the_classic_preset_is_the_classical_recipe() -> None:
    """One network, plain gradient descent, no dropout, no bag, no squashing of far-out values."""
    classic = preset("classic")

    assert classic.n_estimators == 1
    assert classic.solver == "sgd"
    assert classic.momentum == 0
    assert classic.learning_rate == "constant"
    assert classic.dropout == classic.input_dropout == 0
    assert classic.sqrt_transform is False
    assert classic.receptive_field is None
    assert classic.bagging is None
    assert classic.clip is None
    assert classic.early_stopping


@given(st.integers(1, 10**9))
def test_automatic_batches_are_powers_of_two(rows: int) -> None:
    """The automatic batch size is a power of two from 32 to 1,024 that grows with the rows."""
    size = batch_size_for(rows)

    assert size in {32, 64, 128, 256, 512, 1024}
    assert batch_size_for(rows + 1) >= size


def test_resolved_settings_hold_numbers() -> None:
    """What was automatic is a number afterwards, and no batch is larger than the data."""
    assert resolved(Settings(), rows=1_000, columns=4).batch_size == batch_size_for(1_000)
    assert resolved(Settings(), rows=7, columns=4).batch_size == 7
    assert resolved(Settings(batch_size=100), rows=1_000, columns=4).batch_size == 100
    assert resolved(Settings(batch_size=100), rows=50, columns=4).batch_size == 50


@pytest.mark.parametrize("name", BY_WIDTH)
def test_what_goes_by_the_width_of_a_table_is_as_it_says(name: str) -> None:
    """Up to 512 columns "auto" is the first value, beyond them the second; a user's own one stays."""
    narrow, wide = BY_WIDTH[name]
    found = [getattr(resolved(Settings(), 100, columns), name) for columns in (4, 512, 513)]
    own = resolved(replace(Settings(), **{name: wide}), 100, 4)

    assert found == [narrow, narrow, wide]
    assert getattr(own, name) == wide
    assert getattr(Settings(), name) == "auto"


@pytest.mark.parametrize(
    ("image", "field"),
    [((28, 28), (10, 10)), ((32, 64), (11, 22)), ((8, 8), (4, 4)), ((100, 7), None), ((), None)],
)
def test_units_see_a_third_of_the_sides_of_images(
    image: tuple[int, ...], field: tuple[int, int] | None
) -> None:
    """Of other rows, of crops, and without a hidden layer they see everything; an own value stays."""
    own = resolved(Settings(receptive_field=(3, 4)), 100, 64, image)

    assert resolved(Settings(), 100, 64, image).receptive_field == field
    assert own.receptive_field == (3, 4)
    for whole in (Settings(hidden_layer_sizes=()), Settings(patch=(9, 9)), preset("classic")):
        assert resolved(whole, 100, 64, image).receptive_field is None
