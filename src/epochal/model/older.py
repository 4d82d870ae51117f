"""Older formats: their descriptions are converted to the newest format."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from epochal.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

# The keys that each format added, by part (a dot separates nested parts), and the values for models of
# older formats. The keys are those of that format.
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
    # Before, ε was absolute. The columns' share of unknown categories is optional.
    5: {
        "preprocessor": {"relative_epsilon": False},
        "preprocessor.schema": {
            "missing_values": ["NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"],
            "strip": True,
        },
    },
    7: {
        "settings": {"target_encoding": False},
        "preprocessor": {"vocabularies": []},
    },
    8: {"parameters": {"text_features": None}, "calibration": {"prior": []}},
}
_OF_SETTINGS = {
    "epsilon": "variance_epsilon",
    "averaging": "ema_decay",
    "n_knots": "n_bins",
    "square_roots": "sqrt_transform",
}
# Keys that a format renames: for each part, the old name and the name from this format on.
RENAMED: dict[int, dict[str, dict[str, str]]] = {
    6: {
        "settings": _OF_SETTINGS,
        "parameters.settings": _OF_SETTINGS,
        "preprocessor": {"epsilon": "variance_epsilon", "knots": "bins"},
        "calibration": {"sharpness": "inverse_temperature", "power": "exponent"},
    },
}

# Tensors that a format renames.
RENAMED_TENSORS: dict[int, dict[str, str]] = {
    6: {
        "embedding.steps": "embedding.increments",
        "embedding.own": "embedding.bin_vectors",
        "preprocess.knots": "preprocess.bins",
        "preprocess.fine_knots": "preprocess.fine_bins",
    },
}


def upgraded(described: dict[str, Any], version: int) -> dict[str, Any]:
    """Return the description of a model, converted to the format of this version; it is not checked.

    >>> old = {"format_version": 1, "members": 2, "settings": {}, "preprocessor": {}}
    >>> new = upgraded(old, 6)
    >>> new["format_version"], new["calibration"]["weights"], new["settings"]["ema_decay"]
    (6, [0.5, 0.5], 0.0)
    """
    for later in range(described["format_version"] + 1, version + 1):
        described = {**_with_new_keys(described, NEW.get(later, {})), "format_version": later}
        if later == 2:
            described["calibration"] = _plain_mean(described.get("members"))
        if later == 5:
            described["parameters"] = None if "parameters" in described else _parameters(described)
        if later == 8:
            described = _changed(described, "preprocessor", _without_buckets)
        for path, names in RENAMED.get(later, {}).items():
            described = _changed(described, path, partial(_renamed, names=names))
    return described


def _without_buckets(preprocessor: dict[str, Any]) -> dict[str, Any]:
    """Return the preprocessor with vocabularies in which unknown names share one entry."""
    found = preprocessor.get("vocabularies")
    if not isinstance(found, list):
        return preprocessor
    added = [_added(each, {"buckets": 0}) if isinstance(each, dict) else each for each in found]
    return {**preprocessor, "vocabularies": added}


def _with_new_keys(described: dict[str, Any], new: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the description with the keys that a format adds to its parts."""
    for path, keys in new.items():
        described = _changed(described, path, partial(_added, keys=keys))
    return described


def _changed(
    described: dict[str, Any], path: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Return the description with a function applied to a part; other checks refuse a part that is no object."""
    first, _, inner = path.partition(".")
    part = described.get(first)
    if not isinstance(part, dict):
        return described | {first: part}
    return described | {first: _changed(part, inner, change) if inner else change(part)}


def _added(part: dict[str, Any], keys: dict[str, Any]) -> dict[str, Any]:
    """Return a part with new keys, or an empty part, which is refused later, if it has one of them."""
    # A file of an older format must not have newer keys.
    return {} if set(keys) & set(part) else {**keys, **part}


def _renamed(part: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return a part with renamed keys; raise an error if it has one of the new names already."""
    for name in sorted(set(names.values()) & set(part)):
        raise ModelError.from_damage(f"model.json: {name} is a key of a newer format")
    return {names.get(key, key): value for key, value in part.items()}


def renamed_tensors(named: dict[str, np.ndarray], version: int) -> dict[str, np.ndarray]:
    """Return the tensors of a file in the format of this version, with the names of the newest format.

    Raises:
        ModelError: if a tensor has one of the new names already.
    """
    for later, names in RENAMED_TENSORS.items():
        if later <= version:
            continue
        for name in sorted(set(names.values()) & set(named)):
            raise ModelError.from_damage(f"there is a surplus tensor {name!r}")
        named = {names.get(name, name): array for name, array in named.items()}
    return named


def _parameters(described: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a model that stores resolved settings only: they are those settings."""
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
    """Return the calibration of models without one: the plain mean of the members."""
    count = members if isinstance(members, int) and 0 < members < 10**6 else 1
    return {"sharpness": [1.0] * count, "weights": [1.0 / count] * count, "power": 1.0}
