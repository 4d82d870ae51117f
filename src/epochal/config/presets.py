"""Presets: named settings, and settings from a preset with overrides."""

from __future__ import annotations

from typing import Any, Final

from epochal.config.constraints import Choice
from epochal.config.settings import Settings, is_auto, validated
from epochal.errors import SettingError, suggestion

PRESETS: Final[dict[str, Settings]] = {
    "default": Settings(),
    # The classical recipe: one network, standardised columns, mini-batch gradient descent, L2, early
    # stopping on held-out rows.
    "classic": Settings(
        n_estimators=1,
        hidden_layer_sizes=(100,),
        activation="relu",
        solver="sgd",
        learning_rate_init=0.1,
        learning_rate="constant",
        momentum=0.0,
        l2=1e-4,
        dropout=0.0,
        input_dropout=0.0,
        bagging=None,
        receptive_field=None,
        clip=None,
        sqrt_transform=False,
        target_encoding=False,
        embedding_size=None,
        ema_decay=0.0,
        calibrate=False,
    ),
    # Two coarse members, one for each of two cores, and few epochs: for a first look and
    # for tuning.
    "fast": Settings(n_estimators=2, max_iter=40, n_iter_no_change=3),
    # Eight times the members, each of which holds out half as many rows: four rounds of each variant.
    "best": Settings(n_estimators=128, n_folds=16),
}


def from_preset(name: str, values: dict[str, Any]) -> Settings:
    """Return the preset with this name, overridden by a user's values.

    Values of "auto" leave the preset unchanged.

    >>> from_preset("classic", {"dropout": 0.5, "activation": "auto"}).activation
    'relu'
    """
    return validated(preset(name), {n: value for n, value in values.items() if not is_auto(value)})


def preset(name: str) -> Settings:
    """Return the preset with this name.

    >>> preset("classic").n_estimators
    1
    """
    if not isinstance(name, str) or name not in PRESETS:
        words = Choice(tuple(PRESETS)).sentence
        raise SettingError(
            f"The 'preset' parameter of EpochalClassifier must be {words}. Got {name!r} instead.",
            "",
            suggestion(str(name), PRESETS),
        )
    return PRESETS[name]
