"""Every setting can be typed, and only as what it may be."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import pytest

from epochal.cli.options import (
    add_settings,
    chosen_settings,
    option_of,
    placeholder,
    setting_value,
    spelled,
)
from epochal.config.constraints import Flag
from epochal.config.presets import PRESETS
from epochal.config.settings import SETTINGS
from epochal.errors import SettingError
from epochal.model.persistence import load

TYPED = [name for name, about in SETTINGS.items() if not isinstance(about.constraint, Flag)]


def typed(*words: str) -> dict[str, object]:
    """Return the settings that were typed."""
    parser = argparse.ArgumentParser()
    add_settings(parser)
    return chosen_settings(parser.parse_args(words))


def test_help_follows_the_fields():
    """The help has an option for each setting, with its summary and its default as it is typed."""
    parser = argparse.ArgumentParser(prog="epochal")
    add_settings(parser)
    text = " ".join(parser.format_help().split())

    for name, about in SETTINGS.items():
        assert f"{about.summary} (default: {spelled(about.default)})" in text
        assert f"{option_of(name)} " in text or f"{option_of(name)}, " in text


def test_what_is_not_typed_is_absent():
    """Only typed settings replace those of the preset."""
    assert typed() == {}
    assert typed("--dropout", "0.5") == {"dropout": 0.5}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", TYPED)
def test_what_is_spelled_is_read_back(name, preset):
    """Every value of every preset, typed as it is shown, is that value again."""
    value = asdict(PRESETS[preset])[name]

    assert setting_value(name, spelled(value)) == value


def breaking_texts(name: str) -> list[str]:
    """Return the values that break a setting's constraint, typed; some become allowed thereby."""
    values = [
        value for value in SETTINGS[name].constraint.breaking() if not isinstance(value, bool)
    ]
    if name == "sqrt_transform":
        # The word is allowed: it is how True is typed.
        values = [value for value in values if value != "yes"]
    if name == "hidden_layer_sizes":
        # A single number is typed as a single size is.
        values = [value for value in values if not isinstance(value, int)]
    return [spelled(value) for value in values if not isinstance(value, tuple) or len(value) > 1]


@pytest.mark.parametrize(("name", "text"), [(n, t) for n in TYPED for t in breaking_texts(n)])
def test_what_breaks_a_constraint_is_refused_with_its_option(name, text):
    """The message names the option as typed, and the allowed values."""
    with pytest.raises(SettingError) as caught:
        setting_value(name, text)

    assert caught.value.found == f"--{name.replace('_', '-')} is {text!r}"
    assert caught.value.expected


def test_errors_name_the_allowed_values_as_options_take_them():
    """The words of the command line, and not those of Python."""
    with pytest.raises(SettingError) as caught:
        setting_value("sqrt_transform", "maybe")

    assert caught.value.expected == "yes or no or a str among {'auto'}"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hidden_layer_sizes", "256", (256,)),
        ("hidden_layer_sizes", "256x128,64", (256, 128, 64)),
        ("patch", "24,24", (24, 24)),
        ("patch", "None", None),
        ("receptive_field", "10,8", (10, 8)),
        ("receptive_field", "auto", "auto"),
        ("max_samples", "1.0", 1.0),
        ("max_samples", "1", 1),
        ("batch_size", "auto", "auto"),
        ("learning_rate_init", "1e-2", 0.01),
        ("time_limit", "30", 30),
        ("sqrt_transform", "yes", True),
        ("sqrt_transform", "No", False),
        ("sqrt_transform", "auto", "auto"),
    ],
)
def test_readings(name, text, value):
    """A text is read as the plainest thing that the setting allows."""
    read = setting_value(name, text)

    assert (read, type(read)) == (value, type(value))


def test_flags_have_a_yes_and_a_no():
    """A setting that is true or false is typed as --name or --no-name."""
    assert typed("--no-shuffle", "--early-stopping") == {"shuffle": False, "early_stopping": True}


def test_every_placeholder_is_a_word():
    """The help never shows a Python object where a value stands."""
    for name in TYPED:
        assert "VALUE" not in placeholder(SETTINGS[name].constraint), name


def test_auto_is_left_to_the_preset(run, table, tmp_path):
    """Options override the classic preset, and the settings of an earlier model."""
    classic = ("--preset", "classic", "--learning-rate-init", "auto", "--max-iter", "1")
    assert run("train", table, "--target", "income", *classic).code == 0
    first = tmp_path / "people.epochal"
    more = ("--from", first, "--max-iter", "1", "--batch-size", "auto", "--out", tmp_path / "m")
    assert run("train", table, *more).code == 0

    assert load(first).settings.learning_rate_init == 0.1
    assert load(tmp_path / "m").settings.batch_size == load(first).settings.batch_size
