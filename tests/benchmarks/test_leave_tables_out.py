"""Choosing settings on half of the tables: what is chosen there, and what it is worth elsewhere."""

from __future__ import annotations

import pytest

import leave_tables_out
from accuracy_methods import settings_of
from epochal.config.presets import preset
from epochal.config.settings import validated


def rows(expected, validation_loss):
    """Return results on four tables where the first change has these figures and all others 1."""
    return [
        {
            "dataset": table,
            "seed": 0,
            "method": method,
            "expected": expected[k] if method == leave_tables_out.VARIANTS[1] else 1.0,
            "log_loss": validation_loss[k] if method == leave_tables_out.VARIANTS[1] else 1.0,
        }
        for k, table in enumerate("abcd")
        for method in leave_tables_out.VARIANTS
    ]


def test_every_variant_is_the_default_with_one_setting_changed():
    """Each names a setting that there is and a value that it can have."""
    for variant in leave_tables_out.VARIANTS:
        settings = settings_of(variant)
        own = {k: v for k, v in settings.items() if k not in {"preset", "random_state"}}
        validated(preset(settings["preset"]), own)
        assert len(own) == (variant != leave_tables_out.DEFAULT)


def test_a_setting_is_chosen_by_what_is_expected_and_judged_by_test_rows():
    """Of a change that looks better everywhere, the test rows of the other half tell the worth."""
    results = rows(expected=[0.9, 0.9, 0.9, 0.9], validation_loss=[1.1, 1.1, 1.1, 1.1])
    expected, validation_loss = (
        leave_tables_out.relative(results, f) for f in ("expected", "log_loss")
    )
    outcomes = leave_tables_out.halves(expected, validation_loss)

    assert set(outcomes["choice"]) == {leave_tables_out.VARIANTS[1]}
    assert outcomes["change"].to_numpy() == pytest.approx(0.0953, abs=1e-4)
    assert "is, on the other half, +10.0 % in log-loss" in leave_tables_out.summary(results)


def test_a_table_has_no_say_in_what_it_judges():
    """A change that is good for one table alone is chosen where that table is, judged where not."""
    results = rows(expected=[0.5, 1.1, 1.1, 1.1], validation_loss=[0.5, 1.1, 1.1, 1.1])
    expected, validation_loss = (
        leave_tables_out.relative(results, f) for f in ("expected", "log_loss")
    )
    outcomes = leave_tables_out.halves(expected, validation_loss)

    assert outcomes["change"].max() == pytest.approx(0.0953, abs=1e-4)
    assert outcomes["change"].min() == 0.0
