"""Descriptions of older formats, as the newest one would have written them."""

from __future__ import annotations

from typing import Any

# What models of format 1 were trained without.
WITHOUT = {
    "embedding_size": None,
    "n_knots": 64,
    "averaging": 0.0,
    "calibrate": False,
}


def renewed(described: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a model of format 1 in format 2; nothing in it is checked yet.

    >>> old = {"format_version": 1, "members": 2, "settings": {}, "preprocessor": {}}
    >>> new = renewed(old)
    >>> new["format_version"], new["calibration"]["weights"], new["settings"]["averaging"]
    (2, [0.5, 0.5], 0.0)
    """
    members = described.get("members")
    count = members if isinstance(members, int) and 0 < members < 10**6 else 1
    parts: dict[str, Any] = {
        "settings": WITHOUT,
        "preprocessor": {"knots": None},
        "out_of_bag": {"expected_log_loss": None},
    }
    for key, new in parts.items():
        old = described.get(key)
        if isinstance(old, dict):
            # A key of ours in a file of the older format stays what it is: surplus.
            parts[key] = {**new, **old} if not set(new) & set(old) else {}
        else:
            parts[key] = old  # refused later, for what it is
    plain = {"sharpness": [1.0] * count, "weights": [1.0 / count] * count, "power": 1.0}
    return {**described, **parts, "format_version": 2, "calibration": plain}
