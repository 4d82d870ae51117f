"""Presets are complete, valid settings with a name."""

from __future__ import annotations

from typing import Any

import pytest

from epochal.config.presets import PRESETS, from_preset, preset
from epochal.config.settings import SETTINGS, Settings, validated
from epochal.errors import SettingError


@pytest.mark.parametrize("name", PRESETS)
def test_presets_keep_their_own_constraints(name: str) -> None:
    """Every value of every preset passes the check that a user's value must pass."""
    values = {field: getattr(preset(name), field) for field in SETTINGS}

    assert validated(Settings(), values) == PRESETS[name]


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


def test_auto_is_left_to_the_preset() -> None:
    """A user's values replace those of the preset, and "auto" replaces nothing."""
    ours = from_preset("classic", {"l2": 0.5, "activation": "auto", "max_iter": "auto"})

    assert ours == validated(PRESETS["classic"], {"l2": 0.5})
    assert ours != PRESETS["classic"]
