"""The ablation: steps that are settings, and what they give."""

from __future__ import annotations

import pytest

import ablation
from accuracy_methods import settings_of
from epochal.config.presets import preset
from epochal.config.settings import validated


def test_every_step_is_a_method():
    """Each step names settings that can be, and the last is the default preset."""
    for method in ablation.STEPS.values():
        settings = settings_of(method)
        own = {k: v for k, v in settings.items() if k not in {"preset", "random_state"}}
        validated(preset(settings["preset"]), own)
    assert list(ablation.STEPS.values())[-1] == "epochal:default"


def test_steps_are_relative_to_the_one_before_and_to_the_first():
    """Losses are geometric means over tables, changes are in percent over seeds."""
    rows = [
        {"dataset": table, "seed": seed, "method": method, "log_loss": 0.8 * 0.5**k, "fit_s": 2.0}
        for k, method in enumerate(ablation.STEPS.values())
        for table in ("a", "b")
        for seed in (0, 1)
    ]
    lines = ablation.steps(rows)

    assert lines[0][1:] == ("", "", "4")
    assert lines[1][1:] == ("-50.0 ± 0.0 %", "-50.0 ± 0.0 %", "4")
    assert lines[2][1:3] == ("-50.0 ± 0.0 %", "-75.0 ± 0.0 %")
    assert len(lines) == len(ablation.STEPS) == pytest.approx(7)
