"""Descriptions of older formats, as the newest one would have written them."""

from __future__ import annotations

from typing import Any

# What came with each format, by part (one within another behind a dot), and what models of older
# ones were made with.
NEW: dict[int, dict[str, dict[str, Any]]] = {
    2: {
        "settings": {
            "embedding_size": None,
            "n_knots": 64,
            "averaging": 0.0,
            "calibrate": False,
        },
        "preprocessor": {"knots": None},
        "out_of_bag": {"expected_log_loss": None},
    },
    3: {
        "settings": {"input_dropout": 0.0, "square_roots": False},
        "preprocessor": {"roots": []},
    },
    4: {"settings": {"receptive_field": None}},
    # Before, ε was in the unit of the data. What columns say of unknown categories may be left out.
    5: {
        "preprocessor": {"relative_epsilon": False},
        "preprocessor.schema": {
            "missing_values": ["NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"],
            "strip": True,
        },
    },
}


def renewed(described: dict[str, Any], version: int) -> dict[str, Any]:
    """Return the description of a model in the format of this version; nothing in it is checked yet.

    >>> old = {"format_version": 1, "members": 2, "settings": {}, "preprocessor": {}}
    >>> new = renewed(old, 5)
    >>> new["format_version"], new["calibration"]["weights"], new["settings"]["averaging"]
    (5, [0.5, 0.5], 0.0)
    """
    for later in range(described["format_version"] + 1, version + 1):
        described = {**described, **_added(described, NEW[later]), "format_version": later}
        if later == 2:
            described["calibration"] = _plain_mean(described.get("members"))
        if later == 5:
            described["parameters"] = None if "parameters" in described else _parameters(described)
    return described


def _added(described: dict[str, Any], new: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the parts that have new keys, with them."""
    parts: dict[str, Any] = {}
    for path, keys in new.items():
        part, _, inner = path.partition(".")
        old = {**described, **parts}.get(part)
        if not isinstance(old, dict):
            parts[part] = old  # refused later, for what it is
        elif inner:
            parts[part] = {**old, **_added(old, {inner: keys})}
        else:
            # A key of ours in a file of the older format is surplus: nothing is left to read.
            parts[part] = {} if set(keys) & set(old) else {**keys, **old}
    return parts


def _parameters(described: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a model that stores resolved settings only: these settings."""
    return {
        "preset": "default",
        "settings": described.get("settings"),
        "class_weight": None,
        "categorical_features": None,
        "oob_score": False,
        "warm_start": False,
        "random_state": described.get("seed"),
        "verbose": False,
    }


def _plain_mean(members: object) -> dict[str, Any]:
    """Return the calibration of models that had none: the mean of the members as they are."""
    count = members if isinstance(members, int) and 0 < members < 10**6 else 1
    return {"sharpness": [1.0] * count, "weights": [1.0 / count] * count, "power": 1.0}
